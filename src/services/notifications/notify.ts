import { sql } from 'drizzle-orm'
import type { Db } from '../../db/client'
import type { NotificationFacts } from '../../db/schema'
import type { KindAbout } from '../../schemas/notifications'

/** The agent of a change. `operator` is an admin who is on neither side of the booking; `clock` is a scheduled job. */
export type By = 'customer' | 'specialist' | 'operator' | 'clock'

type OfEvent = {
  eventId: string
  title: string
  startsAt: Date
  locationId: string
  /** The start before a reschedule. */
  formerly?: Date
  /** The booking of the user's seat, if the seat has a price. */
  bookingId?: string
  answerBy?: Date | null
  /** The amount to pay by `answerBy`, the refund, or the new price. */
  amountMinor?: number
  currency?: string
}
type OfBooking = {
  bookingId: string
  by?: By
  /** The start before a reschedule. */
  formerly?: Date
  /** The refund of the customer. */
  amountMinor?: number
  currency?: string
}
type OfMoney = { amountMinor: number; currency: string } & ({ bookingId: string } | OfEvent)

type OfLoyalty = { bookingId: string | null } & Pick<
  NotificationFacts,
  'points' | 'total' | 'tier' | 'discountPercent' | 'extraNoticeDays'
>

export type Notice = {
  userId: string
  /** The cause. A user gets one notification per kind and source, however often it is reported. */
  source: string
} & (
  | ({ kind: KindAbout<'booking'> } & OfBooking)
  | ({ kind: KindAbout<'money'> } & OfMoney)
  | ({ kind: KindAbout<'event'> } & OfEvent)
  | ({ kind: KindAbout<'loyalty'> } & OfLoyalty)
)

/**
 * Writes notifications and their delivery jobs in the transaction that they report, so they are sent only if it commits.
 * The other facts of the texts are read from the booking in the same transaction. Deleted accounts are skipped.
 * @returns how many are new
 */
export async function notify(tx: Db, ...notices: Notice[]): Promise<number> {
  if (notices.length === 0) return 0
  const given = notices.map(({ userId, kind, source, ...about }) => {
    const { bookingId, eventId, locationId, ...facts } = {
      bookingId: null,
      eventId: null,
      locationId: null,
      ...about,
    }
    return {
      id: Bun.randomUUIDv7(),
      userId,
      kind,
      source,
      bookingId,
      eventId,
      locationId,
      facts: asFacts(facts),
    }
  })
  // add_jobs adds all jobs at once: a thousand single calls take thirty times as long. Their low priority lets payments pass.
  const [result] = await tx.execute<{ added: number }>(sql`
    WITH added AS (
      INSERT INTO notifications (id, user_id, kind, source, booking_id, event_id, facts)
      SELECT g.id, g."userId", g.kind, g.source, g."bookingId", g."eventId",
        CASE WHEN b.id IS NULL THEN '{}'::jsonb ELSE jsonb_build_object(
          'side', CASE WHEN b.user_id = g."userId" THEN 'customer' ELSE 'specialist' END, 'space', s.name, 'service', v.name, 'title', e.title,
          'startsAt', epoch_ms(b.starts_at), 'endsAt', epoch_ms(b.ends_at), 'answerBy', epoch_ms(b.answer_by)) END
        || jsonb_build_object('location', l.name, 'timeZone', l.time_zone) || g.facts
      FROM jsonb_to_recordset(${JSON.stringify(given)}::text::jsonb) AS g(id uuid, "userId" uuid, kind text, source text,
        "bookingId" uuid, "eventId" uuid, "locationId" uuid, facts jsonb)
      JOIN users u ON u.id = g."userId" AND u.deleted_at IS NULL
      LEFT JOIN bookings b ON b.id = g."bookingId"
      LEFT JOIN spaces s ON s.id = b.space_id
      LEFT JOIN services v ON v.id = b.service_id
      LEFT JOIN events e ON e.id = b.attends_event_id
      LEFT JOIN locations l ON l.id = coalesce(g."locationId", b.location_id)
      ON CONFLICT (user_id, kind, source) DO NOTHING
      RETURNING id),
    wanted AS (
      SELECT coalesce(array_agg(json_populate_record(NULL::graphile_worker.job_spec, json_build_object(
        'identifier', 'deliver-notification', 'payload', json_build_object('notificationId', id),
        'job_key', 'deliver-notification:' || id, 'priority', 1))), '{}') AS jobs FROM added)
    SELECT (SELECT count(*)::int FROM wanted, graphile_worker.add_jobs(wanted.jobs)) AS added`)
  return result?.added ?? 0
}

/** Withdraws undelivered notifications that are no longer true, if the booking or event does not show it. */
export const withdraw = (
  tx: Db,
  { kind, source, bookingId }: { kind: Notice['kind']; source: string; bookingId: string },
) =>
  tx.execute(sql`
    UPDATE notifications SET withdrawn_at = clock_timestamp()
    WHERE booking_id = ${bookingId} AND kind = ${kind} AND source = ${source} AND told_at IS NULL`)

const asFacts = (facts: Record<string, unknown>) =>
  Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [name, value instanceof Date ? value.getTime() : value]),
  )
