import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { bookings, checkIns } from '../src/db/schema'
import type { RunningServer } from '../src/server'
import { markMissedArrivals } from '../src/services/arrivals'
import { checkOutAtClosing, closingAfter } from '../src/services/closing'
import type { Hours } from '../src/shapes/spaces'
import { openSocket } from './support/socket'
import {
  allDay,
  at,
  clientOf,
  makePerson,
  makeSpace,
  reasonOf,
  startTestServer,
  stopTestServers,
  type TestPerson,
} from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ queue: true })
})
afterAll(stopTestServers)

async function namesAt(locationId: string, person: TestPerson): Promise<(string | null)[]> {
  const { items } = await clientOf(server, person).checkIns.present.query({ locationId })
  return items.map(({ person }) => person?.name ?? null)
}

/** A confirmed booking that began so many minutes ago (or begins in so many, where negative) and lasts two hours. */
async function bookingBegun(person: TestPerson, minutesAgo: number, arrivalGraceMinutes: number | null = 15) {
  const space = await makeSpace(server, { arrivalGraceMinutes })
  const client = clientOf(server, person)
  const { id } = await client.bookings.create.mutate({ spaceId: space.id, startsAt: at(9) })
  await client.bookings.confirm.mutate({ id })
  const from = sql`date_trunc('second', now()) - make_interval(mins => ${minutesAgo}::int)`
  await server.deps.db
    .update(bookings)
    .set({
      startsAt: from,
      endsAt: sql`${from} + interval '2 hours'`,
      claimed: sql`tstzrange(${from}, ${from} + interval '2 hours')`,
    })
    .where(eq(bookings.id, id))
  return { id, space, client }
}

test('a person is at one location at a time, since they came, until they leave', async () => {
  const [here, there] = [await makeSpace(server), await makeSpace(server)]
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const client = clientOf(server, ada)
  const first = await client.checkIns.checkIn.mutate({ locationId: here.locationId, note: 'By the window' })
  expect(first).toMatchObject({ locationId: here.locationId, person: { id: ada.id }, note: 'By the window' })
  const again = await client.checkIns.checkIn.mutate({ locationId: here.locationId })
  expect(again).toEqual(first)

  await client.checkIns.checkIn.mutate({ locationId: there.locationId })
  expect(await namesAt(here.locationId, bob)).toHaveLength(0)
  expect(await namesAt(there.locationId, bob)).toHaveLength(1)
  expect(await client.checkIns.checkOut.mutate()).toEqual({ ok: true })
  expect(await namesAt(there.locationId, bob)).toHaveLength(0)
  expect(await reasonOf(client.checkIns.checkOut.mutate())).toBe('NOT_FOUND')
})

test('whoever checks in everywhere at once is in one place, and the database refuses two', async () => {
  const places = await Promise.all([1, 2, 3].map(() => makeSpace(server)))
  const ada = await makePerson(server)
  const client = clientOf(server, ada)
  await Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      client.checkIns.checkIn.mutate({ locationId: places[index % 3]?.locationId ?? '' }),
    ),
  )
  const rows = await server.deps.db.select().from(checkIns).where(eq(checkIns.userId, ada.id))
  expect(rows.filter(({ until }) => until === null)).toHaveLength(1)
  const second = server.deps.db
    .insert(checkIns)
    .values({ userId: ada.id, locationId: places[0]?.locationId ?? '', way: 'hand' })
  expect(await second.then(() => 'accepted').catch(() => 'refused')).toBe('refused')
})

test('who does not wish to be seen counts and is not named, from the moment of the wish', async () => {
  const { locationId } = await makeSpace(server)
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const watcher = await openSocket(server, bob.token)
  watcher.send({ type: 'join_location', locationId })
  await watcher.next('initial')
  const client = clientOf(server, ada)
  await client.checkIns.checkIn.mutate({ locationId, note: 'Room 3' })
  const seen = await watcher.next('check_ins')
  expect(seen.present).toMatchObject([{ person: { id: ada.id }, note: 'Room 3' }])
  await client.auth.update.mutate({ hidden: true })
  const unseen = await watcher.next('check_ins', ({ version }) => version === seen.version + 1)
  expect(unseen.present).toMatchObject([{ person: null, note: null }])
  expect(await namesAt(locationId, bob)).toEqual([null])
  expect(JSON.stringify(unseen)).not.toContain(ada.id)
  await watcher.close()
})

test('a watcher who is not signed in hears how many are there and nobody’s name, until they sign in', async () => {
  const { locationId } = await makeSpace(server)
  const ada = await makePerson(server)
  await clientOf(server, ada).checkIns.checkIn.mutate({ locationId })
  const socket = await openSocket(server)
  socket.send({ type: 'join_location', locationId })
  expect((await socket.next('initial')).checkIns).toMatchObject([{ person: null }])
  const bob = await makePerson(server)
  await clientOf(server, bob).checkIns.checkIn.mutate({ locationId })
  expect((await socket.next('check_ins')).present.map(({ person }) => person)).toEqual([null, null])
  expect(JSON.stringify(socket.received)).not.toContain(bob.id)

  socket.send({ type: 'authenticate', token: ada.token })
  const named = await socket.next('initial', ({ checkIns }) => checkIns.some(({ person }) => person !== null))
  expect(named.checkIns.map(({ person }) => person?.id)).toEqual([ada.id, bob.id])
  await clientOf(server, bob).checkIns.checkOut.mutate()
  const after = await socket.next('check_ins', ({ version }) => version === named.version + 1)
  expect(after.present).toMatchObject([{ person: { id: ada.id } }])
  const heard = socket.received.filter((m) => m.type === 'check_ins' && m.version === after.version)
  expect(heard).toHaveLength(1)
  await socket.close()
})

test('who comes for a booking has arrived, and nobody frees the time', async () => {
  const ada = await makePerson(server)
  const { id, space, client } = await bookingBegun(ada, 20)
  const stay = await client.checkIns.checkIn.mutate({ bookingId: id })
  expect(stay.locationId).toBe(space.locationId)
  const { arrivedAt } = await client.bookings.byId.query({ id })
  expect(arrivedAt).toBeString()
  await client.checkIns.checkOut.mutate()
  await markMissedArrivals(server.deps)
  expect(await client.bookings.byId.query({ id })).toMatchObject({ status: 'confirmed', arrivedAt })
})

test('an arrival is for one’s own confirmed booking, from an hour before it to its end', async () => {
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const soon = await bookingBegun(ada, -59)
  const later = await bookingBegun(ada, -62)
  const over = await bookingBegun(ada, 121)
  const client = clientOf(server, ada)
  expect(await reasonOf(clientOf(server, bob).checkIns.checkIn.mutate({ bookingId: soon.id }))).toBe(
    'NOT_FOUND',
  )
  expect(await reasonOf(client.checkIns.checkIn.mutate({ bookingId: later.id }))).toBe('TOO_EARLY')
  expect(await reasonOf(client.checkIns.checkIn.mutate({ bookingId: over.id }))).toBe('TOO_LATE')
  const elsewhere = { bookingId: soon.id, locationId: later.space.locationId }
  expect(await reasonOf(client.checkIns.checkIn.mutate(elsewhere))).toBe('VALIDATION')
  expect(await reasonOf(client.checkIns.checkIn.mutate({}))).toBe('VALIDATION')
  expect(await client.checkIns.checkIn.mutate({ bookingId: soon.id })).toMatchObject({
    person: { id: ada.id },
  })
  await client.bookings.cancel.mutate({ id: later.id })
  expect(await reasonOf(client.checkIns.checkIn.mutate({ bookingId: later.id }))).toBe('INVALID_STATE')
})

test('without an arrival within the grace the rest of the time is free, once, and its person is told', async () => {
  const ada = await makePerson(server)
  const { id, space } = await bookingBegun(ada, 16)
  const socket = await openSocket(server, ada.token)
  const watcher = await openSocket(server)
  watcher.send({ type: 'join_space', spaceId: space.id, date: new Date().toISOString().slice(0, 10) })
  await watcher.next('slots_status_update')
  const jobs = await Promise.all([1, 2, 3].map(() => markMissedArrivals(server.deps)))
  expect(jobs.reduce((sum, count) => sum + count, 0)).toBe(1)
  expect(await clientOf(server, ada).bookings.byId.query({ id })).toMatchObject({ status: 'no_show' })
  expect((await watcher.next('slot_update')).cause).toBe('completed')
  const [free] = await server.deps.db.execute<{ unit: number | null }>(sql`
    SELECT free_unit(${space.id}::uuid, 1, tstzrange(now(), now() + interval '90 minutes'), now()) AS unit`)
  expect(free?.unit).toBe(1)
  const told = await socket.next('notification', ({ kind }) => kind === 'booking_no_show')
  expect(told).toMatchObject({ bookingId: id })
  await Promise.all([socket.close(), watcher.close()])
})

test('nobody is a no-show within the grace, in a space that has none, or while they are in the house', async () => {
  const ada = await makePerson(server)
  const early = await bookingBegun(ada, 14)
  const without = await bookingBegun(ada, 90, null)
  const inHouse = await bookingBegun(ada, 90)
  await inHouse.client.checkIns.checkIn.mutate({ locationId: inHouse.space.locationId })
  await markMissedArrivals(server.deps)
  for (const { id } of [early, without, inHouse])
    expect(await inHouse.client.bookings.byId.query({ id })).toMatchObject({ status: 'confirmed' })
})

test('arrivals and the clock race for a booking, and one of the two wins whole', async () => {
  const outcomes = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const { id, client } = await bookingBegun(await makePerson(server), 16)
      const [arrival] = await Promise.all([
        reasonOf(client.checkIns.checkIn.mutate({ bookingId: id })),
        markMissedArrivals(server.deps),
      ])
      const { status, arrivedAt } = await client.bookings.byId.query({ id })
      return `${arrival}, ${status}, ${arrivedAt ? 'arrived' : 'not arrived'}`
    }),
  )
  const allowed = ['was not refused, confirmed, arrived', 'INVALID_STATE, no_show, not arrived']
  expect(outcomes.filter((outcome) => !allowed.includes(outcome))).toEqual([])
})

test('who is still there at closing time is checked out then, and the location hears it', async () => {
  const { locationId } = await makeSpace(server)
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  for (const person of [ada, bob]) await clientOf(server, person).checkIns.checkIn.mutate({ locationId })
  await server.deps.db
    .update(checkIns)
    .set({ since: sql`now() - interval '25 hours'` })
    .where(eq(checkIns.userId, ada.id))
  const watcher = await openSocket(server, bob.token)
  watcher.send({ type: 'join_location', locationId })
  await watcher.next('initial')
  await Promise.all([checkOutAtClosing(server.deps), checkOutAtClosing(server.deps)])
  expect((await watcher.next('check_ins')).present.map(({ person }) => person?.id)).toEqual([bob.id])
  const [row] = await server.deps.db.select().from(checkIns).where(eq(checkIns.userId, ada.id))
  expect(row?.until?.getTime()).toBe((row?.since.getTime() ?? 0) + 86_400_000)
  await watcher.close()
})

test('closing time is the end of the opening one is in, or of the next, across breaks and midnights', () => {
  const office = [1, 2, 3, 4, 5].map((weekday) => ({
    weekday: weekday as 1 | 2,
    opensAt: '08:00',
    closesAt: '20:00',
  }))
  const rome = (since: string, hours: Hours = office) =>
    new Date(closingAfter(Date.parse(since), 'Europe/Rome', hours)).toISOString()
  expect(rome('2027-01-04T12:00:00Z')).toBe('2027-01-04T19:00:00.000Z')
  expect(rome('2027-01-04T05:00:00Z')).toBe('2027-01-04T19:00:00.000Z')
  // After closing on a Friday nothing opens for a day.
  expect(rome('2027-01-08T20:00:00Z')).toBe('2027-01-09T20:00:00.000Z')
  const bar = [{ weekday: 1 as const, opensAt: '18:00', closesAt: '02:00' }]
  expect(rome('2027-01-04T22:00:00Z', bar)).toBe('2027-01-05T01:00:00.000Z')
  expect(rome('2027-01-04T23:30:00Z', bar)).toBe('2027-01-05T01:00:00.000Z')
  const siesta = [
    { weekday: 1 as const, opensAt: '08:00', closesAt: '12:00' },
    { weekday: 1 as const, opensAt: '12:00', closesAt: '16:00' },
    { weekday: 1 as const, opensAt: '18:00', closesAt: '20:00' },
  ]
  expect(rome('2027-01-04T08:00:00Z', siesta)).toBe('2027-01-04T15:00:00.000Z')
  expect(rome('2027-01-04T08:00:00Z', allDay)).toBe('2027-01-05T08:00:00.000Z')
})

test('who deletes the account is gone from the location at once, and the export said where they had been', async () => {
  const { locationId } = await makeSpace(server)
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const client = clientOf(server, ada)
  await client.checkIns.checkIn.mutate({ locationId })
  const exported = await client.auth.exportMe.query()
  expect(exported.checkIns).toMatchObject([{ locationId, until: null }])
  const watcher = await openSocket(server, bob.token)
  watcher.send({ type: 'join_location', locationId })
  await watcher.next('initial')
  await client.auth.deleteMe.mutate()
  expect((await watcher.next('check_ins')).present).toEqual([])
  expect(await server.deps.db.select().from(checkIns).where(eq(checkIns.userId, ada.id))).toEqual([])
  await watcher.close()
})
