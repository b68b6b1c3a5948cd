import { expect, setDefaultTimeout, test } from 'bun:test'
import { PATHS } from '../web/src/paths'
import { hasBrowser } from './support/browser'
import { payInBrowser } from './support/money'
import { insertBooking } from './support/rows'
import { makeSpecialist } from './support/specialists'
import {
  boardOf,
  button,
  said,
  seriousViolations,
  slotAt,
  takePicture,
  unexpected,
  withWebApp,
} from './support/web'
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

test.skipIf(!browser)('the exact refund is shown before cancelling and then among the payments', async () => {
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
  await said(page, 'You will be refunded €10.01 (50%).')
  expect((await client.bookings.byId.query({ id })).status).toBe('confirmed')
  await button(page, 'Cancel booking').click()
  await said(page, /€10\.01 refunded/)
  expect(await client.bookings.byId.query({ id })).toMatchObject({ refundedMinor: 1001 })
  await page.getByRole('link', { name: 'Payments' }).click({ timeout: 3000 })
  await said(page, /Refunded: €10\.01/)
  expect(await seriousViolations(page)).toEqual([])
  expect(unexpected(visitor)).toEqual([])
})

test.skipIf(!browser)('upcoming bookings start with the next one, past ones with the latest', async () => {
  const person = await makePerson(web.server)
  const next = await makeSpace(web.server, { name: 'The next one' })
  const later = await makeSpace(web.server, { name: 'A later one' })
  await insertBooking(web.server, next, person, { from: at(8), to: at(9) })
  const day = 86_400_000
  const dayOf = (days: number) => new Date(Date.parse(at(9)) + days * day).toISOString()
  for (const days of Array.from({ length: 51 }, (_, index) => index + 1))
    await insertBooking(web.server, later, person, { from: dayOf(days), to: dayOf(days + 0.04) })
  for (const date of ['2026-01-06', '2026-01-05'])
    await insertBooking(web.server, later, person, {
      from: `${date}T09:00:00Z`,
      to: `${date}T10:00:00Z`,
      status: 'completed',
    })
  const { page } = await open(PATHS.bookings, { person })
  await said(page, 'The next one')
  const first = page.getByRole('article').first()
  expect(await first.textContent()).toContain('The next one')
  const over = await page.getByRole('article').filter({ hasText: 'Completed' }).allTextContents()
  expect(over.map((text) => /\d+ January/.exec(text)?.[0])).toEqual(['6 January', '5 January'])
})

test.skipIf(!browser)('a user can check in for a booking once it is time', async () => {
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
  expect(await page.getByRole('button', { name: 'Check in' }).count()).toBe(1)
  await button(page, 'Check in').press('Enter')
  await said(page, 'Checked in')
  expect(await page.getByRole('button', { name: 'Check in' }).count()).toBe(0)
  const client = clientOf(web.server, person)
  expect((await client.bookings.byId.query({ id })).arrivedAt).toBeString()
  expect((await client.checkIns.present.query({ locationId: space.locationId })).mine).toMatchObject({
    person: { id: person.id },
  })
  expect(unexpected(visitor)).toEqual([])
})

test.skipIf(!browser)(
  'points pay a part and can be taken back, or pay everything and book at once',
  async () => {
    const cancellation = [{ hoursBefore: 1, refundPercent: 100 }]
    const space = await makeSpace(web.server, { priceMinor: 5000, cancellation })
    const person = await makePerson(web.server)
    const admin = clientOf(web.server, await makePerson(web.server, 'admin'))
    await admin.loyalty.correct.mutate({ id: person.id, points: 300, reason: 'Welcome' })
    const visitor = await open(boardOf(space), { person })
    const { page } = visitor
    await slotAt(page, 9).click()
    await button(page, 'Pay €50.00').click()
    await button(page, 'Use my 300 points').click()
    await said(page, '300 points cover €15.00.')
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
    await said(page, 'Redeemed')

    await admin.loyalty.correct.mutate({ id: person.id, points: 5000, reason: 'Thank you' })
    await page.goto(`${web.server.url}${boardOf(space)}`)
    await slotAt(page, 11).click()
    await button(page, 'Pay €50.00').click()
    await button(page, 'Use my 5000 points').click()
    await said(page, 'Booked. See you there!')
    expect((await client.loyalty.mine.query({})).points).toBe(4000)
    await page.getByRole('link', { name: 'View my bookings' }).click()
    await page
      .getByRole('article')
      .filter({ hasText: '11:00–12:00' })
      .getByRole('button', { name: /^Cancel/ })
      .click()
    await said(page, '1000 points will be returned.')
    expect(unexpected(visitor)).toEqual([])
  },
)

test.skipIf(!browser)('notifications appear on every page, are counted and can be configured', async () => {
  const made = await makeSpecialist(web.server, { service: { needsApproval: true } })
  const person = await makePerson(web.server)
  const client = clientOf(web.server, person)
  const specialist = await open(PATHS.work, { person: made.person })
  await said(specialist.page, 'No pending requests.')
  const visitor = await open(PATHS.account, { person, phone: true, dark: true })
  const admin = clientOf(web.server, await makePerson(web.server, 'admin'))
  await until(async () => (await admin.realtime.stats.query()).signedIn >= 2)
  const { id } = await client.bookings.create.mutate({ serviceId: made.service.id, startsAt: at(9) })
  await client.bookings.confirm.mutate({ id })
  await button(specialist.page, 'Accept').click()
  const { page } = visitor
  await said(page, /request was accepted/)
  // The toast must not cover the bell.
  await page.getByRole('link', { name: /^Notifications, \d new/ }).click({ timeout: 3000 })
  await said(page, /request was accepted/)
  const own = page.getByRole('article').filter({ hasText: 'request was accepted' })
  await own.getByRole('link', { name: /View booking/ }).click()
  await page.getByRole('heading', { name: 'Booking details' }).waitFor()
  await page.goBack()
  await button(page, 'Mark all as read').click()
  await page.locator('.bell[aria-label="Notifications"]').waitFor()
  expect((await client.notifications.list.query({})).unread).toBe(0)
  await page.getByRole('checkbox', { name: '1 day before: Email' }).click()
  await until(async () => {
    const { items } = await client.notifications.preferences.query()
    return items.find(({ kind }) => kind === 'reminder_day')?.email === false
  })
  expect(await seriousViolations(page)).toEqual([])
  await client.bookings.cancel.mutate({ id })
  await specialist.page.goto(`${web.server.url}${PATHS.notifications}`)
  const cancelled = specialist.page.getByRole('article').filter({ hasText: /cancelled/ })
  await cancelled.getByRole('link', { name: /View booking/ }).click()
  await specialist.page.waitForURL(`${web.server.url}${PATHS.work}?date=${testDate}`)
  expect([visitor, specialist].map(unexpected)).toEqual([[], []])
})

test.skipIf(!browser)('a private calendar address serves an iCal feed', async () => {
  const { person } = await makeSpecialist(web.server)
  const visitor = await open(PATHS.account, { person, phone: true })
  const { page } = visitor
  for (const feed of ['My bookings', 'My work']) {
    await button(page, `Create new address: ${feed}`).click()
    const address = new URL(await page.getByLabel(feed, { exact: true }).inputValue())
    expect(await (await fetch(`${web.server.url}${address.pathname}`)).text()).toStartWith('BEGIN:VCALENDAR')
  }
  expect(await seriousViolations(page)).toEqual([])
  expect(unexpected(visitor)).toEqual([])
})
