import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { bookings, checkIns } from '../src/db/schema'
import type { RunningServer } from '../src/server'
import { markMissedArrivals } from '../src/services/arrivals'
import { checkOutAtClosing, closingAfter } from '../src/services/closing'
import { readCommunity } from '../src/services/community'
import type { Hours } from '../src/shapes/spaces'
import type { Period } from '../src/time'
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

/** A confirmed booking, made yesterday, that began so many minutes ago (or begins in so many, where negative) and lasts two hours. */
async function bookingBegun(person: TestPerson, minutesAgo: number, arrivalGraceMinutes: number | null = 15) {
  const space = await makeSpace(server, { arrivalGraceMinutes })
  const client = clientOf(server, person)
  const { id } = await client.bookings.create.mutate({ spaceId: space.id, startsAt: at(9) })
  await client.bookings.confirm.mutate({ id })
  const from = sql`date_trunc('second', now()) - make_interval(mins => ${minutesAgo}::int)`
  await server.deps.db
    .update(bookings)
    .set({
      bookedAt: sql`now() - interval '1 day'`,
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
  expect((await client.checkIns.present.query({ locationId })).mine).toMatchObject({ person: { id: ada.id } })
  expect(JSON.stringify(unseen)).not.toContain(ada.id)
  await watcher.close()
})

test('a wish to be unseen that could not be told is not kept either, and can be made again', async () => {
  const { locationId } = await makeSpace(server)
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const client = clientOf(server, ada)
  await client.checkIns.checkIn.mutate({ locationId })
  // What is told after a change needs the location: without it there is no telling.
  await server.deps.db.execute(sql`
    CREATE FUNCTION refuse_version() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF NEW.id = ${sql.raw(`'${locationId}'`)} THEN RAISE 'not now'; END IF; RETURN NEW; END $$;
    CREATE TRIGGER refuse_version BEFORE UPDATE ON locations FOR EACH ROW EXECUTE FUNCTION refuse_version()`)
  expect(await reasonOf(client.auth.update.mutate({ hidden: true }))).toBe('INTERNAL')
  await server.deps.db.execute(sql`DROP TRIGGER refuse_version ON locations; DROP FUNCTION refuse_version()`)
  expect((await client.auth.me.query()).hidden).toBe(false)
  const watcher = await openSocket(server, bob.token)
  watcher.send({ type: 'join_location', locationId })
  await watcher.next('initial')
  await client.auth.update.mutate({ hidden: true })
  expect((await watcher.next('check_ins')).present).toMatchObject([{ person: null }])
  await watcher.close()
})

test('an id in capital letters is the same id: who checks in by it is seen, and stays', async () => {
  const { locationId } = await makeSpace(server)
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const [lower, upper] = [await openSocket(server, bob.token), await openSocket(server, bob.token)]
  lower.send({ type: 'join_location', locationId })
  upper.send({ type: 'join_location', locationId: locationId.toUpperCase() })
  await Promise.all([lower.next('initial'), upper.next('initial')])
  const client = clientOf(server, ada)
  const first = await client.checkIns.checkIn.mutate({ locationId: locationId.toUpperCase() })
  expect(await client.checkIns.checkIn.mutate({ locationId })).toEqual(first)
  for (const socket of [lower, upper]) {
    expect((await socket.next('check_ins')).present).toMatchObject([{ person: { id: ada.id } }])
    await socket.close()
  }
})

test('saying the same again is no news', async () => {
  const { locationId } = await makeSpace(server)
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const client = clientOf(server, ada)
  await client.checkIns.checkIn.mutate({ locationId, note: 'By the window' })
  const { version } = await readCommunity(server.deps.db, locationId)
  await client.checkIns.checkIn.mutate({ locationId, note: 'By the window' })
  await client.checkIns.checkIn.mutate({ locationId })
  await client.auth.update.mutate({ hidden: false })
  expect((await readCommunity(server.deps.db, locationId)).version).toBe(version)
  await client.checkIns.checkIn.mutate({ locationId, note: 'At the bar' })
  expect(await readCommunity(server.deps.db, locationId, bob.id)).toMatchObject({
    version: version + 1,
    checkIns: [{ note: 'At the bar' }],
  })
})

test('nobody stays checked in where a location is no longer in use', async () => {
  const { locationId } = await makeSpace(server)
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  await clientOf(server, ada).checkIns.checkIn.mutate({ locationId })
  const watcher = await openSocket(server, bob.token)
  watcher.send({ type: 'join_location', locationId })
  await watcher.next('initial')
  await clientOf(server, await makePerson(server, 'admin')).locations.remove.mutate({ id: locationId })
  await checkOutAtClosing(server.deps)
  expect((await watcher.next('check_ins')).present).toEqual([])
  const [row] = await server.deps.db.select().from(checkIns).where(eq(checkIns.userId, ada.id))
  expect(row?.until).toBeInstanceOf(Date)
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

test('nobody is a no-show within the grace, in a space that has none, or who is or was in the house, or booked just now', async () => {
  const ada = await makePerson(server)
  const early = await bookingBegun(ada, 14)
  const without = await bookingBegun(ada, 90, null)
  const inHouse = await bookingBegun(ada, 90)
  await inHouse.client.checkIns.checkIn.mutate({ locationId: inHouse.space.locationId })
  const wasHere = await bookingBegun(ada, 91)
  await server.deps.db.insert(checkIns).values({
    userId: ada.id,
    locationId: wasHere.space.locationId,
    way: 'door',
    since: sql`now() - interval '100 minutes'`,
    until: sql`now() - interval '5 minutes'`,
  })
  const bookedLate = await bookingBegun(ada, 20)
  await server.deps.db
    .update(bookings)
    .set({ bookedAt: sql`now() - interval '14 minutes'` })
    .where(eq(bookings.id, bookedLate.id))
  await markMissedArrivals(server.deps)
  for (const { id } of [early, without, inHouse, wasHere, bookedLate])
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

test('closing time is the end of the opening one is in, or comes shortly before, across breaks, closures and midnights', () => {
  const office = [1, 2, 3, 4, 5].map((weekday) => ({
    weekday: weekday as 1 | 2,
    opensAt: '08:00',
    closesAt: '20:00',
  }))
  const rome = (since: string, hours: Hours = office, closures: Period[] = []) =>
    new Date(closingAfter(Date.parse(since), { timeZone: 'Europe/Rome', hours, closures })).toISOString()
  expect(rome('2027-01-04T12:00:00Z')).toBe('2027-01-04T19:00:00.000Z')
  expect(rome('2027-01-04T05:00:00Z')).toBe('2027-01-04T19:00:00.000Z')
  // Who comes while it is closed, and will be for longer than two hours, is out after those.
  expect(rome('2027-01-04T04:59:00Z')).toBe('2027-01-04T06:59:00.000Z')
  expect(rome('2027-01-04T19:01:00Z')).toBe('2027-01-04T21:01:00.000Z')
  expect(rome('2027-01-08T20:00:00Z')).toBe('2027-01-08T22:00:00.000Z')
  expect(rome('2027-01-04T12:00:00Z', [])).toBe('2027-01-04T14:00:00.000Z')
  const closed = (from: string, to: string) => [{ from: Date.parse(from), to: Date.parse(to) }]
  const fromThree = closed('2027-01-04T14:00:00Z', '2027-01-06T00:00:00Z')
  expect(rome('2027-01-04T12:00:00Z', office, fromThree)).toBe('2027-01-04T14:00:00.000Z')
  expect(rome('2027-01-04T15:00:00Z', office, fromThree)).toBe('2027-01-04T17:00:00.000Z')
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
