import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { bookings, checkIns } from '../src/db/schema'
import type { RunningServer } from '../src/server'
import { markMissedArrivals } from '../src/services/bookings/arrivals'
import { openSocket } from './support/socket'
import {
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

/** A two-hour booking that was made yesterday and started `minutesAgo`; a negative value is in the future. */
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

test('a booking with a check-in is never marked as a no-show', async () => {
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

test('users check in for their own bookings, from an hour before them to their end', async () => {
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

test('a missed arrival frees the rest of the time once and notifies the user', async () => {
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
  const [row] = await server.deps.db.execute<{ unit: number | null }>(sql`
    SELECT free_unit(${space.id}::uuid, 1, tstzrange(now(), now() + interval '90 minutes'), now()) AS unit`)
  expect(row?.unit).toBe(1)
  const notification = await socket.next('notification', ({ kind }) => kind === 'booking_no_show')
  expect(notification).toMatchObject({ bookingId: id })
  await Promise.all([socket.close(), watcher.close()])
})

test('no booking becomes a no-show during its grace or with its user present', async () => {
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

test('one no-show that fails does not stop the others', async () => {
  const [first, second] = [
    await bookingBegun(await makePerson(server), 17),
    await bookingBegun(await makePerson(server), 16),
  ]
  await server.deps.db.execute(
    sql.raw(`
    CREATE FUNCTION refuses() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$;
    CREATE TRIGGER refuses BEFORE UPDATE ON bookings FOR EACH ROW WHEN (OLD.id = '${first.id}') EXECUTE FUNCTION refuses()`),
  )
  await markMissedArrivals(server.deps)
  await server.deps.db.execute(sql.raw('DROP FUNCTION refuses CASCADE'))
  expect(await second.client.bookings.byId.query({ id: second.id })).toMatchObject({ status: 'no_show' })
  await markMissedArrivals(server.deps)
  expect(await first.client.bookings.byId.query({ id: first.id })).toMatchObject({ status: 'no_show' })
})

test('a check-in that races with the no-show job has exactly one outcome', async () => {
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
