import { sql } from 'drizzle-orm'
import type { Db } from '../../db/client'
import type { NotificationFacts } from '../../db/schema'
import type { KindAbout } from '../../schemas/notifications'

/** Who has done what is told of: the operator is any admin who is not on either side, the clock is nobody. */
export type By = 'customer' | 'specialist' | 'operator' | 'clock'

type OfEvent = {
  eventId: string
  title: string
  startsAt: Date
  locationId: string
  /** Its former start, where it was moved. */
  formerly?: Date
  /** By which the reader's place is paid for, until when, and how much that is; or how much goes back, or a new price. */
  bookingId?: string
  answerBy?: Date | null
  amountMinor?: number
  currency?: string
}
type OfBooking = {
  bookingId: string
  by?: By
  /** Its former start, where it was moved. */
  formerly?: Date
  /** What goes back to its customer. */
  amountMinor?: number
  currency?: string
}
type OfMoney = { amountMinor: number; currency: string } & ({ bookingId: string } | OfEvent)

type OfLoyalty = { bookingId: string | null } & Pick<
  NotificationFacts,
  'points' | 'total' | 'tier' | 'discountPercent' | 'extraNoticeDays'
>

/** Something that a person is told, with what it is about. */
export type Notice = {
  userId: string
  /** What has made it true: of one kind and source a person is told once, however often it is given. */
  source: string
} & (
  | ({ kind: KindAbout<'booking'> } & OfBooking)
  | ({ kind: KindAbout<'money'> } & OfMoney)
  | ({ kind: KindAbout<'event'> } & OfEvent)
  | ({ kind: KindAbout<'loyalty'> } & OfLoyalty)
)

/**
 * Tells people something: the one way in which services speak to a person. Written by the transaction that makes it true,
 * with the job that delivers it, so it is told where that commits, and only then; the rest of what the sentence needs is
 * read from the booking as it stands in that transaction. Whoever is gone is not told. However many are told at once, no
 * money waits behind them.
 * @returns how many were not told before
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
  // All of the jobs at once: one by one a thousand of them take thirty times as long.
  const [done] = await tx.execute<{ told: number }>(sql`
    WITH told AS (
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
        'job_key', 'deliver-notification:' || id, 'priority', 1))), '{}') AS jobs FROM told)
    SELECT (SELECT count(*)::int FROM wanted, graphile_worker.add_jobs(wanted.jobs)) AS told`)
  return done?.told ?? 0
}

/** Takes back, from everybody, what is not so any more and was not told yet, where that cannot be seen from its booking or event. */
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
