import { sql } from 'drizzle-orm'
import { contextOf } from '../src/context'
import { summarize } from '../src/services/analytics/summary'
import { closeCluster } from '../tests/support/database'
import { startTestServer, stopTestServers } from '../tests/support/world'

/**
 * Measures analytics summaries over two years of bookings in 20 locations with 10 spaces each, in a new database.
 * Usage: `bun bench/analytics.ts [bookings]`, one million by default.
 */
const BOOKINGS = Number(process.argv[2] ?? 1_000_000)
const ROUNDS = 5

const server = await startTestServer()
const { deps } = server
await deps.db.transaction(async (tx) => {
  await tx.execute(sql`SET LOCAL session_replication_role = replica`)
  await tx.execute(sql`SET LOCAL statement_timeout = 0`)
  await tx.execute(
    sql`INSERT INTO users (id, name) SELECT gen_random_uuid(), 'User' FROM generate_series(1, 50000)`,
  )
  await tx.execute(sql`
    INSERT INTO locations (id, name, time_zone)
    SELECT gen_random_uuid(), 'Location ' || n, (ARRAY['Europe/Rome', 'America/New_York', 'Asia/Kolkata', 'Australia/Sydney'])[1 + n % 4]
    FROM generate_series(1, 20) AS n`)
  await tx.execute(sql`
    INSERT INTO opening_hours (id, location_id, weekday, opens_at, closes_at)
    SELECT gen_random_uuid(), l.id, day, '08:00', '20:00' FROM locations l, generate_series(1, 6) AS day`)
  await tx.execute(sql`
    INSERT INTO spaces (id, location_id, name, kind, units, created_at)
    SELECT gen_random_uuid(), l.id, 'Room ' || n, 'desk', 8, '2025-01-01' FROM locations l, generate_series(1, 10) AS n`)
  await tx.execute(sql`
    WITH room AS (SELECT array_agg(id) AS ids, array_agg(location_id) AS places FROM spaces),
      person AS (SELECT array_agg(id) AS ids FROM users),
      drawn AS MATERIALIZED (
        SELECT n, 1 + floor(random() * 200)::int AS room, 1 + floor(random() * 50000)::int AS person, random() AS fate,
          timestamptz '2025-01-01' + n * (interval '2 years' / ${BOOKINGS}::int) AS made,
          floor(random() * 14 * 24) AS ahead, 1 + floor(random() * 3) AS hours
        FROM generate_series(1, ${BOOKINGS}::int) AS n)
    INSERT INTO bookings (id, user_id, status, location_id, space_id, unit, starts_at, ends_at, claimed, first_starts_at, hold_expires_at,
      price_minor, paid_minor, currency, cancellation, source, created_at, booked_at)
    SELECT gen_random_uuid(), person.ids[person], state, room.places[room], room.ids[room], 1 + n % 8, starts, ends, tstzrange(starts, ends), starts, made + interval '15 minutes',
      2000, CASE WHEN state IN ('completed', 'no_show') THEN 2000 ELSE 0 END, 'EUR', '[]', (ARRAY['web', 'rest', 'socket'])[1 + n % 3], made,
      CASE WHEN state <> 'expired' AND fate < 0.9 THEN made END
    FROM drawn, room, person,
      LATERAL (SELECT CASE WHEN fate < 0.72 THEN 'completed' WHEN fate < 0.75 THEN 'no_show' WHEN fate < 0.95 THEN 'cancelled' ELSE 'expired' END AS state,
        date_trunc('hour', made) + make_interval(hours => ahead::int) AS starts) AS one,
      LATERAL (SELECT starts + make_interval(hours => hours::int) AS ends) AS two`)
  await tx.execute(sql`
    INSERT INTO activity (kind, at, booking_id, user_id, location_id, space_id, source, amount_minor, currency)
    SELECT 'paid', created_at, id, user_id, location_id, space_id, source, paid_minor, currency FROM bookings WHERE paid_minor > 0 ORDER BY created_at`)
})
await deps.db.execute(sql`VACUUM ANALYZE`)
const [size] = await deps.db.execute<{ size: string }>(
  sql`SELECT pg_size_pretty(pg_database_size(current_database())) AS size`,
)
process.stdout.write(`${BOOKINGS} bookings, ${size?.size}\n`)

const [location] = await deps.db.execute<{ id: string }>(sql`SELECT id FROM locations LIMIT 1`)
const periods = {
  'a month, one location': { from: '2026-03-01', to: '2026-03-31', locationId: location?.id },
  'a month, all locations': { from: '2026-03-01', to: '2026-03-31' },
  'a year, one location': { from: '2025-07-01', to: '2026-06-30', locationId: location?.id },
  'a year, all locations': { from: '2025-07-01', to: '2026-06-30' },
}
const ctx = contextOf(deps, { kind: 'clock' })
for (const [name, period] of Object.entries(periods)) {
  const times: number[] = []
  for (let round = 0; round <= ROUNDS; round++) {
    const started = performance.now()
    await summarize(ctx, period)
    if (round > 0) times.push(performance.now() - started)
  }
  const median = times.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0
  process.stdout.write(`${name}: ${Math.round(median)} ms\n`)
}
await stopTestServers()
await closeCluster()
