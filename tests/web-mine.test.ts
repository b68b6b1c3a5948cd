import { expect, setDefaultTimeout, test } from 'bun:test'
import { PATHS } from '../web/src/paths'
import { makeAccount, password } from './support/accounts'
import { hasBrowser } from './support/browser'
import { payInBrowser } from './support/money'
import { insertBooking } from './support/rows'
import { makeSpecialist } from './support/specialists'
import { initDataOf, launchOf, miniAppOf, signMiniApp } from './support/telegram'
import { button, said, seriousViolations, takePicture, unexpected, withWebApp } from './support/web'
import { at, clientOf, makePerson, makeSpace, type TestPerson, testDate, until } from './support/world'

setDefaultTimeout(90_000)

const web = withWebApp()
const { open } = web

const browser = hasBrowser()

async function payFor(person: TestPerson, bookingId: string) {
  const client = clientOf(web.server, person)
  await payInBrowser(web.server, await client.payments.createIntent.mutate({ bookingId }))
  return client.payments.confirm.mutate({ bookingId })
}

test.skipIf(!browser)(
  'what comes back is said before a booking is cancelled, to the cent, and stands among the payments then',
  async () => {
    const space = await makeSpace(web.server, {
      priceMinor: 2001,
      cancellation: [{ hoursBefore: 1, refundPercent: 50 }],
    })
    const person = await makePerson(web.server)
    const client = clientOf(web.server, person)
    const { id } = await client.slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
    await payFor(person, id)
    const visitor = await open(PATHS.bookings, { person, phone: true })
    const { page } = visitor
    await button(page, 'Cancel').click()
    await said(page, 'You get back €10.01 (50 %).')
    expect((await client.bookings.byId.query({ id })).status).toBe('confirmed')
    await button(page, 'Cancel the booking').click()
    await said(page, /€10\.01 given back/)
    expect(await client.bookings.byId.query({ id })).toMatchObject({ refundedMinor: 1001 })
    await page.getByRole('link', { name: 'Payments' }).click()
    await said(page, /Given back: €10\.01/)
    expect(await seriousViolations(page)).toEqual([])
    expect(unexpected(visitor)).toEqual([])
  },
)

test.skipIf(!browser)(
  'what is next stands first among the bookings, however many come behind it or are over',
  async () => {
    const person = await makePerson(web.server)
    const next = await makeSpace(web.server, { name: 'The next one' })
    const later = await makeSpace(web.server, { name: 'A later one' })
    await insertBooking(web.server, next, person, { from: at(8), to: at(9) })
    const day = 86_400_000
    const dayOf = (days: number) => new Date(Date.parse(at(9)) + days * day).toISOString()
    for (const days of Array.from({ length: 51 }, (_, index) => index + 1))
      await insertBooking(web.server, later, person, { from: dayOf(days), to: dayOf(days + 0.04) })
    await insertBooking(web.server, later, person, {
      from: '2026-01-05T09:00:00Z',
      to: '2026-01-05T10:00:00Z',
      status: 'completed',
    })
    const { page } = await open(PATHS.bookings, { person })
    await said(page, 'The next one')
    const first = page.getByRole('article').first()
    expect(await first.textContent()).toContain('The next one')
    await page.getByText('Took place').waitFor()
  },
)

test.skipIf(!browser)('who comes for a booking says so among the bookings, once it is time', async () => {
  const space = await makeSpace(web.server, { name: 'Quiet room' })
  const person = await makePerson(web.server)
  const [soon, later] = [30, 90].map((minutes) => {
    const from = Math.ceil(Date.now() / 60_000) * 60_000 + minutes * 60_000
    return { from: new Date(from).toISOString(), to: new Date(from + 1_800_000).toISOString() }
  })
  const { id } = await insertBooking(web.server, space, person, soon)
  await insertBooking(web.server, space, person, later)
  const visitor = await open(PATHS.bookings, { person, phone: true })
  const { page } = visitor
  await said(page, 'Quiet room')
  expect(await page.getByRole('button', { name: 'I am here' }).count()).toBe(1)
  await button(page, 'I am here').press('Enter')
  await said(page, 'You have come')
  expect(await page.getByRole('button', { name: 'I am here' }).count()).toBe(0)
  const client = clientOf(web.server, person)
  expect((await client.bookings.byId.query({ id })).arrivedAt).toBeString()
  expect((await client.checkIns.present.query({ locationId: space.locationId })).mine).toMatchObject({
    person: { id: person.id },
  })
  expect(unexpected(visitor)).toEqual([])
})

test.skipIf(!browser)(
  'points pay a part, which can be taken back, or all of it, which books at once',
  async () => {
    const space = await makeSpace(web.server, { priceMinor: 5000 })
    const person = await makePerson(web.server)
    const admin = clientOf(web.server, await makePerson(web.server, 'admin'))
    await admin.loyalty.correct.mutate({ id: person.id, points: 300, reason: 'Welcome' })
    const visitor = await open(`/spaces/${space.id}?date=${testDate}`, { person })
    const { page } = visitor
    await page.locator(`[data-slot="${at(9)}"]`).click()
    await button(page, 'Pay €50.00').click()
    await button(page, 'Use my 300 points').click()
    await said(page, '300 points pay €15.00 of it.')
    await said(page, /^€35\.00$/)
    await takePicture(page, 'points')
    expect(await seriousViolations(page)).toEqual([])
    await button(page, 'Keep my points').click()
    await said(page, /^€50\.00$/)
    await button(page, 'Use my 300 points').click()
    await said(page, /^€35\.00$/)
    await button(page, 'Pay now').click()
    await said(page, 'Booked. See you there!')
    const client = clientOf(web.server, person)
    expect((await client.bookings.list.query({})).items).toMatchObject([
      { status: 'confirmed', redeemedPoints: 300, pointsMinor: 1500, paidMinor: 3500 },
    ])
    await page.goto(`${web.server.url}${PATHS.points}`)
    await said(page, '0 points')
    await said(page, 'Used to pay')

    await admin.loyalty.correct.mutate({ id: person.id, points: 5000, reason: 'Thank you' })
    await page.goto(`${web.server.url}/spaces/${space.id}?date=${testDate}`)
    await page.locator(`[data-slot="${at(11)}"]`).click()
    await button(page, 'Pay €50.00').click()
    await button(page, 'Use my 5000 points').click()
    await said(page, 'Booked. See you there!')
    expect((await client.loyalty.mine.query({})).points).toBe(4000)
    expect(unexpected(visitor)).toEqual([])
  },
)

test.skipIf(!browser)(
  'one is told what happens on whichever page one is, sees how much is new, and chooses what to hear',
  async () => {
    const made = await makeSpecialist(web.server, { service: { needsApproval: true } })
    const person = await makePerson(web.server)
    const client = clientOf(web.server, person)
    const specialist = await open(PATHS.work, { person: made.person })
    await said(specialist.page, 'Nobody waits for an answer.')
    const visitor = await open(PATHS.account, { person, phone: true, dark: true })
    const admin = clientOf(web.server, await makePerson(web.server, 'admin'))
    await until(async () => (await admin.realtime.stats.query()).signedIn >= 2)
    const { id } = await client.bookings.create.mutate({ serviceId: made.service.id, startsAt: at(9) })
    await client.bookings.confirm.mutate({ id })
    await button(specialist.page, 'Accept').click()
    const { page } = visitor
    await said(page, /says yes/)
    // What says so in passing does not lie upon the way to all that was said.
    await page.getByRole('link', { name: /^Notifications, \d new/ }).click({ timeout: 3000 })
    await said(page, /says yes/)
    await button(page, 'Mark all as read').click()
    await page.locator('.bell[aria-label="Notifications"]').waitFor()
    expect((await client.notifications.list.query({})).unread).toBe(0)
    await page.getByRole('checkbox', { name: 'A day before: E-mail' }).click()
    await until(async () => {
      const { items } = await client.notifications.preferences.query()
      return items.find(({ kind }) => kind === 'reminder_day')?.email === false
    })
    expect(await seriousViolations(page)).toEqual([])
    expect([visitor, specialist].map(unexpected)).toEqual([[], []])
  },
)

const dark = {
  bg_color: '#17212b',
  secondary_bg_color: '#232e3c',
  text_color: '#f5f5f5',
  hint_color: '#708499',
  link_color: '#6ab3f3',
  button_color: '#5288c1',
  button_text_color: '#ffffff',
}

test.skipIf(!browser)(
  'inside Telegram one is signed in by what Telegram signed, in its language and its colours, once a launch',
  async () => {
    const initData = initDataOf(signMiniApp(web.server.deps.telegram.token(), miniAppOf()))
    const visitor = await open(launchOf(initData, dark), { phone: true })
    const { page } = visitor
    await said(page, 'Trova il tuo spazio')
    await page.getByRole('button', { name: 'Esci' }).waitFor()
    expect(page.url()).not.toContain('tgWebAppData')
    const colours = 'getComputedStyle(document.documentElement).getPropertyValue("--surface")'
    expect(await page.evaluate(colours)).toBe('rgb(23 33 43)')
    expect(await seriousViolations(page)).toEqual([])
    await takePicture(page, 'telegram')
    const theme_params = {
      ...dark,
      bg_color: '#ffffff',
      secondary_bg_color: '#f1f1f1',
      text_color: '#000000',
    }
    await page.evaluate(
      (event) => {
        const { Telegram } = globalThis as unknown as TelegramWindow
        Telegram.WebView.receiveEvent('theme_changed', event)
      },
      { theme_params },
    )
    await page.waitForFunction(`${colours} === 'rgb(255 255 255)'`)
    expect(await seriousViolations(page)).toEqual([])
    await page.goto(`${web.server.url}${PATHS.account}`)
    await said(page, 'Collegato: Ada Lovelace')
    await said(page, 'Questo dispositivo')
    expect(await page.getByRole('button', { name: 'Esci da lì' }).count()).toBe(0)
    expect(unexpected(visitor)).toEqual([])
  },
)
type TelegramWindow = { Telegram: { WebView: { receiveEvent(name: string, event: unknown): void } } }

test.skipIf(!browser)(
  'inside Telegram one sets a first password, and then does without Telegram',
  async () => {
    const initData = initDataOf(signMiniApp(web.server.deps.telegram.token(), miniAppOf()))
    const visitor = await open(launchOf(initData, dark), { phone: true })
    const { page } = visitor
    await said(page, 'Trova il tuo spazio')
    await page.goto(`${web.server.url}${PATHS.account}`)
    await said(page, 'Dopo aver impostato e-mail e password potrai scollegarlo.')
    const taken = (await makePerson(web.server)).email
    const email = page.getByLabel('E-mail', { exact: true })
    await email.fill(taken)
    await page.getByLabel('Nuova password').fill('a-long-passphrase')
    await email.press('Enter')
    await page.getByRole('alert').waitFor()
    expect(await seriousViolations(page)).toEqual([])
    const mine = `ada-${Bun.randomUUIDv7()}@example.com`
    await email.fill(mine)
    await email.press('Enter')
    await page.getByLabel('Password attuale').waitFor()
    await button(page, 'Scollega').press('Enter')
    await page.getByRole('alertdialog').getByRole('button', { name: 'Scollega' }).press('Enter')
    await button(page, 'Collega Telegram').waitFor()
    const signedIn = await clientOf(web.server).auth.login.mutate({
      email: mine,
      password: 'a-long-passphrase',
    })
    expect(signedIn.user.name).toBe('Ada Lovelace')
    expect(unexpected(visitor)).toEqual([])
  },
)

test.skipIf(!browser)(
  'what Telegram did not sign opens the app for nobody, and one signs in as anywhere',
  async () => {
    const initData = initDataOf(signMiniApp('1:another-token', miniAppOf()))
    const visitor = await open(launchOf(initData, dark))
    await visitor.page.getByRole('link', { name: 'Sign in' }).waitFor()
    expect(unexpected(visitor)).toEqual([])
  },
)

test.skipIf(!browser)('an account is linked to Telegram by a code that the bot takes', async () => {
  const account = await makeAccount(web.server)
  const visitor = await open(`${PATHS.signIn}?then=${PATHS.account}`)
  const { page } = visitor
  await page.getByLabel('E-mail').fill(account.email)
  await page.getByLabel('Password').fill(password)
  await page.keyboard.press('Enter')
  await button(page, 'Link Telegram').click()
  const code = /\/start (\S+?)”/.exec((await page.getByText(/\/start/).textContent()) ?? '')?.[1]
  expect(code).toBeTruthy()
  await clientOf(web.server, account).auth.linkTelegram.mutate({
    initData: initDataOf(signMiniApp(web.server.deps.telegram.token(), miniAppOf())),
  })
  await said(page, /Linked: Ada Lovelace/)
  await button(page, 'Unlink').click()
  await page.getByRole('alertdialog').getByRole('button', { name: 'Unlink' }).click()
  await button(page, 'Link Telegram').waitFor()
  expect(unexpected(visitor)).toEqual([])
})

test.skipIf(!browser)('a calendar program reads the private address that one makes', async () => {
  const { person } = await makeSpecialist(web.server)
  const visitor = await open(PATHS.account, { person, phone: true })
  const { page } = visitor
  for (const feed of ['My bookings', 'My work']) {
    await button(page, `Make a new address: ${feed}`).click()
    const address = new URL(await page.getByLabel(feed, { exact: true }).inputValue())
    expect(await (await fetch(`${web.server.url}${address.pathname}`)).text()).toStartWith('BEGIN:VCALENDAR')
  }
  expect(await seriousViolations(page)).toEqual([])
  expect(unexpected(visitor)).toEqual([])
})
