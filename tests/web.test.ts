import { expect, setDefaultTimeout, test } from 'bun:test'
import { systemContext } from '../src/context'
import { sweepExpiredHolds } from '../src/services/bookings/sweep'
import { PATHS } from '../web/src/paths'
import { makeAccount } from './support/accounts'
import { hasBrowser } from './support/browser'
import {
  boardOf,
  button,
  downloaded,
  keepBack,
  receivedBytes,
  said,
  seriousViolations,
  signIn,
  slotAt,
  takePicture,
  unexpected,
  withWebApp,
} from './support/web'
import { at, clientOf, endHolds, makePerson, makeSpace, testDate, until } from './support/world'

setDefaultTimeout(60_000)

const FIRST_LOAD_BYTES = 250_000
const INTERACTIVE_MS = 1500

const web = withWebApp()
const { open } = web

test('every path serves the same page with a strict content security policy', async () => {
  for (const path of Object.values(PATHS)) {
    const response = await fetch(`${web.server.url}${path.replace(':id', testDate)}`)
    const html = await response.text()
    expect([path, response.status]).toEqual([path, 200])
    expect(response.headers.get('content-security-policy')).toContain(`script-src 'self'; style-src 'self'`)
    expect(html).not.toMatch(/<style|style=|<script>|javascript:| on\w+=/)
  }
})

test('an unknown path serves the app to browsers and JSON to programs, both with 404', async () => {
  const ask = (path: string, accept: string) => fetch(`${web.server.url}${path}`, { headers: { accept } })
  const page = await ask('/nowhere', 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8')
  expect([page.status, page.headers.get('content-type')]).toEqual([404, 'text/html; charset=utf-8'])
  expect(page.headers.get('content-security-policy')).toContain(`script-src 'self'`)
  const refused = [['/nowhere', '*/*']]
  for (const path of ['/api/nowhere', '/trpc/nowhere', '/assets/nowhere.js', '/webhooks/nowhere'])
    refused.push([path, 'text/html'])
  for (const [path = '', accept = ''] of refused) {
    const response = await ask(path, accept)
    expect([path, response.status, response.headers.get('content-type')]).toEqual([
      path,
      404,
      'application/json',
    ])
    expect(await response.text()).toContain('"reason":"NOT_FOUND"')
  }
})

test('assets are compressed and cached forever under names with a content hash', async () => {
  const html = await (await fetch(web.server.url)).text()
  const names = [...html.matchAll(/"(\/assets\/[^"]+)"/g)].map(([, name]) => name)
  expect(names.length).toBeGreaterThan(2)
  expect(html.match(/rel="modulepreload"/g)).toHaveLength(names.length - 2)
  for (const name of names) {
    for (const encoding of ['br', 'gzip']) {
      const response = await fetch(`${web.server.url}${name}`, { headers: { 'accept-encoding': encoding } })
      expect(response.headers.get('content-encoding')).toBe(encoding)
      expect(response.headers.get('cache-control')).toContain('immutable')
    }
  }
  expect((await fetch(`${web.server.url}/assets/main-old.js`)).status).toBe(404)
  const tag = (await fetch(web.server.url)).headers.get('etag') ?? ''
  expect((await fetch(web.server.url, { headers: { 'if-none-match': tag } })).status).toBe(304)
})

const browser = hasBrowser()

test.skipIf(!browser)(
  'a user signs in, holds, books, reschedules and cancels by keyboard alone',
  async () => {
    const space = await makeSpace(web.server, { name: 'Quiet room' })
    const person = await makeAccount(web.server)
    const { page, ...rest } = await open(boardOf(space))
    await slotAt(page, 9).press('Enter')
    await signIn(page, person)
    await said(page, 'Held for you: 09:00–10:00')
    await said(page, /^1[45]:\d\d$/)
    await button(page, 'Book now').press('Enter')
    await said(page, 'Booked. See you there!')
    await slotAt(page, 9, 'mine').waitFor()
    expect(await downloaded(page, 'Add to calendar')).toEqual({
      name: 'booking.ics',
      text: expect.stringContaining('SUMMARY:Quiet room'),
    })

    await page.getByRole('link', { name: 'View my bookings' }).press('Enter')
    await page.getByRole('link', { name: 'Reschedule' }).press('Enter')
    await slotAt(page, 14).press('Enter')
    await said(page, 'Reschedule to Monday, 4 January 2027, 14:00–15:00?')
    await button(page, 'Reschedule').press('Enter')
    await said(page, /14:00–15:00/)
    await button(page, 'Cancel').press('Enter')
    await said(page, 'Nothing was paid, so there is nothing to refund.')
    await button(page, 'Cancel booking').press('Enter')
    await said(page, 'Cancelled')
    expect(unexpected({ page, ...rest })).toEqual([])

    const { items } = await clientOf(web.server, person).bookings.list.query({})
    expect(items.map(({ status, startsAt }) => [status, startsAt])).toEqual([['cancelled', at(14)]])
  },
)

test.skipIf(!browser)('the search lists the rooms that are free at the requested time', async () => {
  const taken = await makeSpace(web.server, { name: 'Taken room', capacity: 6 })
  const { locationId } = taken
  await makeSpace(web.server, { name: 'Free room', capacity: 6, locationId })
  await makeSpace(web.server, { name: 'Small room', capacity: 2, locationId })
  await clientOf(web.server, await makePerson(web.server)).slots.hold.mutate({
    slotId: `${taken.id}@${at(9)}`,
  })
  const visitor = await open(`${PATHS.home}?location=${locationId}`)
  const { page } = visitor
  const names = () => page.locator('.cards h2').allTextContents()
  await said(page, 'Taken room')
  await page.getByLabel('Number of people').fill('4')
  await until(async () => Bun.deepEquals((await names()).toSorted(), ['Free room', 'Taken room']))
  await page.getByLabel('Until').fill('10:00')
  await said(page, 'Choose a date as well.')
  await page.getByLabel('Available on').fill(testDate)
  await said(page, 'Enter both times.')
  await page.getByLabel('From').fill('11:00')
  await said(page, 'Must be after the start time.')
  await page.getByLabel('Number of people').fill('-5')
  await said(page, 'At least 1 person.')
  expect(await seriousViolations(page)).toEqual([])
  await page.getByLabel('Number of people').fill('4')
  await page.getByLabel('From').fill('09:00')
  await until(async () => Bun.deepEquals(await names(), ['Free room']))
  await page.getByRole('link', { name: /Free room/ }).press('Enter')
  await slotAt(page, 9).waitFor()
  expect(await page.evaluate('document.activeElement.id')).toBe('content')
  expect(new URL(page.url()).searchParams.get('date')).toBe(testDate)
  expect(unexpected(visitor)).toEqual([])
})

test.skipIf(!browser)(
  'a date alone finds spaces with a free time, and going back restores the scroll',
  async () => {
    const hours = [{ weekday: 1 as const, opensAt: '09:00', closesAt: '10:00' }]
    const full = await makeSpace(web.server, { name: 'Full room', hours })
    const { locationId } = full
    for (let number = 1; number <= 30; number++)
      await makeSpace(web.server, { name: `Room ${number}`, locationId })
    await clientOf(web.server, await makePerson(web.server)).slots.hold.mutate({
      slotId: `${full.id}@${at(9)}`,
    })
    const { page } = await open(`${PATHS.home}?location=${locationId}`, { phone: true })
    await said(page, 'Full room')
    await page.getByLabel('Available on').fill(testDate)
    await page.getByText('Full room').waitFor({ state: 'detached' })
    await page.getByRole('link', { name: 'Room 30' }).scrollIntoViewIfNeeded()
    const place = Number(await page.evaluate('scrollY'))
    expect(place).toBeGreaterThan(1000)
    await page.getByRole('link', { name: 'Room 30' }).click()
    await page.getByRole('heading', { level: 1, name: 'Room 30' }).waitFor()
    await until(async () => (await page.evaluate('scrollY')) === 0)
    await page.goBack()
    await until(async () => Math.abs(Number(await page.evaluate('scrollY')) - place) < 3)
  },
)

test.skipIf(!browser)(
  'of two users who want one time, one holds it and the other gets alternatives',
  async () => {
    const space = await makeSpace(web.server)
    const [ada, ben] = [await makePerson(web.server), await makePerson(web.server)]
    const first = await open(boardOf(space), { person: ada })
    const second = await open(boardOf(space), { person: ben })
    await Promise.all([slotAt(first.page, 9).waitFor(), slotAt(second.page, 9).waitFor()])

    const goOn = await keepBack(second.page, '**/trpc/bookings.create*')
    await slotAt(second.page, 9).click()
    await second.page.locator(`.asked[data-slot="${at(9)}"]`).waitFor()
    await slotAt(first.page, 9).click()
    await said(first.page, 'Held for you: 09:00–10:00')
    goOn()
    await said(second.page, 'This time was just taken')
    await takePicture(second.page, 'lost')
    expect(await seriousViolations(second.page)).toEqual([])
    await second.page.locator('.panel').getByRole('button', { name: '10:00' }).click()
    await said(second.page, 'Held for you: 10:00–11:00')
    await slotAt(first.page, 10, 'held').waitFor()
    expect([unexpected(first), unexpected(second)]).toEqual([[], []])
  },
)

test.skipIf(!browser)('a declined card keeps the hold; another card books and can be refunded', async () => {
  const space = await makeSpace(web.server, {
    priceMinor: 1800,
    cancellation: [{ hoursBefore: 1, refundPercent: 50 }],
  })
  const person = await makePerson(web.server)
  const visitor = await open(boardOf(space), { person })
  const { page } = visitor
  const begun: string[] = []
  page.on('request', (request) => request.url().includes('createIntent') && begun.push(request.url()))
  await slotAt(page, 9).click()
  await button(page, 'Pay €18.00').click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('50% refund until 1 hour before the start.').waitFor()
  await dialog.getByRole('combobox').click()
  await page.getByRole('option', { name: /is declined/ }).click()
  await button(page, 'Pay now').click()
  await said(page, /Payment failed/)
  expect(await seriousViolations(page)).toEqual([])
  await takePicture(page, 'declined')
  await dialog.getByRole('combobox').click()
  await page.getByRole('option', { name: /4242/ }).click()
  await button(page, 'Pay now').click()
  await said(page, 'Booked. See you there!')

  await page.locator('.bell[aria-label*="new"]').waitFor()
  expect(begun).toHaveLength(1)

  await page.goto(`${web.server.url}${PATHS.bookings}`)
  await button(page, 'Cancel').click()
  await said(page, 'You will be refunded €9.00 (50%).')
  await button(page, 'Go back').click()
  expect(unexpected(visitor)).toEqual([])

  const operator = await open(PATHS.operatorBookings, { person: await makePerson(web.server, 'admin') })
  const line = operator.page.getByRole('article').filter({ hasText: 'Paid: €18.00' })
  await line.getByRole('button', { name: /^Cancel/ }).click()
  await said(operator.page, /€18.00 will be refunded/)
  await button(operator.page, 'Go back').click()
  await button(operator.page, 'Refund').click()
  await said(operator.page, 'Refund €18.00?')
  await operator.page.getByRole('dialog').getByRole('button', { name: 'Refund' }).click()
  await said(operator.page, 'Refund started.')
  const { items } = await clientOf(web.server, person).bookings.list.query({})
  expect(items[0]).toMatchObject({ status: 'confirmed', paidMinor: 1800, refundedMinor: 1800 })
  expect(unexpected(operator)).toEqual([])
})

test.skipIf(!browser)('an expired hold is freed live, and its holder is notified', async () => {
  const space = await makeSpace(web.server)
  const holder = await open(boardOf(space), { person: await makePerson(web.server) })
  const watcher = await open(boardOf(space))
  await slotAt(holder.page, 9).click()
  await slotAt(watcher.page, 9, 'held').waitFor()
  await endHolds(web.server, space.id)
  await sweepExpiredHolds(systemContext(web.server.deps, 'clock'))
  await slotAt(watcher.page, 9, 'free').waitFor()
  await said(holder.page, 'Your hold has expired')
  await button(holder.page, 'Hold again').click()
  await said(holder.page, 'Held for you: 09:00–10:00')
  expect([unexpected(holder), unexpected(watcher)]).toEqual([[], []])
})

test.skipIf(!browser)('an offline user sees a warning, and all changes after reconnecting', async () => {
  const space = await makeSpace(web.server)
  const { page, context } = await open(boardOf(space))
  await slotAt(page, 9).waitFor()
  await context.setOffline(true)
  await said(page, /You are offline/)
  await clientOf(web.server, await makePerson(web.server)).slots.hold.mutate({
    slotId: `${space.id}@${at(9)}`,
  })
  await context.setOffline(false)
  await slotAt(page, 9, 'held').waitFor()
  await page.getByText(/You are offline/).waitFor({ state: 'hidden' })
})

test.skipIf(!browser)('a page that fails to load offline loads after reconnecting', async () => {
  const { page, context } = await open(PATHS.home)
  await said(page, 'Find your space')
  await page.route('**/assets/points-*', (route) => route.abort())
  await context.setOffline(true)
  await page.evaluate(`history.pushState(null, '', '${PATHS.points}')`)
  await said(page, /This page loads when you are back online/)
  await button(page, 'Try again').click()
  await said(page, /This page loads when you are back online/)
  await page.unroute('**/assets/points-*')
  await context.setOffline(false)
  await said(page, 'Sign in to view this page')
})

test.skipIf(!browser)('a board reports a lost connection and is live again after reconnecting', async () => {
  const space = await makeSpace(web.server)
  const { page } = await open('/api/health')
  let isCut = false
  let cut = async () => {}
  await page.routeWebSocket('**/realtime', async (socket) => {
    if (isCut) return socket.close()
    const behind = socket.connectToServer()
    cut = async () => {
      isCut = true
      await behind.close()
      await socket.close()
    }
  })
  await page.route('**/trpc/realtime.watch*', (route) => (isCut ? route.abort() : route.continue()))
  await page.goto(`${web.server.url}${boardOf(space)}`)
  await said(page, 'Live')
  await cut()
  await said(page, /Reconnecting…/)
  await clientOf(web.server, await makePerson(web.server)).slots.hold.mutate({
    slotId: `${space.id}@${at(9)}`,
  })
  isCut = false
  await slotAt(page, 9, 'held').waitFor()
  await said(page, 'Live')
})

test.skipIf(!browser)('a user checks in and takes the last seat of an event', async () => {
  const { locationId } = await makeSpace(web.server)
  const host = clientOf(web.server, await makePerson(web.server, 'admin'))
  const period = { startsAt: at(18), endsAt: at(20) }
  const { id } = await host.events.create.mutate({ locationId, title: 'Aperitivo', capacity: 2, ...period })
  const visitor = await open(`${PATHS.community}?location=${locationId}`, {
    person: await makePerson(web.server),
  })
  await button(visitor.page, 'Check in').click()
  await button(visitor.page, 'Check out').waitFor()
  await button(visitor.page, 'Attend').click()
  await said(visitor.page, 'You are attending')
  expect(await host.events.byId.query({ id })).toMatchObject({ attending: 2 })
  expect((await host.checkIns.present.query({ locationId })).items).toHaveLength(1)
  expect(unexpected(visitor)).toEqual([])
})

test.skipIf(!browser)('pages without access and missing pages explain themselves', async () => {
  const { page } = await open(PATHS.operatorPeople, { person: await makePerson(web.server) })
  await said(page, 'This page is for operators')
  await page.goto(`${web.server.url}${boardOf({ id: Bun.randomUUIDv7() })}`)
  await said(page, 'Not found')
  for (const address of ['/spaces/nope', '/specialists/nope', '/events/nope', '/nowhere']) {
    await page.goto(`${web.server.url}${address}`)
    await said(page, 'Not found')
    expect([address, await page.getByRole('heading', { level: 1 }).count()]).toEqual([address, 1])
    expect(await seriousViolations(page)).toEqual([])
  }
  const stranger = await open(PATHS.bookings)
  await said(stranger.page, 'Sign in to view this page')
})

test.skipIf(!browser)('a spinner and the name are shown until the app has loaded', async () => {
  const { page } = await open('/api/health')
  const isLet = Promise.withResolvers<void>()
  await page.route('**/assets/main-*.js', async (route) => {
    await isLet.promise
    await route.continue()
  })
  await page.goto(web.server.url, { waitUntil: 'commit' })
  await said(page, 'CoworkSpace')
  await page.locator('.spinner').waitFor()
  isLet.resolve()
  await said(page, 'Find your space')
})

/** How long this work takes in the browser of the machine for which INTERACTIVE_MS was set. */
const SPIN_MS = 33

function spinMs(): number {
  const runs = Array.from({ length: 5 }, () => {
    const started = performance.now()
    let sum = 0
    for (let n = 0; n < 5_000_000; n++) sum += Math.sqrt(n) % 3
    return sum < 0 ? 0 : performance.now() - started
  })
  return Math.min(...runs)
}

test.skipIf(!browser)('the first load is small, and a board is interactive in time', async () => {
  const space = await makeSpace(web.server)
  // Parallel tests slow down single runs, so the best of several counts, in time of the reference machine.
  let best = Number.POSITIVE_INFINITY
  for (let run = 0; run < 8 && best >= INTERACTIVE_MS; run++) {
    const { page } = await open('/api/health')
    const slowness = Math.max(1, (await page.evaluate(spinMs)) / SPIN_MS)
    const started = performance.now()
    await page.goto(`${web.server.url}${boardOf(space)}`)
    await page.locator('.slot.free').first().waitFor()
    const ms = (performance.now() - started) / slowness
    best = Math.min(best, ms)
    const bytes = await receivedBytes(page)
    process.stdout.write(
      `board: ${Math.round(bytes / 1000)} kB, ${Math.round(ms)} ms at slowness ${slowness.toFixed(2)}\n`,
    )
    expect(bytes).toBeGreaterThan(10_000)
    expect(bytes).toBeLessThan(FIRST_LOAD_BYTES)
  }
  expect(best).toBeLessThan(INTERACTIVE_MS)
})
