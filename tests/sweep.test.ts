import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import pino from 'pino'
import type { Publish } from '../src/context'
import { bookings, spaces } from '../src/db/schema'
import { uuidArray } from '../src/db/sql'
import { messageOf } from '../src/realtime/bus'
import type { ServerMessage } from '../src/schemas/socket-messages'
import type { RunningServer } from '../src/server'
import { completePastBookings, sweepExpiredHolds } from '../src/services/bookings/sweep'
import { insertBooking } from './support/rows'
import {
  at,
  clientOf,
  endHolds,
  makePerson,
  makeSpace,
  startTestServer,
  stopTestServers,
  type TestPerson,
  testDate,
  until,
} from './support/world'

let server: RunningServer
let second: RunningServer
let person: TestPerson
beforeAll(async () => {
  server = await startTestServer()
  second = await startTestServer({ databaseUrl: server.deps.env.DATABASE_URL ?? '' })
  person = await makePerson(server)
})
afterAll(stopTestServers)

type Published = { topic: string; message: ServerMessage }

/** The dependencies of both servers, with a `publish` that records the messages. */
function recordMessages() {
  const published: Published[] = []
  const publish: Publish = (topic, given) => {
    const message = messageOf(given)
    if (message) published.push({ topic, message })
  }
  const of = <T extends ServerMessage['type']>(type: T) =>
    published
      .map(({ message }) => message)
      .filter((message): message is Extract<ServerMessage, { type: T }> => message.type === type)
  return { deps: [server, second].map(({ deps }) => ({ ...deps, publish })), of }
}

/** Inserts a stale hold of an hour per unit and hour, from midnight on. */
async function insertStaleHolds(space: Awaited<ReturnType<typeof makeSpace>>, hours: number) {
  const holdExpiresAt = new Date(Date.now() - 60_000)
  const rows = []
  for (let unit = 1; unit <= space.units; unit++) {
    for (let hour = 0; hour < hours; hour++)
      rows.push(
        await insertBooking(server, space, person, {
          status: 'held',
          unit,
          from: at(hour),
          to: at(hour + 1),
          holdExpiresAt,
        }),
      )
  }
  return rows
}

const statusOf = async (id: string) =>
  (await server.deps.db.select().from(bookings).where(eq(bookings.id, id)))[0]?.status
const versionOf = async (id: string) =>
  (await server.deps.db.select().from(spaces).where(eq(spaces.id, id)))[0]?.version ?? 0

describe('stale holds', () => {
  test('expire once each if two servers sweep, and boards get consecutive versions', async () => {
    const allSpaces = await Promise.all([1, 2, 3, 4, 5].map((units) => makeSpace(server, { units })))
    const stale = (await Promise.all(allSpaces.map((space) => insertStaleHolds(space, 20)))).flat()
    const { deps, of } = recordMessages()
    const counts = await Promise.all([...deps, ...deps].map((one) => sweepExpiredHolds(one)))

    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(stale.length)
    const expired = of('booking_update').map(({ booking }) => booking)
    expect(expired.map(({ id }) => id).toSorted()).toEqual(stale.map(({ id }) => id).toSorted())
    expect(new Set(expired.map(({ status }) => status))).toEqual(new Set(['expired']))
    for (const space of allSpaces) {
      const updates = of('slot_update').filter(({ spaceId }) => spaceId === space.id)
      const versions = updates.toSorted((a, b) => a.version - b.version)
      expect(versions.map(({ fromVersion, cause }) => [fromVersion, cause])).toEqual(
        versions.map((_, index) => [index + 1, 'expired']),
      )
      expect(await versionOf(space.id)).toBe(versions.length + 1)
      const freed = of('slots_freed').filter(({ spaceId }) => spaceId === space.id)
      const wanted = Array.from({ length: 20 }, (_, hour) => `${space.id}@${at(hour)}`)
      expect(new Set(freed.flatMap(({ slotIds }) => slotIds))).toEqual(new Set(wanted))
      for (const { count, slotIds } of freed) expect(count).toBe(slotIds.length)
      const { slots } = await clientOf(second).slots.day.query({ spaceId: space.id, date: testDate })
      expect(slots.map(({ free }) => free)).toEqual(slots.map(() => space.units))
    }
    expect(await sweepExpiredHolds(server.deps)).toBe(0)
  })

  test('are announced as freed slots only if the slot can be held again', async () => {
    const space = await makeSpace(server)
    const day = { from: at(9), to: at(12), status: 'held' as const }
    await insertBooking(server, space, person, { ...day, holdExpiresAt: new Date(Date.now() - 1000) })
    await clientOf(server, await makePerson(server, 'admin')).closures.create.mutate({
      locationId: space.locationId,
      startsAt: at(10),
      endsAt: at(11),
    })
    const { deps, of } = recordMessages()
    expect(await Promise.all(deps.map((one) => sweepExpiredHolds(one)))).toContain(1)
    expect(of('slots_freed')).toMatchObject([
      { spaceId: space.id, slotIds: [`${space.id}@${at(9)}`, `${space.id}@${at(11)}`], count: 2 },
    ])
    expect(of('slot_update').map(({ slots }) => slots.map(({ status }) => status))).toEqual([
      ['free', 'closed', 'free'],
    ])
  })

  test('on a locked calendar delay no other calendar and expire after the lock', async () => {
    const [busy, other] = [await makeSpace(server, { units: 21 }), await makeSpace(server)]
    const blocked = await insertStaleHolds(busy, 10)
    const [free] = await insertStaleHolds(other, 1)
    const locked = Promise.withResolvers<void>()
    const done = Promise.withResolvers<void>()
    const holding = server.deps.db.transaction(async (tx) => {
      await tx.execute(sql`SELECT FROM spaces WHERE id = ${busy.id} FOR NO KEY UPDATE`)
      locked.resolve()
      await done.promise
    })
    await locked.promise
    expect(await sweepExpiredHolds(second.deps)).toBe(1)
    expect(await statusOf(free?.id ?? '')).toBe('expired')
    const waiting = sweepExpiredHolds(second.deps)
    done.resolve()
    await holding
    // The same sweep waits for a short lock.
    expect(await waiting).toBe(blocked.length)
  })

  test('made on one server are shown as free on the other one before the sweep', async () => {
    const space = await makeSpace(server)
    const slotId = `${space.id}@${at(9)}`
    const day = { spaceId: space.id, date: testDate }
    await clientOf(server, person).slots.hold.mutate({ slotId })
    expect((await clientOf(second).slots.day.query(day)).slots[9]).toMatchObject({
      status: 'held',
      heldByMe: false,
    })
    expect((await clientOf(second, person).slots.day.query(day)).slots[9]).toMatchObject({
      status: 'held',
      heldByMe: true,
    })
    await endHolds(server, space.id)
    expect((await clientOf(second).slots.day.query(day)).slots[9]).toMatchObject({ status: 'free' })
    expect(await sweepExpiredHolds(second.deps)).toBe(1)
    expect((await clientOf(server).slots.day.query(day)).version).toBe(3)
  })
})

test('bookings are completed after their end and buffer, and not before', async () => {
  const space = await makeSpace(server)
  const ago = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString()
  const over = await insertBooking(server, space, person, { from: ago(120), to: ago(60) })
  const buffering = await insertBooking(server, space, person, {
    from: ago(60),
    to: ago(1),
    claimed: `[${ago(60)},${ago(-15)})`,
  })
  const coming = await insertBooking(server, space, person)
  const { deps, of } = recordMessages()
  const counts = await Promise.all(deps.map((one) => completePastBookings(one)))
  expect(counts.toSorted()).toEqual([0, 1])
  expect(await Promise.all([over, buffering, coming].map(({ id }) => statusOf(id)))).toEqual([
    'completed',
    'confirmed',
    'confirmed',
  ])
  expect(of('booking_update').map(({ booking }) => [booking.id, booking.status])).toEqual([
    [over.id, 'completed'],
  ])
  expect(of('slot_update').map(({ version, cause }) => [version, cause])).toEqual([[2, 'completed']])
  expect(of('slots_freed')).toEqual([])
})

test('a job that throws is logged and runs again', async () => {
  const lines: { job?: string; msg?: string; level: number }[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => lines.push(JSON.parse(line)) })
  const ticking = await startTestServer({ env: { SWEEP_SECONDS: '1' }, jobs: true, log })
  const space = await makeSpace(ticking)
  const user = await makePerson(ticking)
  await ticking.deps.db.execute(sql`ALTER TABLE bookings RENAME TO bookings_elsewhere`)
  const failed = ({ job, level }: (typeof lines)[number]) => job === 'sweep' && level === 50
  await until(() => lines.filter(failed).length >= 2)
  await ticking.deps.db.execute(sql`ALTER TABLE bookings_elsewhere RENAME TO bookings`)
  await insertBooking(ticking, space, user, {
    status: 'held',
    holdExpiresAt: new Date(Date.now() - 1000),
  })
  await until(() => lines.find(({ job, msg }) => job === 'sweep' && msg === 'job'))
  const { slots } = await clientOf(ticking).slots.day.query({ spaceId: space.id, date: testDate })
  expect(slots[9]).toMatchObject({ status: 'free' })
}, 20_000)

describe('a sweep of many holds', () => {
  /** Statistics from a time without holds make the planner expect next to none. */
  test('takes seconds although the statistics know of no hold', async () => {
    const many = await startTestServer()
    const user = await makePerson(many)
    const spaceIds: string[] = []
    for (let n = 0; n < 10; n++) spaceIds.push((await makeSpace(many, { units: 1 })).id)
    await many.deps.db.transaction(async (tx) => {
      await tx.execute(sql`ALTER TABLE bookings SET (autovacuum_enabled = off)`)
      await tx.execute(sql`ALTER TABLE bookings DISABLE TRIGGER USER`)
      const insert = (status: 'completed' | 'held', count: number) =>
        tx.execute(sql`
          INSERT INTO bookings (id, user_id, status, location_id, space_id, unit, starts_at, ends_at, claimed, first_starts_at,
            hold_expires_at, price_minor, currency, cancellation)
          SELECT gen_random_uuid(), ${user.id}, ${status}, s.location_id, s.id, 1, t, t + interval '1 hour',
            tstzrange(t, t + interval '1 hour'), t, clock_timestamp() - interval '1 minute', 0, s.currency, s.cancellation
          FROM spaces s, generate_series(1, ${count}::int) AS k, LATERAL (SELECT timestamptz '2030-01-01' + k * interval '1 hour') AS times(t)
          WHERE s.id = ANY(${uuidArray(spaceIds)})`)
      await insert('completed', 5000)
      await tx.execute(sql`ANALYZE bookings`)
      await insert('held', 500)
      await tx.execute(sql`ALTER TABLE bookings ENABLE TRIGGER USER`)
    })
    const started = performance.now()
    expect(await sweepExpiredHolds(many.deps)).toBe(5000)
    expect(performance.now() - started).toBeLessThan(10_000)
  })
})
