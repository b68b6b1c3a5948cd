import { type SQL, sql } from 'drizzle-orm'
import type { Deps } from '../../context'

/** Rows that one statement visits. It deletes at most these, so it commits within milliseconds. */
const PAGE = 500
/** Leaves room for requests, and for replicas to catch up. */
const PAUSE_MS = 100

/**
 * Deletes ended holds without a payment, activity without money and finished deliveries after RETENTION_DAYS. Visits the
 * tables in pages, in order of their ids. Safe to run on several servers at once: each skips the rows that another locked.
 * @param signal ends the run after the current page
 * @returns the number of deleted rows
 */
export async function deleteOldRows(
  { db, env }: Pick<Deps, 'db' | 'env'>,
  signal?: AbortSignal,
): Promise<number> {
  if (env.RETENTION_DAYS === 0) return 0
  const before = sql`(statement_timestamp() - make_interval(days => ${env.RETENTION_DAYS}::int))`
  let total = 0
  for (const { first, deletePage } of TABLES) {
    for (let last = first; !signal?.aborted; ) {
      const [page] = await db.execute<{ deleted: number; last: string | null }>(deletePage(last, before))
      if (!page?.last) break
      last = page.last
      total += page.deleted
      if (page.deleted > 0) await Bun.sleep(PAUSE_MS)
    }
  }
  return total
}

/**
 * A single statement, so that a hold is counted either as a row or in `funnel_days`. An ended hold with a payment stays, because
 * late money could still confirm it.
 */
const deleteHolds = (last: string, before: SQL): SQL => sql`
  WITH page AS (SELECT id FROM bookings WHERE id > ${last}::uuid ORDER BY id LIMIT ${PAGE}::int),
  deleted AS (
    DELETE FROM bookings WHERE id = ANY(ARRAY(
      SELECT b.id FROM bookings b
      WHERE b.id = ANY(ARRAY(SELECT id FROM page)) AND b.updated_at < ${before}
        AND b.status IN ('expired', 'cancelled') AND b.booked_at IS NULL AND b.kind <> 'event' AND b.paid_minor = 0
        AND NOT EXISTS (SELECT FROM payments p WHERE p.booking_id = b.id)
        AND NOT EXISTS (SELECT FROM event_attendees a WHERE a.booking_id = b.id)
      ORDER BY b.id FOR UPDATE OF b SKIP LOCKED))
    RETURNING location_id, created_at, kind, space_id, specialist_id, source, status
  ), counted AS (
    INSERT INTO funnel_days AS f (location_id, day, kind, space_id, specialist_id, source, released, expired)
    SELECT d.location_id, (d.created_at AT TIME ZONE l.time_zone)::date, d.kind, d.space_id, d.specialist_id, d.source,
      count(*) FILTER (WHERE d.status = 'cancelled'), count(*) FILTER (WHERE d.status = 'expired')
    FROM deleted d JOIN locations l ON l.id = d.location_id
    GROUP BY 1, 2, 3, 4, 5, 6
    -- One order for all servers: two may add to the same days at once.
    ORDER BY 1, 2, 3, 4, 5, 6
    ON CONFLICT ON CONSTRAINT funnel_days_key
      DO UPDATE SET released = f.released + excluded.released, expired = f.expired + excluded.expired
  )
  SELECT (SELECT count(*)::int FROM deleted) AS deleted, (array_agg(id ORDER BY id DESC))[1]::text AS last FROM page`

/** Rows with money stay: revenue is the sum of them, for any period. */
const deleteActivity = (last: string, before: SQL): SQL => sql`
  WITH page AS (SELECT id FROM activity WHERE id > ${last}::bigint ORDER BY id LIMIT ${PAGE}::int),
  deleted AS (
    DELETE FROM activity WHERE id = ANY(ARRAY(
      SELECT id FROM activity WHERE id = ANY(ARRAY(SELECT id FROM page)) AND at < ${before} AND amount_minor IS NULL
      ORDER BY id FOR UPDATE SKIP LOCKED))
    RETURNING id)
  SELECT (SELECT count(*)::int FROM deleted) AS deleted, max(id)::text AS last FROM page`

/** Pages of notifications, which have at most one delivery per channel. */
const deleteDeliveries = (last: string, before: SQL): SQL => sql`
  WITH page AS (SELECT id FROM notifications WHERE id > ${last}::uuid ORDER BY id LIMIT ${PAGE}::int),
  deleted AS (
    DELETE FROM notification_deliveries WHERE (notification_id, channel) IN (
      SELECT notification_id, channel FROM notification_deliveries
      WHERE notification_id = ANY(ARRAY(SELECT id FROM page)) AND created_at < ${before}
        AND (sent_at IS NOT NULL OR refused IS NOT NULL)
      ORDER BY notification_id, channel FOR UPDATE SKIP LOCKED)
    RETURNING channel)
  SELECT (SELECT count(*)::int FROM deleted) AS deleted, (array_agg(id ORDER BY id DESC))[1]::text AS last FROM page`

const NIL = '00000000-0000-0000-0000-000000000000'

const TABLES: { first: string; deletePage: (last: string, before: SQL) => SQL }[] = [
  { first: NIL, deletePage: deleteHolds },
  { first: '0', deletePage: deleteActivity },
  { first: NIL, deletePage: deleteDeliveries },
]
