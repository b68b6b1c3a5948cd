import { sql } from 'drizzle-orm'
import { closeCluster } from '../tests/support/database'
import { startTestServer, stopTestServers } from '../tests/support/world'

/**
 * Measures the bytes on disk of a booking and of the rows that belong to a paid one, in a new database. Each hold changes its
 * status as in life. Triggers are disabled, and statements write what they would write.
 * Usage: `bun bench/disk.ts [bookings] [bookings between two vacuums]`, by default 100,000 and 2,000, which is 2 %.
 */
const BOOKINGS = Number(process.argv[2] ?? 100_000)
const BATCH = Number(process.argv[3] ?? 2000)

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

/** Seven holds of ten become bookings, two are released and one expires. Each claims its own unit. */
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

const paid = sql`FROM bookings WHERE status = 'completed' ORDER BY id`
await isolated(sql`
  INSERT INTO payments (id, booking_id, kind, status, amount_minor, received_minor, currency, stripe_intent_id)
  SELECT id, id, 'full', 'succeeded', 2000, 2000, 'EUR', 'pi_' || left(md5(id::text), 24) ${paid}`)
await isolated(sql`
  INSERT INTO activity (kind, at, booking_id, user_id, location_id, space_id, source, amount_minor, currency)
  SELECT step.kind, booked_at, id, user_id, location_id, space_id, source, amount, CASE WHEN amount > 0 THEN currency END
  FROM bookings, (VALUES ('paid', 2000), ('confirmed', NULL), ('completed', NULL)) AS step(kind, amount)
  WHERE status = 'completed' ORDER BY id`)
await isolated(sql`
  INSERT INTO notifications (id, user_id, kind, booking_id, source, facts, read_at, told_at)
  SELECT time_ordered_id(), user_id, 'booking_' || step.kind, id, id, json_build_object('side', 'customer', 'space', 'Room 1',
    'location', 'Location 1', 'timeZone', 'Europe/Rome', 'startsAt', epoch_ms(starts_at), 'endsAt', epoch_ms(ends_at)), now(), now()
  FROM bookings, (VALUES ('paid'), ('confirmed'), ('completed')) AS step(kind) WHERE status = 'completed' ORDER BY bookings.id`)
await isolated(sql`
  INSERT INTO notification_deliveries (notification_id, channel, sent_at) SELECT id, 'email', now() FROM notifications ORDER BY id`)

const print = (text: string) => process.stdout.write(`${text}\n`)
const completed = sql`(SELECT count(*) FROM bookings WHERE status = 'completed')`
const sizes = await db.execute<{ name: string; heap: number; indexes: number }>(sql`
  SELECT name, (pg_table_size(name) / per)::int AS heap, (pg_indexes_size(name) / per)::int AS indexes
  FROM (SELECT t.name::regclass AS name, CASE t.name WHEN 'bookings' THEN ${BOOKINGS}::int ELSE ${completed} END AS per
    FROM unnest(ARRAY['bookings', 'payments', 'activity', 'notifications', 'notification_deliveries']) AS t(name)) AS sized`)
print(
  `bytes per booking, and per paid booking for other tables; ${BOOKINGS} bookings, a vacuum every ${BATCH}`,
)
for (const { name, heap, indexes } of sizes)
  print(`${name}: ${heap + indexes} (table ${heap}, indexes ${indexes})`)
await stopTestServers()
await closeCluster()
