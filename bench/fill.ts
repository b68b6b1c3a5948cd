import type postgres from 'postgres'

/** Three bookings a day in each of 200 spaces, until 14 days from now: more bookings reach further into the past. */
const SPACES = 200
const LOCATIONS = 20
const DAYS_AHEAD = 14
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/**
 * Inserts a history of `count` bookings with their users, payments and refunds, with triggers disabled. One booking in a
 * hundred is a seat at an event, and one in a hundred lasts several days.
 */
export async function fillBookings(sql: postgres.Sql, count: number): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`SET LOCAL session_replication_role = replica`
    await tx`SET LOCAL statement_timeout = 0`
    await insertCatalog(tx, Math.max(100, Math.round(count / 50)))
    await insertBookings(tx, count)
    await bookFully(tx)
    await insertPayments(tx)
  })
  await sql`VACUUM ANALYZE`
}

async function insertCatalog(tx: postgres.TransactionSql, users: number): Promise<void> {
  await tx`
    INSERT INTO users (id, name, email, role)
    SELECT uuidv7(), 'User ' || md5(n::text), md5(n::text) || '@example.com', CASE WHEN n <= 20 THEN 'specialist' ELSE 'customer' END
    FROM generate_series(1, ${users}::int) AS n`
  await tx`
    INSERT INTO locations (id, name, time_zone) SELECT uuidv7(), 'Location ' || n, 'UTC' FROM generate_series(1, ${LOCATIONS}::int) AS n`
  await tx`
    INSERT INTO opening_hours (id, location_id, weekday, opens_at, closes_at)
    SELECT uuidv7(), l.id, day, '08:00', '20:00' FROM locations l, generate_series(1, 7) AS day`
  await tx`
    INSERT INTO spaces (id, location_id, name, kind, units, slot_minutes, max_slots, arrival_grace_minutes)
    SELECT uuidv7(), l.id, 'Room ' || n, 'meeting_room', 2, 60, 200, 30
    FROM locations l, generate_series(1, ${SPACES / LOCATIONS}::int) AS n`
  await tx`
    INSERT INTO specialists (id, user_id, location_id, name)
    SELECT uuidv7(), u.id, l.id, u.name
    FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM users WHERE role = 'specialist') AS u
    JOIN (SELECT *, row_number() OVER (ORDER BY id) AS n FROM locations) AS l ON l.n = u.n`
}

/** Active bookings of one unit or one specialist never overlap, as the exclusion constraints require. */
async function insertBookings(tx: postgres.TransactionSql, count: number): Promise<void> {
  await tx`
    WITH room AS (SELECT array_agg(id ORDER BY id) AS ids, array_agg(location_id ORDER BY id) AS locations FROM spaces),
      customer AS (SELECT array_agg(id ORDER BY id) AS ids FROM users),
      expert AS (SELECT array_agg(id ORDER BY id) AS ids, array_agg(user_id ORDER BY id) AS users FROM specialists),
      latest AS (SELECT date_trunc('day', now()) + make_interval(days => ${DAYS_AHEAD}::int) AS day),
      drawn AS MATERIALIZED (
        SELECT n, 1 + (n % ${SPACES}) AS room, turn, random() AS fate, 1 + floor(random() * cardinality(customer.ids))::int AS person,
          turn % 3 = 0 AND turn / 3 % 30 = 0 AS long, n % 97 = 0 AS seat,
          latest.day - make_interval(days => turn / 3) + make_interval(hours => 9 + 3 * (turn % 3)) AS starts
        FROM generate_series(0, ${count - 1}::int) AS n, customer, latest, LATERAL (SELECT n / ${SPACES}::int AS turn) AS turns),
      timed AS (
        SELECT *, starts + CASE WHEN long THEN make_interval(days => 2 + n % 4) ELSE make_interval(hours => 1 + n % 2) END AS ends,
          starts - make_interval(mins => 30 + (fate * 97 * 1440)::int % (10 * 1440)) AS planned
        FROM drawn),
      decided AS (
        SELECT *, least(planned, now() - interval '1 minute') AS made, CASE
          WHEN fate < 0.16 THEN 'cancelled' WHEN fate < 0.24 THEN 'expired' WHEN fate < 0.243 THEN 'declined'
          WHEN ends > now() AND fate < 0.26 AND starts > now() AND NOT seat THEN 'pending' WHEN ends > now() THEN 'confirmed'
          WHEN fate < 0.27 AND NOT seat THEN 'no_show' ELSE 'completed' END AS status
        FROM timed)
    INSERT INTO bookings (id, kind, user_id, status, location_id, space_id, unit, specialist_id, specialist_user_id, starts_at, ends_at,
      claimed, first_starts_at, hold_expires_at, answer_hours, answer_by, arrived_at, price_minor, paid_minor, currency, cancellation, source,
      created_at, booked_at)
    SELECT uuidv7(made - clock_timestamp()), CASE WHEN seat THEN 'attendance' ELSE 'booking' END, customer.ids[person], status,
      room.locations[room], CASE WHEN NOT seat THEN room.ids[room] END, CASE WHEN NOT seat THEN CASE WHEN long THEN 2 ELSE 1 END END,
      CASE WHEN room % 10 = 3 AND NOT seat AND NOT long THEN expert.ids[1 + room / 10] END,
      CASE WHEN room % 10 = 3 AND NOT seat AND NOT long THEN expert.users[1 + room / 10] END,
      starts, ends, tstzrange(starts, ends), starts, made + interval '15 minutes', CASE WHEN status = 'pending' THEN 24 END,
      CASE WHEN status = 'pending' THEN starts END, CASE WHEN starts < now() AND status IN ('confirmed', 'completed') THEN starts END,
      2000, CASE WHEN status IN ('completed', 'no_show', 'confirmed') AND n % 2 = 0 THEN 2000 ELSE 0 END, 'EUR', '[]',
      (ARRAY['web', 'rest', 'socket'])[1 + n % 3], made, CASE WHEN status <> 'expired' THEN made END
    FROM decided, room, customer, expert ORDER BY made`
}

/** Returns an hour of the day before the last one, at which every unit of every space is booked. */
export function fullHour(): { from: string; to: string } {
  const midnight = Math.floor(Date.now() / DAY_MS) * DAY_MS
  const from = midnight + (DAYS_AHEAD - 1) * DAY_MS + 18 * HOUR_MS
  return { from: new Date(from).toISOString(), to: new Date(from + HOUR_MS).toISOString() }
}

async function bookFully(tx: postgres.TransactionSql): Promise<void> {
  const { from, to } = fullHour()
  await tx`
    INSERT INTO bookings (id, user_id, status, location_id, space_id, unit, starts_at, ends_at, claimed, first_starts_at, price_minor,
      currency, cancellation)
    SELECT uuidv7(), (SELECT id FROM users LIMIT 1), 'confirmed', s.location_id, s.id, unit, ${from}, ${to},
      tstzrange(${from}, ${to}), ${from}, 0, 'EUR', '[]'
    FROM spaces s, generate_series(1, 2) AS unit`
}

async function insertPayments(tx: postgres.TransactionSql): Promise<void> {
  await tx`
    INSERT INTO payments (id, booking_id, kind, status, amount_minor, received_minor, currency, stripe_intent_id, disputed, created_at)
    SELECT uuidv7(created_at - clock_timestamp()), id, 'full', 'succeeded', price_minor, price_minor, 'EUR', 'pi_' || id,
      random() < 0.0001, created_at
    FROM bookings WHERE paid_minor > 0 OR status IN ('cancelled', 'declined') ORDER BY created_at`
  await tx`
    INSERT INTO refunds (id, payment_id, amount_minor, status, stripe_refund_id, created_at)
    SELECT uuidv7(p.created_at - clock_timestamp()), p.id, p.amount_minor, CASE WHEN random() < 0.001 THEN 'failed' ELSE 'succeeded' END,
      're_' || p.id, p.created_at
    FROM payments p JOIN bookings b ON b.id = p.booking_id WHERE b.paid_minor = 0 ORDER BY p.created_at`
}
