import { sql } from 'drizzle-orm'
import { closeCluster } from '../tests/support/database'
import { startTestServer, stopTestServers } from '../tests/support/world'

/**
 * Measures what a booking takes on disk, in a new database. Each row is held, changes its status as in life, and is vacuumed
 * every 2,000 rows. Triggers are disabled, so the rows that they would write are not counted.
 * Usage: `bun bench/disk.ts [bookings]`, 100,000 by default.
 */
const BOOKINGS = Number(process.argv[2] ?? 100_000)
const BATCH = 2000

const { deps } = await startTestServer()
const { db } = deps
const isolated = (statement: ReturnType<typeof sql>) =>
  db.transaction(async (tx) => {
    await tx.execute(sql`SET LOCAL session_replication_role = replica`)
    await tx.execute(sql`SET LOCAL statement_timeout = 0`)
    await tx.execute(statement)
  })

await isolated(
  sql`INSERT INTO users (id, name) SELECT gen_random_uuid(), 'User' FROM generate_series(1, 5000)`,
)
await isolated(sql`
  INSERT INTO locations (id, name, time_zone) SELECT gen_random_uuid(), 'Location ' || n, 'Europe/Rome' FROM generate_series(1, 10) AS n`)
await isolated(sql`
  INSERT INTO spaces (id, location_id, name, kind, units)
  SELECT gen_random_uuid(), l.id, 'Room ' || n, 'desk', 1000000 FROM locations l, generate_series(1, 10) AS n`)

/** Of ten holds, seven become bookings, two are released and one expires. Each claims a unit of its own. */
for (let from = 0; from < BOOKINGS; from += BATCH) {
  await isolated(sql`
    WITH room AS (SELECT array_agg(id) AS ids, array_agg(location_id) AS locations FROM spaces),
      person AS (SELECT array_agg(id) AS ids FROM users)
    INSERT INTO bookings (id, user_id, status, location_id, space_id, unit, starts_at, ends_at, claimed, first_starts_at,
      hold_expires_at, price_minor, currency, cancellation, source, created_at)
    SELECT (lpad(to_hex(epoch_ms(made)), 12, '0') || '7' || substr(md5(n::text), 1, 19))::uuid,
      person.ids[1 + n * 7919 % 5000], 'held', room.locations[1 + n % 100], room.ids[1 + n % 100], n + 1, starts,
      starts + interval '1 hour', tstzrange(starts, starts + interval '75 minutes'), starts, made + interval '15 minutes',
      2000, 'EUR', '[{"hoursBefore": 48, "refundPercent": 100}, {"hoursBefore": 24, "refundPercent": 50}]',
      (ARRAY['web', 'rest', 'telegram'])[1 + n % 3], made
    FROM generate_series(${from}::int, ${Math.min(from + BATCH, BOOKINGS) - 1}::int) AS n, room, person,
      LATERAL (SELECT timestamptz '2026-01-01' + n * interval '1 minute' AS made) AS one,
      LATERAL (SELECT date_trunc('hour', made) + make_interval(hours => 1 + n * 31 % 300) AS starts) AS two`)
  const end = sql`CASE WHEN abs(hashtext(id::text)) % 10 < 7 THEN 'confirmed'
    WHEN abs(hashtext(id::text)) % 10 < 9 THEN 'cancelled' ELSE 'expired' END`
  await isolated(sql`
    UPDATE bookings SET status = ${end}, updated_at = created_at + interval '5 minutes' WHERE status = 'held'`)
  await isolated(sql`
    UPDATE bookings SET paid_minor = 2000, booked_at = updated_at WHERE status = 'confirmed'`)
  await isolated(
    sql`UPDATE bookings SET status = 'completed', updated_at = ends_at WHERE status = 'confirmed'`,
  )
  await db.execute(sql`VACUUM (ANALYZE) bookings`)
}

const [size] = await db.execute<{ heap: number; indexes: number }>(sql`
  SELECT pg_table_size('bookings')::float8 AS heap, pg_indexes_size('bookings')::float8 AS indexes`)
const each = (bytes = 0) => `${Math.round(bytes / BOOKINGS)} bytes`
process.stdout.write(
  `${BOOKINGS} bookings: ${each(size?.heap)} in the table and ${each(size?.indexes)} in its indexes each\n`,
)
const indexes = await db.execute<{ name: string; bytes: number }>(sql`
  SELECT indexrelid::regclass::text AS name, pg_relation_size(indexrelid)::float8 AS bytes
  FROM pg_index WHERE indrelid = 'bookings'::regclass ORDER BY bytes DESC`)
for (const { name, bytes } of indexes) process.stdout.write(`${name}: ${each(bytes)}\n`)
await stopTestServers()
await closeCluster()
