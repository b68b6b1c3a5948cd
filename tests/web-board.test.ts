import { expect, setDefaultTimeout, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import type { Page } from 'playwright-core'
import { PATHS } from '../web/src/paths'
import { hasBrowser } from './support/browser'
import { insertBooking } from './support/rows'
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
import { at, clientOf, makePerson, makeSpace, until } from './support/world'

setDefaultTimeout(60_000)

const web = withWebApp()
const { open } = web

const focused = (page: Page) => page.evaluate('document.activeElement.textContent') as Promise<string>

const browser = hasBrowser()

test.skipIf(!browser)('a user with two holds can continue with either and pay for both', async () => {
  const space = await makeSpace(web.server, { priceMinor: 1800 })
  const person = await makePerson(web.server)
  const visitor = await open(boardOf(space), { person })
  const { page } = visitor
  for (const hour of [8, 14]) {
    await slotAt(page, hour).click()
    await said(page, `Held for you: ${String(hour).padStart(2, '0')}:00`)
  }
  await slotAt(page, 8).click()
  await said(page, 'Held for you: 08:00–09:00')
  expect(await page.locator('.panel').count()).toBe(1)
  await page.getByRole('button', { name: /^Tue/ }).click()
  await said(page, 'Held for you: Monday, 4 January 2027, 08:00–09:00')

  await page.goto(`${web.server.url}${PATHS.bookings}`)
  await page
    .getByRole('article')
    .filter({ hasText: '08:00–09:00' })
    .getByRole('link', { name: 'Continue booking' })
    .click()
  await said(page, 'Held for you: 08:00–09:00')
  await button(page, 'Pay €18.00').click()
  await button(page, 'Pay now').click()
  await said(page, 'Booked. See you there!')
  await button(page, 'Close').click()
  await said(page, 'Held for you: 14:00–15:00')
  const { items } = await clientOf(web.server, person).bookings.list.query({})
  expect(items.map(({ status, startsAt }) => [status, startsAt]).sort()).toEqual([
    ['confirmed', at(8)],
    ['held', at(14)],
  ])
  expect(unexpected(visitor)).toEqual([])
})

test.skipIf(!browser)(
  'a hold expires by the server’s clock even if the device’s clock is wrong',
  async () => {
    const space = await makeSpace(web.server, { priceMinor: 1800 })
    const visitor = await open('/api/health', { person: await makePerson(web.server) })
    const { page } = visitor
    await page.clock.setSystemTime(Date.now() + 20 * 60_000)
    await page.goto(`${web.server.url}${boardOf(space)}`)
    await slotAt(page, 9).click()
    await said(page, 'Held for you: 09:00–10:00')
    await said(page, /^1[45]:\d\d$/)
    await button(page, 'Pay €18.00').click()
    await button(page, 'Pay now').click()
    await said(page, 'Booked. See you there!')
    expect(unexpected(visitor)).toEqual([])
  },
)

test.skipIf(!browser)(
  'a longer time shows its end and total price, and needs all its slots free',
  async () => {
    const space = await makeSpace(web.server, {
      priceMinor: 1800,
      hours: [{ weekday: 1, opensAt: '08:00', closesAt: '20:00' }],
    })
    const other = clientOf(web.server, await makePerson(web.server))
    await other.slots.hold.mutate({ slotId: `${space.id}@${at(11)}` })
    const visitor = await open(boardOf(space), { person: await makePerson(web.server), phone: true })
    const { page } = visitor
    await said(page, 'Live')
    await page.getByRole('combobox', { name: 'Duration' }).press('Enter')
    await page.getByRole('option', { name: '3 hrs' }).click()
    expect(await slotAt(page, 8).textContent()).toBe('08:00–11:00Free€54.00')
    expect(await slotAt(page, 9).textContent()).toContain('Too short')
    expect(await slotAt(page, 18).textContent()).toContain('Too short')
    expect(await slotAt(page, 17).textContent()).toBe('17:00–20:00Free€54.00')
    await slotAt(page, 9).click({ force: true })
    await slotAt(page, 17).click()
    await said(page, 'Held for you: 17:00–20:00')
    await button(page, 'Pay €54.00').waitFor()
    await takePicture(page, 'long')
    expect(await seriousViolations(page)).toEqual([])
    expect(unexpected(visitor)).toEqual([])
  },
)

test.skipIf(!browser)(
  'rescheduling asks first and may overlap the booking’s own time and buffer',
  async () => {
    const space = await makeSpace(web.server, { bufferMinutes: 60, name: 'Quiet room' })
    const person = await makePerson(web.server)
    const client = clientOf(web.server, person)
    const { id } = await client.bookings.create.mutate({
      spaceId: space.id,
      startsAt: at(8),
      endsAt: at(11),
    })
    await client.bookings.confirm.mutate({ id })
    const other = clientOf(web.server, await makePerson(web.server))
    await other.slots.hold.mutate({ slotId: `${space.id}@${at(15)}` })
    const visitor = await open(`/bookings/${id}/move`, { person })
    const { page } = visitor
    // The buffer of 11:00–14:00 ends exactly when the next booking starts.
    expect(await slotAt(page, 11).textContent()).toContain('11:00–14:00Free')
    expect(await slotAt(page, 12).textContent()).toContain('Too short')
    await slotAt(page, 9).click()
    await said(page, 'Reschedule to Monday, 4 January 2027, 09:00–12:00?')
    expect((await client.bookings.byId.query({ id })).startsAt).toBe(at(8))
    await button(page, 'Reschedule').click()
    await said(page, /Rescheduled to Monday, 4 January 2027, 09:00–12:00/)
    expect((await client.bookings.byId.query({ id })).startsAt).toBe(at(9))
    expect(unexpected(visitor)).toEqual([])
  },
)

test.skipIf(!browser)('an unknown payment result is shown and checked before paying again', async () => {
  const space = await makeSpace(web.server, { priceMinor: 1800 })
  const person = await makePerson(web.server)
  const visitor = await open(boardOf(space), { person })
  const { page } = visitor
  await slotAt(page, 9).click()
  await button(page, 'Pay €18.00').click()
  // The first attempt is lost before it reaches the server, the second after it was paid.
  await page.route('**/confirm', (route) => route.abort(), { times: 1 })
  await button(page, 'Pay now').click()
  await said(page, /The payment was not made, and you were not charged/)

  let isCut = true
  await page.route('**/sandbox/stripe/**', async (route) => {
    await route.fetch()
    await route.abort()
  })
  await page.route('**/trpc/**', (route) => (isCut ? route.abort() : route.continue()))
  await page.routeWebSocket('**/realtime', (socket) => socket.close())
  await button(page, 'Pay now').click()
  await said(page, 'We cannot confirm your payment yet.')
  expect(await button(page, 'Pay now').count()).toBe(0)
  expect(await page.getByText(/Payment failed/).count()).toBe(0)
  expect(await seriousViolations(page)).toEqual([])
  await takePicture(page, 'unknown')
  isCut = false
  await button(page, 'Check now').click()
  await said(page, 'Booked. See you there!')
  const { items } = await clientOf(web.server, person).bookings.list.query({})
  expect(items).toMatchObject([{ status: 'confirmed', paidMinor: 1800 }])
})

test.skipIf(!browser)('a card with 3-D Secure pays only after approval', async () => {
  const space = await makeSpace(web.server, { priceMinor: 1800, name: 'Quiet room' })
  const person = await makePerson(web.server)
  const client = clientOf(web.server, person)
  const visitor = await open(boardOf(space), { person, phone: true })
  const { page } = visitor
  await slotAt(page, 9).click()
  await button(page, 'Pay €18.00').click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('Quiet room').waitFor()
  await dialog.getByText(/^2[45]:\d\d$/).waitFor()
  const payAs = async (answer: string) => {
    await dialog.getByRole('combobox').click()
    await page.getByRole('option', { name: /3184/ }).click()
    await button(page, 'Pay now').click()
    await dialog.getByText('Your bank asks you to approve this payment').waitFor()
    expect((await client.bookings.list.query({})).items).toMatchObject([{ status: 'held', paidMinor: 0 }])
    expect(await seriousViolations(page)).toEqual([])
    await takePicture(page, 'bank-asks')
    await dialog.getByRole('button', { name: answer }).click()
  }
  await payAs('Decline')
  await said(page, /Payment failed/)
  await payAs('Approve')
  await said(page, 'Booked. See you there!')
  expect(unexpected(visitor)).toEqual([])
})

test.skipIf(!browser)('the focus follows the user’s own action, and no notification repeats it', async () => {
  const space = await makeSpace(web.server, { priceMinor: 1800 })
  const visitor = await open(boardOf(space), { person: await makePerson(web.server), phone: true })
  const { page } = visitor
  await slotAt(page, 9).press('Enter')
  await said(page, 'Held for you: 09:00–10:00')
  await until(async () => (await focused(page)).includes('Held for you: 09:00–10:00'))
  await button(page, 'Release').press('Enter')
  await until(async () => (await focused(page)).startsWith('09:00'))
  await slotAt(page, 9).press('Enter')
  await button(page, 'Pay €18.00').press('Enter')
  await button(page, 'Pay now').press('Enter')
  await said(page, 'Booked. See you there!')
  await until(async () => (await focused(page)).includes('Booked. See you there!'))
  await page.locator('.bell[aria-label*="new"]').waitFor()
  await takePicture(page, 'booked')
  expect(await page.locator('.toast').filter({ hasNotText: 'Hold released' }).count()).toBe(0)

  await page.getByRole('link', { name: 'View my bookings' }).press('Enter')
  await button(page, 'Cancel').press('Enter')
  await button(page, 'Cancel booking').press('Enter')
  await until(async () => (await focused(page)) === 'My bookings')
  await page.goto(`${web.server.url}${PATHS.payments}`)
  await page.getByRole('link', { name: 'Desk' }).waitFor()
  await said(page, /Monday, 4 January 2027, 09:00–10:00/)
  expect(await seriousViolations(page)).toEqual([])
  expect(unexpected(visitor)).toEqual([])
})

test.skipIf(!browser)('offline, no board is live and no slot can be chosen', async () => {
  const space = await makeSpace(web.server)
  const { page, context } = await open(boardOf(space), { person: await makePerson(web.server) })
  await said(page, 'Live')
  await context.setOffline(true)
  await page.locator('.live.waiting').waitFor()
  expect(await slotAt(page, 9).getAttribute('aria-disabled')).toBe('true')
  await page.getByRole('button', { name: /^Tue/ }).click()
  await said(page, 'Times are not loading. Retrying automatically.')
  expect(await page.locator('.live:not(.waiting)').count()).toBe(0)
})

test.skipIf(!browser)('a board that receives no updates can be loaded by hand', async () => {
  const space = await makeSpace(web.server)
  const { page } = await open('/api/health')
  await page.routeWebSocket('**/realtime', (socket) => socket.close())
  // First only the socket is blocked, then the event stream as well.
  await page.goto(`${web.server.url}${boardOf(space)}`)
  await said(page, 'Live')
  await page.route('**/trpc/realtime.watch*', (route) => route.abort())
  await page.goto(`${web.server.url}${boardOf(space)}`)
  await said(page, 'Times are not loading. Retrying automatically.')
  await button(page, 'Try again').click()
  await slotAt(page, 9).waitFor()
  await said(page, /Reconnecting… This page may be out of date/)
})

test.skipIf(!browser)('buffers look different from bookings, and a user can hold a second desk', async () => {
  const person = await makePerson(web.server)
  const room = await makeSpace(web.server, { bufferMinutes: 30 })
  const desks = await makeSpace(web.server, { units: 3 })
  await insertBooking(web.server, desks, person)
  const { page, ...rest } = await open(boardOf(room), { person })
  await slotAt(page, 9).click()
  await slotAt(page, 10, 'break').waitFor()
  await slotAt(page, 8, 'break').waitFor()
  await page.goto(`${web.server.url}${boardOf(desks)}`)
  await slotAt(page, 9, 'mine').waitFor()
  expect(await slotAt(page, 9).textContent()).toContain('Yours · 2 of 3 free')
  await slotAt(page, 9).click()
  await said(page, 'Held for you: 09:00–10:00')
  expect(unexpected({ page, ...rest })).toEqual([])
})

test.skipIf(!browser)('past times are folded away, with a button to the next free day', async () => {
  const today = new Date().toISOString().slice(0, 10)
  const weekday = ((new Date().getUTCDay() + 6) % 7) + 1
  const hours = [weekday, (weekday % 7) + 1].map((day) => ({
    weekday: day as 1,
    opensAt: '00:00',
    closesAt: '00:05',
  }))
  const space = await makeSpace(web.server, { hours, slotMinutes: 5 })
  const tomorrow = new Date(Date.parse(today) + 86_400_000).toISOString().slice(0, 10)
  await insertBooking(web.server, space, await makePerson(web.server), {
    from: at(0, tomorrow),
    to: `${tomorrow}T00:05:00Z`,
  })
  const visitor = await open(boardOf(space, 'abc'), { phone: true })
  const { page } = visitor
  await said(page, 'Past: 00:00–00:05')
  await button(page, /^Next free day/).click()
  await page.locator('.slot.free').waitFor()
  expect(new URL(page.url()).searchParams.get('date')).toBe(
    new Date(Date.parse(today) + 7 * 86_400_000).toISOString().slice(0, 10),
  )
  await page.goto(`${web.server.url}${PATHS.home}?date=abc&from=09:00&to=10:00`)
  await page.getByRole('heading', { name: 'Desk' }).first().waitFor()
  expect(unexpected(visitor)).toEqual([])
})

test.skipIf(!browser)('a link holds nothing by itself and sets the duration', async () => {
  const space = await makeSpace(web.server)
  const person = await makePerson(web.server)
  const { page } = await open(`${boardOf(space)}&slots=3&hold=${at(9)}`, { person })
  await page.waitForURL(`${web.server.url}${boardOf(space)}&slots=3`)
  expect(await slotAt(page, 9).textContent()).toContain('09:00–12:00')
  expect((await clientOf(web.server, person).bookings.list.query({})).items).toEqual([])
})

test.skipIf(!browser)('a day beyond the booking window is not shown as closed', async () => {
  const space = await makeSpace(web.server, { maxNoticeDays: 1 })
  const visitor = await open(boardOf(space))
  await said(visitor.page, 'Not bookable yet')
})

test.skipIf(!browser)('the payment dialog closes when the hold expires', async () => {
  const space = await makeSpace(web.server, { priceMinor: 1800 })
  const visitor = await open(boardOf(space), { person: await makePerson(web.server) })
  const { page } = visitor
  await slotAt(page, 9).click()
  await button(page, 'Pay €18.00').click()
  await page
    .getByRole('dialog')
    .getByText(/^2[45]:\d\d$/)
    .waitFor()
  await web.server.deps.db.execute(
    sql`UPDATE bookings SET hold_expires_at = clock_timestamp() + interval '3 seconds' WHERE space_id = ${space.id}`,
  )
  // Any change of the board makes the page read the user's bookings again.
  const other = clientOf(web.server, await makePerson(web.server))
  await other.slots.hold.mutate({ slotId: `${space.id}@${at(12)}` })
  await page
    .getByRole('dialog')
    .getByText(/^00:0\d$/)
    .waitFor()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await said(page, 'Your hold has expired')
  expect(unexpected(visitor)).toEqual([])
})

test.skipIf(!browser)('the focus stays on the card whose button was pressed', async () => {
  const { locationId } = await makeSpace(web.server)
  const host = clientOf(web.server, await makePerson(web.server, 'admin'))
  const period = { startsAt: at(18), endsAt: at(20), locationId }
  await host.events.create.mutate({ ...period, title: 'Aperitivo' })
  await host.events.create.mutate({ ...period, title: 'Dinner', priceMinor: 1800 })
  const visitor = await open(`${PATHS.community}?location=${locationId}`, {
    person: await makePerson(web.server),
  })
  const { page } = visitor
  const isLost = () => page.evaluate('document.activeElement === document.body')
  const card = (title: string) => page.getByRole('article').filter({ hasText: title })
  await button(page, 'Check in').press('Enter')
  await button(page, 'Check out').waitFor()
  await until(async () => !(await isLost()))
  await card('Aperitivo').getByRole('button', { name: 'Attend' }).press('Enter')
  await card('Aperitivo').getByText('You are attending').waitFor()
  await until(async () => (await focused(page)).includes('Aperitivo'))
  await card('Dinner')
    .getByRole('button', { name: /18\.00/ })
    .press('Enter')
  await card('Dinner').getByRole('button', { name: /^Pay/ }).press('Enter')
  await button(page, 'Pay now').press('Enter')
  await card('Dinner').getByText('You are attending').waitFor()
  await until(async () =>
    page.evaluate(`document.activeElement.closest('article')?.textContent.includes('Dinner')`),
  )
  expect(unexpected(visitor)).toEqual([])
})
