import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { contextOf } from '../src/context'
import { bookings, funnelDays, notificationDeliveries, notifications, payments } from '../src/db/schema'
import type { RunningServer } from '../src/server'
import { summarize } from '../src/services/analytics/summary'
import { deleteOldRows } from '../src/services/retention/delete-old-rows'
import { insertBooking } from './support/rows'
import { makeSpecialist } from './support/specialists'
import {
  makePerson,
  makeSpace,
  startTestServer,
  stopTestServers,
  type TestPerson,
  testEnv,
} from './support/world'

setDefaultTimeout(60_000)
const DAY = 86_400_000

let server: RunningServer
let person: TestPerson
beforeAll(async () => {
  server = await startTestServer()
  person = await makePerson(server)
})
afterAll(stopTestServers)

const daysAgo = (days: number) => new Date(Date.now() - days * DAY)
const dateOf = (days: number) => daysAgo(days).toISOString().slice(0, 10)
const released = { status: 'cancelled' } as const
const expired = { status: 'expired' } as const

/** Inserts a booking on a space that was made, and last changed, at `made`. */
const insertAt = (
  space: { id: string; locationId: string },
  made: Date,
  settings: Parameters<typeof insertBooking>[3] = {},
) => insertBooking(server, space, person, { createdAt: made, updatedAt: made, ...settings })

async function summaryOf(locationId: string, from: string, to = from) {
  const { asOf: _, ...summary } = await summarize(contextOf(server.deps, { kind: 'clock' }), {
    locationId,
    from,
    to,
  })
  return summary
}

const idsAt = async (locationId: string) => {
  const rows = await server.deps.db
    .select({ id: bookings.id })
    .from(bookings)
    .where(sql`location_id = ${locationId}`)
  return rows.map(({ id }) => id).sort()
}

const totalsAt = (locationId: string) =>
  server.deps.db.select().from(funnelDays).where(sql`location_id = ${locationId}`).orderBy(funnelDays.day)

test('analytics of every day are the same before and after old holds are deleted', async () => {
  const space = await makeSpace(server, { timeZone: 'Asia/Kolkata' })
  const { specialist } = await makeSpecialist(server, { locationId: space.locationId })
  // 18:30 UTC is midnight in Kolkata.
  const midnight = new Date(`${dateOf(100)}T18:30:00Z`)
  const beforeMidnight = new Date(midnight.getTime() - 1)
  const booked = { bookedAt: midnight, paidMinor: 2000, priceMinor: 2000 }
  await insertAt(space, midnight, expired)
  await insertAt(space, midnight, { ...expired, source: 'telegram' })
  await insertAt(space, beforeMidnight, expired)
  await insertAt(space, beforeMidnight, released)
  await insertAt(space, daysAgo(91), released)
  await insertAt(space, daysAgo(91), {
    ...released,
    spaceId: null,
    unit: null,
    specialistId: specialist.id,
  })
  const kept = [
    await insertAt(space, daysAgo(89), expired),
    await insertAt(space, midnight, { ...released, ...booked }),
    await insertAt(space, midnight, { status: 'completed', ...booked }),
    await insertAt(space, midnight, { status: 'declined', ...booked }),
    await insertAt(space, midnight, { status: 'no_show', ...booked }),
    await insertAt(space, midnight, { ...released, updatedAt: daysAgo(1) }),
  ].map(({ id }) => id)
  const begun = await insertAt(space, midnight, { ...expired, priceMinor: 2000 })
  await server.deps.db
    .insert(payments)
    .values({ bookingId: begun.id, kind: 'full', status: 'cancelled', amountMinor: 2000, currency: 'EUR' })

  const periods = [
    [dateOf(200), dateOf(0)],
    ...[101, 100, 99, 98, 92, 91, 90, 89].map((days) => [dateOf(days), dateOf(days)]),
  ]
  const read = () => Promise.all(periods.map(([from = '', to]) => summaryOf(space.locationId, from, to)))
  const before = await read()
  expect(before[0]?.funnel).toMatchObject({ held: 13, released: 4, expired: 5, cancelled: 1, paid: 4 })

  await deleteOldRows(server.deps)
  expect(await idsAt(space.locationId)).toEqual([...kept, begun.id].sort())
  expect(await read()).toEqual(before)

  // A day can be added to later.
  await insertAt(space, midnight, expired)
  const more = await read()
  await deleteOldRows(server.deps)
  expect(await read()).toEqual(more)
  const totals = await totalsAt(space.locationId)
  expect(totals.map((row) => [row.source, row.released, row.expired]).sort()).toEqual([
    ['system', 0, 2],
    ['system', 1, 0],
    ['system', 1, 0],
    ['system', 1, 1],
    ['telegram', 0, 1],
  ])
})

test('two servers delete at once and count each hold once', async () => {
  const space = await makeSpace(server)
  const model = await insertAt(space, daysAgo(95), expired)
  await server.deps.db.execute(sql`
    INSERT INTO bookings (id, user_id, status, location_id, space_id, unit, starts_at, ends_at, claimed, first_starts_at,
      price_minor, currency, cancellation, created_at, updated_at)
    SELECT gen_random_uuid(), user_id, CASE WHEN n % 3 = 0 THEN 'cancelled' ELSE 'expired' END, location_id, space_id, unit,
      starts_at, ends_at, claimed, first_starts_at, price_minor, currency, cancellation, created_at - n % 5 * interval '1 day', updated_at
    FROM bookings, generate_series(1, 1499) AS n WHERE id = ${model.id}`)
  const deleted = await Promise.all([1, 2, 3].map(() => deleteOldRows(server.deps)))
  expect(deleted.reduce((sum, count) => sum + count)).toBe(1500)
  expect(await idsAt(space.locationId)).toEqual([])
  const totals = await totalsAt(space.locationId)
  expect(totals.length).toBe(5)
  expect(totals.reduce((sum, row) => sum + row.released, 0)).toBe(499)
  expect(totals.reduce((sum, row) => sum + row.expired, 0)).toBe(1001)
})

test('RETENTION_DAYS=0 deletes nothing, and another number is the limit', async () => {
  const space = await makeSpace(server)
  const old = await insertAt(space, daysAgo(5000), expired)
  const recent = await insertAt(space, daysAgo(6), expired)
  const run = (days: string) =>
    deleteOldRows({ db: server.deps.db, env: testEnv({ NODE_ENV: 'test', RETENTION_DAYS: days }) })
  expect(await run('0')).toBe(0)
  expect(await idsAt(space.locationId)).toEqual([old.id, recent.id].sort())
  await run('7')
  expect(await idsAt(space.locationId)).toEqual([recent.id])
})

test('a stopping server ends the run after the current page', async () => {
  const space = await makeSpace(server)
  const old = await insertAt(space, daysAgo(100), expired)
  expect(await deleteOldRows(server.deps, AbortSignal.abort())).toBe(0)
  expect(await idsAt(space.locationId)).toEqual([old.id])
})

test('old activity without money and finished deliveries are deleted', async () => {
  const { db } = server.deps
  const locationId = Bun.randomUUIDv7()
  await db.execute(sql`
    INSERT INTO activity (kind, at, location_id, amount_minor, currency) VALUES
      ('paid', now() - interval '100 days', ${locationId}, 2000, 'EUR'), ('confirmed', now() - interval '100 days', ${locationId}, NULL, NULL),
      ('completed', now() - interval '89 days', ${locationId}, NULL, NULL)`)
  const old = daysAgo(91)
  const insertNotification = async (source: string) => {
    const row = { userId: person.id, kind: 'announcement', source, createdAt: old, toldAt: old }
    const [made] = await db.insert(notifications).values(row).returning()
    return made?.id ?? ''
  }
  const [sent, waiting] = [await insertNotification('sent'), await insertNotification('waiting')]
  await db.insert(notificationDeliveries).values([
    { notificationId: sent, channel: 'email', createdAt: old, sentAt: old },
    { notificationId: sent, channel: 'telegram', createdAt: old, refused: 'blocked' },
    { notificationId: waiting, channel: 'email', createdAt: old },
    { notificationId: waiting, channel: 'telegram', createdAt: daysAgo(89), sentAt: daysAgo(89) },
  ])
  await deleteOldRows(server.deps)
  const kinds = await db.execute<{ kind: string }>(
    sql`SELECT kind FROM activity WHERE location_id = ${locationId} ORDER BY kind`,
  )
  expect(kinds.map(({ kind }) => kind)).toEqual(['completed', 'paid'])
  const deliveries = await db.select().from(notificationDeliveries)
  expect(deliveries.map(({ notificationId }) => notificationId)).toEqual([waiting, waiting])
  expect((await db.select().from(notifications)).length).toBe(2)
})
