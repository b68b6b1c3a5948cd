import { beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { stripeEvents } from '../src/db/schema'
import { PATHS } from '../web/src/paths'
import { hasBrowser } from './support/browser'
import { holdToPay, payInBrowser } from './support/money'
import { insertBooking } from './support/rows'
import {
  boardOf,
  button,
  choose,
  receivedBytes,
  said,
  seriousViolations,
  takePicture,
  unexpected,
  withWebApp,
} from './support/web'
import { at, clientOf, makePerson, makeSpace, type TestPerson, testDate, until } from './support/world'

setDefaultTimeout(60_000)

const web = withWebApp()
let admin: TestPerson
beforeAll(async () => {
  admin = await makePerson(web.server, 'admin')
})
const open = (address: string) => web.open(address, { person: admin })
const it = test.skipIf(!hasBrowser())

it('an operator refunds a part with a reason, and no more than is left', async () => {
  const { booking, intent, client, space } = await holdToPay(web.server, { name: 'Sala Rosa' })
  const { name } = await client.auth.me.query()
  await payInBrowser(web.server, intent)
  await client.payments.confirm.mutate({ bookingId: booking.id })
  const visitor = await open(PATHS.operatorPayments)
  const { page } = visitor
  const dialog = page.getByRole('dialog')
  const line = page.getByRole('article').filter({ hasText: 'Sala Rosa' })
  const subject = new RegExp(`${name} · Sala Rosa · Monday,? 4 January 2027, 09:00–10:00`)
  await line.getByText(subject).waitFor()
  const href = await line.getByRole('link', { name: 'Sala Rosa' }).getAttribute('href')
  expect(href).toStartWith(boardOf(space))
  await line.getByRole('button', { name: new RegExp(`Refund ${name}`) }).press('Enter')
  await dialog.getByText(subject).waitFor()
  const amount = dialog.getByLabel('Amount (EUR)')
  await amount.fill('20.01')
  await amount.press('Enter')
  expect(await amount.evaluate((field) => field.matches(':invalid'))).toBe(true)
  await amount.fill('5.50')
  await dialog.getByLabel('Reason').fill('The heating was off')
  await dialog.getByRole('button', { name: 'Refund' }).press('Enter')
  await said(page, /Refunded: €5.50/)
  await choose(page, 'Show', 'Refunds')
  const refund = page.getByRole('article').filter({ hasText: '€5.50' })
  await refund.getByText('The heating was off').waitFor()
  await refund.getByText(subject).waitFor()
  expect(await client.bookings.byId.query({ id: booking.id })).toMatchObject({
    status: 'confirmed',
    paidMinor: 2000,
    refundedMinor: 550,
  })
  expect(unexpected(visitor)).toEqual([])
})

it('a failed Stripe event shows its error and can be retried', async () => {
  const id = `evt_${Bun.randomUUIDv7().replaceAll('-', '')}`
  await web.server.deps.db.insert(stripeEvents).values({
    id,
    type: 'charge.succeeded',
    intentId: 'pi_gone',
    state: 'failed',
    attempts: 7,
    error: "No such payment_intent: 'pi_gone'",
  })
  const visitor = await open(PATHS.operatorInbox)
  const { page } = visitor
  await choose(page, 'Status', 'Failed')
  const line = page.getByRole('article').filter({ hasText: id })
  await line.getByText("No such payment_intent: 'pi_gone'").waitFor()
  await line.getByText('7 attempts').waitFor()
  await line.getByRole('button', { name: /Retry/ }).press('Enter')
  await said(page, 'Queued for another attempt.')
  await line.getByText(/([89]|1\d) attempts/).waitFor()
  expect(unexpected(visitor)).toEqual([])
})

it('bookings of a location are in chronological order from its local midnight', async () => {
  const space = await makeSpace(web.server, { timeZone: 'Asia/Tokyo', name: 'Tokyo room' })
  await makeSpace(web.server)
  const person = await makePerson(web.server)
  // 08:00, 00:30 and the evening before, in Tokyo.
  for (const [from, to] of [
    ['2027-01-04T23:00:00Z', '2027-01-05T00:00:00Z'],
    ['2027-01-04T15:30:00Z', '2027-01-04T16:30:00Z'],
    ['2027-01-04T09:00:00Z', '2027-01-04T10:00:00Z'],
  ] as const)
    await insertBooking(web.server, space, person, { from, to })
  const visitor = await open(`${PATHS.operatorBookings}?location=${space.locationId}`)
  const { page } = visitor
  await page.getByLabel('From').fill('2027-01-05')
  await page.getByRole('article').getByText('08:00–09:00').waitFor()
  await until(async () => (await page.getByRole('article').count()) === 2)
  expect(
    (await page.getByRole('article').allTextContents()).map((text) => /\d\d:\d\d/.exec(text)?.[0]),
  ).toEqual(['00:30', '08:00'])
  expect(unexpected(visitor)).toEqual([])
})

it('the user list links to each user’s bookings', async () => {
  const space = await makeSpace(web.server)
  const [ada, ben] = [await makePerson(web.server), await makePerson(web.server)]
  await insertBooking(web.server, space, ada)
  await insertBooking(web.server, space, ben, { from: at(11), to: at(12) })
  const { name } = await clientOf(web.server, ada).auth.me.query()
  const visitor = await open(PATHS.operatorPeople)
  const { page } = visitor
  await page.getByLabel('Search by name or email').fill(ada.email)
  await page.getByRole('link', { name: `Bookings ${name}` }).press('Enter')
  await page.getByRole('article').filter({ hasText: name }).waitFor()
  expect(await page.getByRole('article').count()).toBe(1)
  await button(page, `✕ ${name}`).press('Enter')
  await until(async () => (await page.getByRole('article').count()) > 1)
  expect(unexpected(visitor)).toEqual([])
})

it('a review can be hidden with a reason that only operators see, and shown again', async () => {
  const person = await makePerson(web.server)
  const space = await makeSpace(web.server)
  const { id: bookingId } = await insertBooking(web.server, space, person, { status: 'completed' })
  const comment = 'Too loud, and worse.'
  await clientOf(web.server, person).reviews.create.mutate({ bookingId, rating: 2, comment })
  const visitor = await open(PATHS.operatorReviews)
  const { page } = visitor
  await said(page, comment)
  await button(page, /^Hide/).press('Enter')
  await page.getByLabel('Reason').fill('It names a member')
  await page.getByRole('dialog').getByRole('button', { name: 'Hide' }).press('Enter')
  await said(page, 'No reviews.')
  const { items } = await clientOf(web.server).reviews.list.query({ spaceId: space.id })
  expect(items).toEqual([])
  await choose(page, 'Show', 'Hidden')
  await said(page, 'Reason: It names a member')
  await button(page, /Show again/).press('Enter')
  await said(page, 'No reviews.')
  expect((await clientOf(web.server).reviews.list.query({ spaceId: space.id })).items).toHaveLength(1)
  expect(unexpected(visitor)).toEqual([])
})

it('the live page shows what is occupied now and until when, and updates itself', async () => {
  const space = await makeSpace(web.server, { name: 'Sala Verdi' })
  const { locationId } = space
  const desks = await makeSpace(web.server, { name: 'Desks', units: 4, locationId })
  await makeSpace(web.server, { name: 'Empty room', locationId })
  const person = await makePerson(web.server)
  const begun = Math.floor(Date.now() / 3_600_000) * 3_600_000
  const [from, to] = [begun, begun + 3_600_000].map((time) => new Date(time).toISOString())
  await insertBooking(web.server, space, person, { from, to })
  for (const unit of [1, 2, 3]) await insertBooking(web.server, desks, person, { from, to, unit })
  const visitor = await open(`${PATHS.live}?location=${locationId}`)
  const { page } = visitor
  const row = (name: string) => page.getByRole('listitem').filter({ has: page.getByRole('link', { name }) })
  const end = `${to?.slice(11, 16)}`
  await row('Sala Verdi').getByText(`Occupied until ${end}`).waitFor()
  await row('Desks').getByText(`3 of 4 taken, until ${end}`).waitFor()
  await row('Empty room').getByText('Free until 00:00').waitFor()
  const period = `${from?.slice(11, 16)}–${end}`
  await row('Sala Verdi')
    .getByRole('listitem')
    .filter({ hasText: `${period}: Booked` })
    .waitFor()
  expect(await seriousViolations(page)).toEqual([])
  await takePicture(page, 'live')
  const [booking] = (await clientOf(web.server, admin).bookings.list.query({ from, to })).items.filter(
    ({ spaceId }) => spaceId === space.id,
  )
  await clientOf(web.server, admin).bookings.noShow.mutate({ id: String(booking?.id) })
  await row('Sala Verdi').getByText('Free until 00:00').waitFor()
  expect(unexpected(visitor)).toEqual([])
})

it('an operator sees connections, sends an announcement and opens the door code', async () => {
  const { locationId } = await makeSpace(web.server)
  const member = await web.open('/', { person: await makePerson(web.server), phone: true })
  const visitor = await open(`${PATHS.live}?location=${locationId}`)
  const { page } = visitor
  await said(page, 'Boards watched')
  await until(async () => (await clientOf(web.server, admin).realtime.stats.query()).signedIn >= 2)
  await button(page, 'Send an announcement').press('Enter')
  await page.getByLabel('Message').fill('We close early today.')
  await button(page, 'Send to everyone').press('Enter')
  await said(page, 'Announcement sent.')
  await said(member.page, 'We close early today.')
  await page.goto(`${web.server.url}${PATHS.operatorDoor}?location=${locationId}`)
  const image = page.getByRole('img', { name: /QR code/ })
  await image.waitFor()
  expect(
    await image.evaluate((element) => 'naturalWidth' in element && element.naturalWidth),
  ).toBeGreaterThan(0)
  await button(page, 'Full screen').press('Enter')
  await page.waitForFunction(`document.fullscreenElement?.matches('.door')`)
  expect(unexpected(visitor)).toEqual([])
  // An outdated code is hidden.
  await page.route('**/trpc/checkIns.doorCode*', (route) => route.abort())
  await page.clock.setSystemTime(Date.now() + 5 * 60_000)
  await said(page, 'No connection. The code returns automatically.')
  expect(await image.count()).toBe(0)
})

it('charts match bookings and payments, have tables and work by keyboard', async () => {
  const { booking, intent, client, space } = await holdToPay(web.server, { name: 'Sala Gialla' })
  await payInBrowser(web.server, intent)
  await client.payments.confirm.mutate({ bookingId: booking.id })
  const boss = clientOf(web.server, admin)
  await boss.payments.refund.mutate({ bookingId: booking.id, amountMinor: 500 })
  await client.bookings.create.mutate({ spaceId: space.id, startsAt: at(11) })
  const visitor = await open(
    `${PATHS.operatorAnalytics}?location=${space.locationId}&from=${booking.createdAt.slice(0, 10)}&to=${testDate}`,
  )
  const { page } = visitor
  const chart = (title: string) =>
    page.getByRole('figure').filter({ has: page.getByRole('heading', { name: title }) })
  await said(page, '€15.00 in total.')
  await said(page, '50% of 2 holds were booked.')
  await said(page, 'Sala Gialla ranks first.')
  await said(page, /Busiest on Monday at 9:00/)
  await chart('Revenue by channel (EUR)').locator('summary').press('Enter')
  const doors = chart('Revenue by channel (EUR)').getByRole('table').getByRole('row')
  expect(await doors.allTextContents()).toEqual(['ChannelRevenue', 'Web€15.00'])
  await chart('Top specialists').getByText('No data for this period.').waitFor()
  expect(await chart('Occupancy').locator('path.recharts-rectangle').count()).toBe(7 * 24)

  await chart('Revenue (EUR)').locator('summary').press('Enter')
  const cells = chart('Revenue (EUR)').getByRole('table').getByRole('cell')
  expect(await cells.allTextContents()).toEqual(['€20.00', '€5.00', '€15.00'])
  await chart('Revenue (EUR)').locator('svg[tabindex="0"]').focus()
  await page.keyboard.press('ArrowRight')
  await chart('Revenue (EUR)').locator('.recharts-tooltip-wrapper').getByText('€').waitFor()
  const download = page.waitForEvent('download')
  await button(page, 'Download as CSV').press('Enter')
  const file = await download
  expect(file.suggestedFilename()).toMatch(/^coworkspace-.*\.csv$/)
  expect(await Bun.file(await file.path()).text()).toMatch(/topSpaces,.*,Sala Gialla,EUR,bookings,1/)
  expect(await seriousViolations(page)).toEqual([])
  await takePicture(page, 'analytics')
  expect(unexpected(visitor)).toEqual([])
})

it('the chart library is loaded only on the analytics page', async () => {
  const { page } = await open(PATHS.live)
  await said(page, 'Boards watched')
  const loaded = () => receivedBytes(page)
  const before = await loaded()
  await page.getByRole('link', { name: 'Analytics' }).press('Enter')
  await page.getByRole('figure').first().waitFor()
  process.stdout.write(`charts: ${Math.round(((await loaded()) - before) / 1000)} kB\n`)
  expect((await loaded()) - before).toBeGreaterThan(50_000)
})

it('a page that cannot be loaded shows an error and keeps the navigation', async () => {
  const { page } = await open(PATHS.live)
  await said(page, 'Boards watched')
  await page.route('**/assets/**', (route) => route.abort())
  await page.getByRole('link', { name: 'Stripe events' }).press('Enter')
  await said(page, 'This could not be loaded.')
  await page.unroute('**/assets/**')
  await button(page, 'Try again').press('Enter')
  await said(page, /Events received from Stripe/)
})
