import { type SQL, sql } from 'drizzle-orm'
import type { Tx } from '../../db/client'
import { uuidArray } from '../../db/sql'
import { iso, type Period } from '../../lib/time'
import type { AnalyticsSummary } from '../../schemas/analytics'
import { emptyWeek, type Week } from '../calendar/open-time'

export type Scope = Period & { locationId: string; timeZone: string }

function scopeOf(scopes: Scope[]): SQL {
  const list = (values: string[]) => sql`${`{${values.join()}}`}`
  return sql`unnest(${uuidArray(scopes.map(({ locationId }) => locationId))}, ${list(scopes.map(({ timeZone }) => timeZone))}::text[],
    ${list(scopes.map(({ from }) => iso(from)))}::timestamptz[], ${list(scopes.map(({ to }) => iso(to)))}::timestamptz[])
    AS scope(location_id, time_zone, from_at, to_at)`
}

/** The bounds of all periods together: an index cannot use bounds that differ by location. */
const widest = (scopes: Scope[], column: SQL): SQL => sql`
  ${column} >= ${iso(Math.min(...scopes.map(({ from }) => from)))}::timestamptz
  AND ${column} < ${iso(Math.max(...scopes.map(({ to }) => to)))}::timestamptz`

const BOOKED = sql`('pending', 'confirmed', 'completed', 'no_show')`

/**
 * Reads how long units were taken by bookings and events in each local hour of the week, in milliseconds, without buffers.
 * Bookings at equal times of the week are counted together before they are split into hours. Those across a clock change
 * are split one by one, in half hours, because some clocks change by half an hour.
 */
export async function readTaken(tx: Tx, scopes: Scope[]): Promise<Week> {
  const week = emptyWeek()
  if (scopes.length === 0) return week
  const rows = await tx.execute<{ cell: number; seconds: string }>(sql`
    WITH longest AS (
      SELECT greatest(interval '15 days', make_interval(mins => coalesce(max(slot_minutes * max_slots), 0))) AS length FROM spaces
    ), taken AS (
      SELECT time_zone, from_at, to_at, from_at AT TIME ZONE time_zone AS local,
        (to_at AT TIME ZONE time_zone) - (from_at AT TIME ZONE time_zone) = to_at - from_at AS steady
      FROM (
        SELECT scope.time_zone, greatest(b.starts_at, scope.from_at) AS from_at, least(b.ends_at, upper(b.claimed), scope.to_at) AS to_at
        FROM ${scopeOf(scopes)}
        JOIN bookings b ON b.location_id = scope.location_id AND b.starts_at < scope.to_at
          AND b.starts_at > scope.from_at - (SELECT length FROM longest) AND b.ends_at > scope.from_at
        WHERE b.space_id IS NOT NULL AND b.status IN ${BOOKED}) AS clipped
      WHERE from_at < to_at
    ), alike AS (
      SELECT (extract(isodow FROM local) - 1) * 86400 + extract(epoch FROM local::time) AS start, extract(epoch FROM to_at - from_at) AS length,
        steady, CASE WHEN NOT steady THEN time_zone END AS time_zone, CASE WHEN NOT steady THEN from_at END AS from_at, count(*) AS units
      FROM taken GROUP BY 1, 2, 3, 4, 5
    ), pieces AS (
      SELECT cell % 168 AS cell, units * (least(start + length, (cell + 1) * 3600) - greatest(start, cell * 3600)) AS seconds
      FROM alike, generate_series(floor(start / 3600)::int, ceil((start + length) / 3600)::int - 1) AS cell WHERE steady
      UNION ALL
      SELECT (extract(isodow FROM local)::int - 1) * 24 + extract(hour FROM local)::int,
        units * greatest(0, extract(epoch FROM least(to_at, step + interval '30 minutes') - greatest(from_at, step)))
      FROM alike, LATERAL (SELECT from_at + make_interval(secs => length::float8) AS to_at) AS ends,
        generate_series(date_trunc('hour', from_at, time_zone), to_at, interval '30 minutes') AS step,
        LATERAL (SELECT step AT TIME ZONE time_zone AS local) AS zoned
      WHERE NOT steady
    )
    SELECT cell, sum(seconds) AS seconds FROM pieces GROUP BY cell`)
  for (const { cell, seconds } of rows) week[cell] = Number(seconds) * 1000
  return week
}

/** Reads money by local day. A refund counts on the day on which it was requested. */
export async function readRevenue(tx: Tx, scopes: Scope[]): Promise<AnalyticsSummary['revenue']> {
  if (scopes.length === 0) return []
  type Source = AnalyticsSummary['revenue'][number]['sources'][number]['source']
  const rows = await tx.execute<{
    date: string
    currency: string
    source: Source
    received: string
    refunded: string
  }>(sql`
    SELECT (a.at AT TIME ZONE scope.time_zone)::date::text AS date, a.currency, coalesce(a.source, 'system') AS source,
      sum(a.amount_minor) FILTER (WHERE a.kind = 'paid') AS received,
      sum(CASE a.kind WHEN 'refunded' THEN a.amount_minor WHEN 'refund_failed' THEN -a.amount_minor END) AS refunded
    FROM activity a JOIN ${scopeOf(scopes)} ON scope.location_id = a.location_id
    WHERE a.amount_minor IS NOT NULL AND ${widest(scopes, sql`a.at`)} AND a.at >= scope.from_at AND a.at < scope.to_at
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`)
  return [...Map.groupBy(rows, ({ date, currency }) => `${date} ${currency}`).values()].flatMap((parts) => {
    const [first] = parts
    if (!first) return []
    const sum = (of: 'received' | 'refunded') => parts.reduce((total, part) => total + Number(part[of]), 0)
    const [receivedMinor, refundedMinor] = [sum('received'), sum('refunded')]
    return [
      {
        date: first.date,
        currency: first.currency,
        amountMinor: receivedMinor - refundedMinor,
        receivedMinor,
        refundedMinor,
        sources: parts.map(({ source, received, refunded }) => ({
          source,
          amountMinor: Number(received) - Number(refunded),
        })),
      },
    ]
  })
}

type Funnel = AnalyticsSummary['funnel'] & Pick<AnalyticsSummary, 'leadTimeHours'>

/** Counts the holds that were created in the period, by outcome. Adds those that retention has deleted. */
export async function readFunnel(tx: Tx, scopes: Scope[]): Promise<Funnel> {
  const count = (state: SQL) => sql`count(*) FILTER (WHERE ${state})::int`
  const [row] = await tx.execute<Funnel>(sql`
    WITH stored AS (
      SELECT count(*)::int AS held, count(b.booked_at)::int AS paid,
        ${count(sql`b.status = 'completed'`)} AS completed,
        ${count(sql`b.status = 'cancelled' AND b.booked_at IS NOT NULL`)} AS cancelled,
        ${count(sql`b.status = 'no_show'`)} AS "noShow",
        ${count(sql`b.status = 'declined'`)} AS declined,
        ${count(sql`b.status = 'cancelled' AND b.booked_at IS NULL`)} AS released,
        ${count(sql`b.status = 'expired'`)} AS expired,
        ${count(sql`b.status = 'held'`)} AS holding,
        ${count(sql`b.status IN ('pending', 'confirmed')`)} AS coming,
        coalesce(avg(extract(epoch FROM b.starts_at - b.created_at)) FILTER (WHERE b.booked_at IS NOT NULL) / 3600, 0)::float8
          AS "leadTimeHours"
      FROM bookings b JOIN ${scopeOf(scopes)} ON scope.location_id = b.location_id
      WHERE b.kind = 'booking' AND ${scopes.length > 0 ? widest(scopes, sql`b.created_at`) : sql`false`}
        AND b.created_at >= scope.from_at AND b.created_at < scope.to_at
    ), deleted AS (
      SELECT coalesce(sum(f.released), 0)::int AS released, coalesce(sum(f.expired), 0)::int AS expired
      FROM funnel_days f JOIN ${scopeOf(scopes)} ON scope.location_id = f.location_id
      WHERE f.kind = 'booking' AND f.day >= (scope.from_at AT TIME ZONE scope.time_zone)::date
        AND f.day < (scope.to_at AT TIME ZONE scope.time_zone)::date
    )
    SELECT s.held + d.released + d.expired AS held, s.paid, s.completed, s.cancelled, s."noShow", s.declined,
      s.released + d.released AS released, s.expired + d.expired AS expired, s.holding, s.coming, s."leadTimeHours"
    FROM stored s, deleted d`)
  if (!row) throw new Error('funnel query returned no row')
  return { ...row, leadTimeHours: Math.round(row.leadTimeHours * 100) / 100 }
}

const inPeriod = (scopes: Scope[]): SQL => sql`
  FROM ${scopeOf(scopes)}
  JOIN bookings b ON b.location_id = scope.location_id AND b.starts_at >= scope.from_at AND b.starts_at < scope.to_at
  WHERE b.kind = 'booking'`

const TOP = 10

type Top = Pick<AnalyticsSummary, 'topSpaces' | 'topSpecialists'>

/** A specialist's booking in a room counts for both the room and the specialist. */
export async function readTop(tx: Tx, scopes: Scope[]): Promise<Top> {
  type Row = {
    id: string
    name: string
    isSpace: boolean
    bookings: number
    amount: string
    currency: string
  }
  const rows = await tx.execute<Row>(sql`
    WITH summed AS (
      SELECT b.space_id, b.specialist_id, grouping(b.space_id) = 0 AS "isSpace", b.currency,
        count(*) FILTER (WHERE b.status IN ${BOOKED})::int AS bookings, sum(b.paid_minor - b.refunded_minor) AS amount
      ${inPeriod(scopes)}
      GROUP BY GROUPING SETS ((b.space_id, b.currency), (b.specialist_id, b.currency))
    ), ranked AS (
      SELECT *, row_number() OVER (PARTITION BY "isSpace" ORDER BY bookings DESC, amount DESC, space_id, specialist_id, currency) AS rank
      FROM summed WHERE coalesce(space_id, specialist_id) IS NOT NULL AND (bookings > 0 OR amount > 0)
    )
    SELECT coalesce(s.id, p.id) AS id, coalesce(s.name, p.name) AS name, r."isSpace", r.bookings, r.amount, r.currency
    FROM ranked r LEFT JOIN spaces s ON s.id = r.space_id LEFT JOIN specialists p ON p.id = r.specialist_id
    WHERE r.rank <= ${TOP} ORDER BY r.rank`)
  const top = (spaces: boolean) =>
    rows
      .filter(({ isSpace }) => isSpace === spaces)
      .map(({ id, name, bookings, amount, currency }) => ({
        id,
        name,
        bookings,
        amountMinor: Number(amount),
        currency,
      }))
  return {
    topSpaces: top(true).map(({ id, ...row }) => ({ spaceId: id, ...row })),
    topSpecialists: top(false).map(({ id, ...row }) => ({ specialistId: id, ...row })),
  }
}

export const roundShare = (share: number) => Math.round(share * 10_000) / 10_000

type People = Pick<AnalyticsSummary, 'people' | 'returningShare' | 'noShowShare'>

/** Counts the users with a booking in the period, those with more bookings in it or before it, and no-shows. */
export async function readUsers(tx: Tx, scopes: Scope[]): Promise<People> {
  const inPeriod = sql`b.starts_at >= scope.from_at`
  const [row] = await tx.execute<{ people: number; returning: number; over: number; missed: number }>(sql`
    WITH person AS (
      SELECT count(*) AS bookings, count(*) FILTER (WHERE ${inPeriod}) AS now,
        count(*) FILTER (WHERE ${inPeriod} AND b.status IN ('completed', 'no_show')) AS over,
        count(*) FILTER (WHERE ${inPeriod} AND b.status = 'no_show') AS missed
      FROM ${scopeOf(scopes)} JOIN bookings b ON b.location_id = scope.location_id AND b.starts_at < scope.to_at
      WHERE b.kind = 'booking' AND b.status IN ${BOOKED} GROUP BY b.user_id
    )
    SELECT count(*)::int AS people, count(*) FILTER (WHERE bookings > 1)::int AS returning,
      coalesce(sum(over), 0)::int AS over, coalesce(sum(missed), 0)::int AS missed
    FROM person WHERE now > 0`)
  const { people = 0, returning = 0, over = 0, missed = 0 } = row ?? {}
  const share = (part: number, of: number) => (of === 0 ? 0 : roundShare(part / of))
  return { people, returningShare: share(returning, people), noShowShare: share(missed, over) }
}
