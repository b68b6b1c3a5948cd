import { afterAll, beforeAll, expect, test } from 'bun:test'
import {
  type Board,
  type BoardStatus,
  type Client,
  type ClientOptions,
  createClient,
  type LocationView,
} from '../client/src'
import { events } from '../src/db/schema'
import type { RunningServer } from '../src/server'
import { readCommunity } from '../src/services/calendar/change-location'
import { makeEvent } from './support/events'
import { payInBrowser } from './support/money'
import { type Random, randomFrom, sized } from './support/proof'
import { startProxy } from './support/proxy'
import { openAtLocation, openSocket } from './support/socket'
import { makeSpecialist } from './support/specialists'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
  reasonOf,
  startTestServer,
  stopTestServers,
  type TestClient,
  testDate,
  until,
} from './support/world'

const CHANGES = sized(200, 1800)

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({
    jobs: true,
    env: {
      SWEEP_SECONDS: '1',
      DATABASE_POOL: '20',
      MAX_HOLDS_PER_PERSON: '1000',
      MAX_EVENTS_PER_PERSON: '1000',
    },
  })
})
afterAll(stopTestServers)

type Shown = { view?: LocationView; status?: BoardStatus }
type Follower = { shown: Shown; client: Client; cut(): number; close(): Promise<void> }

/** Watches a location through a proxy that can be cut. `shown` is the view that a page would show. */
async function follow(
  locationId: string,
  options: Pick<ClientOptions, 'live' | 'getToken' | 'WebSocket'>,
): Promise<Follower> {
  const proxy = await startProxy([server.url])
  const client = createClient({ url: proxy.url, reconnect: { minMs: 10, maxMs: 100 }, ...options })
  const shown: Shown = {}
  client.watchLocation({ locationId }, (view, status) => Object.assign(shown, { view, status }))
  await until(() => shown.status?.live)
  return {
    shown,
    client,
    cut: proxy.cut,
    async close() {
      client.close()
      await proxy.stop()
    },
  }
}

let lost = 0
/** A socket that randomly loses pushed messages, but no responses. */
const lossy = (random: Random) =>
  class extends WebSocket {
    override set onmessage(listen: (event: MessageEvent) => void) {
      super.onmessage = (event) => {
        if (/^{"type":"(check_ins|events)"/.test(String(event.data)) && random.chance(0.05)) lost += 1
        else listen(event)
      }
    }
  }

/** Makes one random change at a location. */
async function makeChange(random: Random, client: TestClient, here: { locationId: string; other: string }) {
  const { locationId } = here
  const { items } = await client.events.list.query({ locationId, limit: 100 })
  const event = items.length > 0 ? random.pick(items) : undefined
  const hour = random.below(20)
  const time = { startsAt: at(hour), endsAt: at(hour + 2) }
  const id = event?.id ?? ''
  const acts: (() => Promise<unknown>)[] = [
    () => client.checkIns.checkIn.mutate({ locationId: random.chance(0.8) ? locationId : here.other }),
    () => client.checkIns.checkIn.mutate({ locationId, note: `Note ${random.below(100)}` }),
    () => client.checkIns.checkOut.mutate(),
    () => client.auth.update.mutate({ hidden: random.chance(0.5) }),
    () => client.auth.update.mutate({ name: `Name ${random.below(1000)}` }),
    () =>
      client.events.create.mutate({
        locationId,
        title: `Event ${random.below(1000)}`,
        visibility: random.pick(['public', 'members'] as const),
        capacity: random.pick([null, 1, 2, 3]),
        priceMinor: random.pick([0, 0, 500]),
        ...time,
      }),
    () => client.events.attend.mutate({ id }),
    () => client.events.attend.mutate({ id }),
    () => client.events.leave.mutate({ id }),
    () => client.events.update.mutate({ id, ...time }),
    () => client.events.update.mutate({ id, capacity: random.pick([null, 2, 4]) }),
    () => client.events.remove.mutate({ id }),
  ]
  return reasonOf(random.pick(acts)())
}

test('a watched location equals the database after random changes and lost messages', async () => {
  const random = randomFrom('a location, live')
  const [{ locationId }, { locationId: other }] = [await makeSpace(server), await makeSpace(server)]
  const people = await Promise.all(Array.from({ length: 12 }, () => makePerson(server)))
  const member = await makePerson(server)
  const watchers = {
    member: await follow(locationId, { getToken: () => member.token, WebSocket: lossy(random) }),
    anyone: await follow(locationId, { WebSocket: lossy(random) }),
    byEvents: await follow(locationId, { live: 'events' }),
  }
  const clients: TestClient[] = [...people.map((person) => clientOf(server, person)), watchers.member.client]

  const reasons = new Map<string, number>()
  const done = () => reasons.get('was not refused') ?? 0
  let cuts = 0
  const cutting = (async () => {
    for (const [round, watcher] of Array.from({ length: 6 }, () => Object.values(watchers))
      .flat()
      .entries()) {
      await until(() => watcher.shown.status?.live && done() >= (round * CHANGES) / 20, 100_000)
      cuts += Math.min(1, watcher.cut())
    }
  })()
  await Promise.all(
    Array.from({ length: 6 }, async () => {
      while (done() < CHANGES) {
        const reason = await makeChange(random, random.pick(clients), { locationId, other })
        reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
      }
    }),
  )
  await cutting
  const expected = ['was not refused', 'NOT_FOUND', 'NOT_ALLOWED', 'VALIDATION', 'INVALID_STATE']
  // Calls without an idempotency key are not retried after a cut.
  const isCut = (reason: string) => /ECONNRESET|connection was closed/.test(reason)
  expect([...reasons.keys()].filter((reason) => !expected.includes(reason) && !isCut(reason))).toEqual([])

  const [{ version } = { version: 0 }] = await server.deps.db.query.locations.findMany({
    where: (location, { eq }) => eq(location.id, locationId),
  })
  const reader = clientOf(server, member)
  const { items: checkIns } = await reader.checkIns.present.query({ locationId, limit: 100 })
  const { items: events } = await reader.events.list.query({ locationId, limit: 100 })
  const named = { version, locationId, checkIns, events }
  expect(events.filter(({ visibility }) => visibility === 'members').length).toBeGreaterThan(0)
  const forAnyone = {
    ...named,
    checkIns: checkIns.map((one) => ({ ...one, person: null, note: null })),
    events: (await clientOf(server).events.list.query({ locationId, limit: 100 })).items,
  }
  for (const [watcher, expectedView] of [
    [watchers.member, named],
    [watchers.anyone, forAnyone],
    [watchers.byEvents, forAnyone],
  ] as const) {
    await until(() => watcher.shown.status?.live && Bun.deepEquals(watcher.shown.view, expectedView)).catch(
      () => undefined,
    )
    expect(watcher.shown.view).toEqual(expectedView)
  }
  process.stdout.write(`${version - 1} changes, ${cuts} cuts, ${lost} messages lost\n`)
  expect(cuts).toBe(18)
  await Promise.all(Object.values(watchers).map((watcher) => watcher.close()))
}, 300_000)

for (const live of ['socket', 'events'] as const) {
  test(`watching by ${live} ends with its client and refuses an unknown location`, async () => {
    const { locationId } = await makeSpace(server)
    const ada = await makePerson(server)
    const { client, shown, close } = await follow(locationId, { live, getToken: () => ada.token })
    expect(shown.view).toMatchObject({ locationId, checkIns: [], events: [] })
    for (const [id, reason] of [
      [Bun.randomUUIDv7(), 'NOT_FOUND'],
      ['nonsense', 'VALIDATION'],
    ] as const) {
      const refused = Promise.withResolvers<string>()
      client.watchLocation({ locationId: id }, () => {}, {
        onError: (error) => refused.resolve(error.reason),
      })
      expect(await refused.promise).toBe(reason)
    }
    await client.checkIns.checkIn.mutate({ locationId })
    await until(() => shown.view?.checkIns.length === 1)
    // Streams of server-sent events are signed out and contain no names.
    expect(shown.view?.checkIns[0]?.person?.id).toBe(live === 'socket' ? ada.id : undefined)
    await close()
    await until(() => server.deps.realtimeStats().eventStreams === 0)
  })
}

test('a watched event shows the status of the user, also after changes elsewhere', async () => {
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const { locationId } = await makeSpace(server)
  const { client, shown, close } = await follow(locationId, { getToken: () => ada.token })
  const event = await makeEvent(server, bob, { locationId, capacity: 2, priceMinor: 2000 })
  const mine = () => shown.view?.events[0]
  await until(() => mine()?.mine === null)
  const { bookingId } = await client.events.attend.mutate({ id: event.id })
  await until(() => mine()?.mine === 'held' && mine()?.held === 1)
  expect(mine()?.bookingId).toBe(bookingId)
  // Pays on another page.
  await payInBrowser(
    server,
    await clientOf(server, ada).payments.createIntent.mutate({ bookingId: bookingId ?? '' }),
  )
  await until(() => mine()?.mine === 'attending' && mine()?.attending === 2)
  await client.events.leave.mutate({ id: event.id })
  await until(() => mine()?.mine === null && mine()?.attending === 1)
  await close()
})

test('a promotion reaches watchers even if its notifications are off', async () => {
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const { locationId } = await makeSpace(server)
  const preferences = { kind: 'event_place' as const, app: false, email: false, telegram: false }
  await clientOf(server, ada).notifications.setPreferences.mutate({ items: [preferences] })
  const event = await makeEvent(server, bob, { locationId, capacity: 1 })
  const { client, shown, close } = await follow(locationId, { getToken: () => ada.token })
  await client.events.attend.mutate({ id: event.id })
  await until(() => shown.view?.events[0]?.mine === 'waiting')
  // Waits until no earlier request is in flight.
  await clientOf(server, bob).checkIns.checkIn.mutate({ locationId })
  await until(() => shown.view?.checkIns.length === 1 && shown.status?.live)
  await clientOf(server, bob).events.leave.mutate({ id: event.id })
  await until(() => shown.view?.events[0]?.mine === 'attending')
  await close()
})

test('attending or leaving an event reaches every device of the user', async () => {
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const { locationId } = await makeSpace(server)
  const [desk, phone] = [
    await follow(locationId, { getToken: () => ada.token }),
    await follow(locationId, { getToken: () => ada.token }),
  ]
  const event = await makeEvent(server, bob, { locationId, capacity: 2 })
  for (const act of ['attend', 'leave'] as const) {
    const { mine } = await desk.client.events[act].mutate({ id: event.id })
    for (const { shown } of [desk, phone])
      await until(() => shown.view?.events[0]?.mine === mine && shown.status?.live)
  }
  await Promise.all([desk.close(), phone.close()])
})

test('an event that ends is removed from watched locations with a new version', async () => {
  const { locationId } = await makeSpace(server)
  const maker = await makePerson(server)
  const from = Date.now() + 1500
  const event = await makeEvent(server, maker, {
    locationId,
    startsAt: new Date(from).toISOString(),
    endsAt: new Date(from + 500).toISOString(),
  })
  const watcher = await follow(locationId, { getToken: () => maker.token })
  expect(watcher.shown.view?.events).toMatchObject([{ id: event.id }])
  const { version = 0 } = watcher.shown.view ?? {}
  await until(() => watcher.shown.view?.events.length === 0)
  expect(watcher.shown.view?.version).toBe(version + 1)
  expect(await readCommunity(server.deps.db, locationId, maker.id)).toMatchObject({
    version: version + 1,
    events: [],
  })
  await watcher.close()
})

test('events for members never crowd out public ones for others', async () => {
  const { locationId } = await makeSpace(server)
  const maker = await makePerson(server)
  const { id: publicId, ...settings } = await makeEvent(server, maker, {
    locationId,
    startsAt: at(10),
    endsAt: at(11),
  })
  const times = { startsAt: new Date(at(8)), endsAt: new Date(at(9)) }
  await server.deps.db.insert(events).values(
    Array.from({ length: 100 }, (_, index) => ({
      locationId,
      ...times,
      title: `For members ${index}`,
      visibility: 'members' as const,
    })),
  )
  expect((await readCommunity(server.deps.db, locationId)).events).toMatchObject([{ id: publicId }])
  const forMembers = (await readCommunity(server.deps.db, locationId, maker.id)).events
  expect(forMembers.filter(({ visibility }) => visibility === 'members')).toHaveLength(100)
  expect(forMembers.some(({ title }) => title === settings.title)).toBe(false)
})

test('a board of a specialist can be watched in the slots of one service', async () => {
  const { specialist, service } = await makeSpecialist(server)
  const key = { specialistId: specialist.id, date: testDate, serviceId: service.id }
  for (const live of ['socket', 'events'] as const) {
    const ada = await makePerson(server)
    const client = createClient({ url: server.url, live, getToken: () => ada.token })
    const shown: { board?: Board; status?: BoardStatus } = {}
    client.watchBoard(key, (board, status) => Object.assign(shown, { board, status }))
    await until(() => shown.status?.live)
    const free = shown.board?.slots.find(({ status }) => status === 'free')
    const hold = await client.slots.hold.mutate({ slotId: free?.id ?? '' })
    const slot = () => shown.board?.slots.find(({ id }) => id === free?.id)
    await until(() => slot()?.status === 'held' && slot()?.heldByMe)
    await client.bookings.cancel.mutate({ id: hold.id })
    await until(() => slot()?.status === 'free')
    const { version: _, ...stored } = await clientOf(server, ada).specialists.day.query({
      id: specialist.id,
      date: testDate,
      serviceId: service.id,
    })
    expect(shown.board).toMatchObject(stored)
    client.close()
  }
})

test('a socket gets no updates after leaving, and an unknown location is refused', async () => {
  const { locationId } = await makeSpace(server)
  const ada = await makePerson(server)
  const socket = await openSocket(server, ada.token)
  socket.send({ type: 'join_location', locationId: Bun.randomUUIDv7(), requestId: 'nowhere' })
  expect(await socket.next('error')).toMatchObject({ reason: 'NOT_FOUND', requestId: 'nowhere' })
  socket.send({ type: 'join_location', locationId, requestId: 'join' })
  expect(await socket.next('initial')).toMatchObject({
    locationId,
    requestId: 'join',
    checkIns: [],
    events: [],
  })
  socket.send({ type: 'leave_location', locationId, requestId: 'leave' })
  expect(await socket.next('left_location')).toMatchObject({ locationId, requestId: 'leave' })
  await clientOf(server, ada).checkIns.checkIn.mutate({ locationId })
  socket.send({ type: 'join_location', locationId, requestId: 'again' })
  await socket.next('initial', ({ checkIns }) => checkIns.length === 1)
  expect(socket.received.filter(({ type }) => type === 'check_ins')).toEqual([])
  await socket.close()
})

test('the sweep sends the version of each watched location', async () => {
  const { locationId } = await makeSpace(server)
  const socket = await openAtLocation(server, locationId)
  const { version } = await socket.next('initial')
  expect(await socket.next('location_version')).toMatchObject({ locationId, version })
  await socket.close()
})
