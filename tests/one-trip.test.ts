import { afterAll, beforeAll, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import type { RunningServer } from '../src/server'
import { countQueries } from './support/proxy'
import { insertBooking } from './support/rows'
import { openSocket } from './support/socket'
import {
  allDay,
  at,
  clientOf,
  endHolds,
  makePerson,
  makeSpace,
  reasonOf,
  startTestServer,
  stopTestServers,
  type TestPerson,
  testDate,
} from './support/world'

/** Two servers with caches and no bus: each must notice the other's changes by itself. */
let server: RunningServer
let second: RunningServer
let admin: TestPerson
let person: TestPerson
beforeAll(async () => {
  server = await startTestServer({ env: { CACHE: 'on' } })
  second = await startTestServer({ env: { CACHE: 'on' }, databaseUrl: server.deps.env.DATABASE_URL ?? '' })
  admin = await makePerson(server, 'admin')
  person = await makePerson(server)
})
afterAll(stopTestServers)

const slotOf = (space: { id: string }, hour: number) => ({ slotId: `${space.id}@${at(hour)}` })

/** A space whose rules the second server has cached. */
async function knownSpace(settings: Parameters<typeof makeSpace>[1] = {}) {
  const space = await makeSpace(server, settings)
  const { slots } = clientOf(second, person)
  await slots.hold.mutate(slotOf(space, 20))
  await slots.release.mutate(slotOf(space, 20))
  return space
}

test('the next hold uses a price that another server changed', async () => {
  const space = await knownSpace({ priceMinor: 500 })
  await clientOf(server, admin).spaces.update.mutate({ id: space.id, priceMinor: 900 })
  const held = await clientOf(second, person).slots.hold.mutate(slotOf(space, 9))
  expect(held.priceMinor).toBe(900)
})

test('the next hold uses hours that another server narrowed or widened', async () => {
  const space = await knownSpace()
  const { spaces } = clientOf(server, admin)
  const { slots } = clientOf(second, person)
  const mornings = allDay.map((day) => ({ ...day, opensAt: '06:00', closesAt: '12:00' }))
  await spaces.update.mutate({ id: space.id, hours: mornings })
  expect(await reasonOf(slots.hold.mutate(slotOf(space, 15)))).toBe('SLOT_CLOSED')
  expect((await slots.hold.mutate(slotOf(space, 9))).status).toBe('held')
  await spaces.update.mutate({ id: space.id, hours: allDay })
  expect((await slots.hold.mutate(slotOf(space, 15))).status).toBe('held')
})

test('the next hold respects a closure that another server added or removed', async () => {
  const space = await knownSpace()
  const { closures } = clientOf(server, admin)
  const { slots } = clientOf(second, person)
  const made = await closures.create.mutate({
    locationId: space.locationId,
    spaceId: space.id,
    startsAt: at(9),
    endsAt: at(11),
  })
  expect(await reasonOf(slots.hold.mutate(slotOf(space, 10)))).toBe('SLOT_CLOSED')
  await closures.remove.mutate({ id: made.id })
  expect((await slots.hold.mutate(slotOf(space, 10))).status).toBe('held')
})

test('a space that another server removed cannot be held', async () => {
  const space = await knownSpace()
  await clientOf(server, admin).spaces.remove.mutate({ id: space.id })
  expect(await reasonOf(clientOf(second, person).slots.hold.mutate(slotOf(space, 9)))).toBe('NOT_FOUND')
})

test('a hold on a cached space and its release take one round trip each', async () => {
  const counter = await countQueries(server.deps.env.DATABASE_URL ?? '')
  const counted = await startTestServer({ env: { CACHE: 'on' }, databaseUrl: counter.databaseUrl })
  const space = await makeSpace(server)
  const { slots } = clientOf(counted, person)
  await slots.hold.mutate(slotOf(space, 20))
  const before = counter.queries()
  await slots.hold.mutate(slotOf(space, 9))
  expect(counter.queries() - before).toBe(1)
  await slots.release.mutate(slotOf(space, 9))
  expect(counter.queries() - before).toBe(2)
  await counted.stop()
  await counter.stop()
})

test('one of a hundred concurrent releases succeeds, and the version rises by one', async () => {
  const space = await makeSpace(server)
  await clientOf(server, person).slots.hold.mutate(slotOf(space, 9))
  const socket = await openSocket(server)
  socket.send({ type: 'join_space', spaceId: space.id, date: testDate })
  const { version } = await socket.next('slots_status_update')
  const given = await Promise.all(
    Array.from({ length: 100 }, (_, n) =>
      reasonOf(clientOf(n % 2 ? server : second, person).slots.release.mutate(slotOf(space, 9))),
    ),
  )
  expect(given.filter((reason) => reason !== 'NOT_FOUND')).toHaveLength(1)
  const board = await clientOf(server).slots.day.query({ spaceId: space.id, date: testDate })
  expect(board.version).toBe(version + 1)
  expect(board.slots.find(({ startsAt }) => startsAt === at(9))?.status).toBe('free')
  await socket.close()
})

test('a refused release gives the reason', async () => {
  const space = await makeSpace(server)
  const other = await makePerson(server)
  const release = (by: TestPerson, hour: number) =>
    reasonOf(clientOf(server, by).slots.release.mutate(slotOf(space, hour)))
  expect(await release(person, 8)).toBe('NOT_FOUND')
  await clientOf(server, other).slots.hold.mutate(slotOf(space, 9))
  expect(await release(person, 9)).toBe('NOT_FOUND')
  await endHolds(server, space.id)
  expect(await release(other, 9)).toBe('HOLD_EXPIRED')
  await insertBooking(server, space, person, { from: at(10), to: at(11) })
  expect(await release(person, 10)).toBe('NOT_FOUND')
  await clientOf(server, other).auth.deleteMe.mutate()
  expect(await release(other, 12)).toBe('NOT_SIGNED_IN')
})

test('a release reads only the caller’s own holds', async () => {
  const space = await makeSpace(server)
  const other = await makePerson(server)
  const { db } = server.deps
  // Many past bookings of the caller and many holds of another user tempt the planner to combine both.
  const often = (userId: string, status: string, year: string) =>
    db.execute(sql`
      INSERT INTO bookings (id, user_id, location_id, space_id, unit, status, starts_at, ends_at, claimed, first_starts_at,
        price_minor, currency, cancellation, hold_expires_at)
      SELECT gen_random_uuid(), ${userId}, ${space.locationId}, ${space.id}, 1, ${status}, t, t + interval '1 hour',
        tstzrange(t, t + interval '1 hour'), t, 0, 'EUR', '[]', now() - interval '1 second' - k * interval '1 millisecond'
      FROM generate_series(1, 5000) AS k, LATERAL (SELECT ${year}::timestamptz + k * interval '1 hour' AS t) AS times`)
  await often(person.id, 'completed', '2024-01-01T00:00Z')
  await often(other.id, 'held', '2028-01-01T00:00Z')
  await db.execute(sql`ANALYZE bookings`)
  await clientOf(server, person).slots.hold.mutate(slotOf(space, 9))
  await db.transaction(async (tx) => {
    const release = (hour: number) =>
      tx.execute(
        sql`SELECT outcome FROM release_hold(${person.id}::uuid, ${space.id}::uuid, ${at(hour)}::timestamptz)`,
      )
    const rowsRead = async () => {
      const [read] = await tx.execute<{ rows: number }>(
        sql`SELECT idx_tup_fetch::int AS rows FROM pg_stat_xact_user_tables WHERE relname = 'bookings'`,
      )
      return read?.rows ?? 0
    }
    const before = await rowsRead()
    expect([...(await release(9))]).toEqual([{ outcome: 'RELEASED' }])
    const read = (await rowsRead()) - before
    expect(read).toBeGreaterThan(0)
    expect(read).toBeLessThan(100)
  })
})
