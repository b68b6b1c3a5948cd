import { and, eq, isNull, ne, or, sql } from 'drizzle-orm'
import type { Context, SignedInContext } from '../../context'
import type { Db } from '../../db/client'
import {
  bookings,
  calendarSecrets,
  cancelledEvents,
  eventAttendees,
  events,
  type FeedKind,
  notifications,
  specialists,
  users,
} from '../../db/schema'
import { notFound } from '../../errors'
import { CANCELLED_DAYS } from '../events/end-event'
import { hashSecret, renewSecret } from '../shared/secrets'
import { bookingEntries, calendarOf, cancelledEntries, eventEntries } from './files'

/** How many days of the past a feed contains. */
const FEED_DAYS = 90

/**
 * Renders the iCal feed of a secret: the bookings and events of its owner, or the appointments of a specialist. It contains
 * the last FEED_DAYS and everything to come; cancelled entries remain, marked as cancelled, for CANCELLED_DAYS.
 * @throws NOT_FOUND, also for the feed of a former specialist
 */
export async function calendarFeed({ db }: Context, { secret }: { secret: string }): Promise<string> {
  const [owner] = await db
    .select({ userId: calendarSecrets.userId, kind: calendarSecrets.kind })
    .from(calendarSecrets)
    .innerJoin(users, eq(users.id, calendarSecrets.userId))
    .where(
      and(
        eq(calendarSecrets.secretHash, hashSecret(secret)),
        isNull(users.deletedAt),
        or(eq(calendarSecrets.kind, 'person'), ne(users.role, 'customer')),
      ),
    )
  if (!owner) throw notFound('calendar')
  if (owner.kind === 'specialist') {
    const theirs = sql`${bookings.specialistUserId} = ${owner.userId} AND ${inFeed}`
    return calendarOf('CoworkSpace appointments', await bookingEntries(db, theirs, 'specialist'))
  }
  return calendarOf('CoworkSpace', [
    ...(await bookingEntries(db, sql`${bookings.userId} = ${owner.userId} AND ${inFeed}`, 'customer')),
    ...(await eventEntries(db, attendedBy(owner.userId))),
    ...(await cancelledEntries(db, cancelledFor(owner.userId))),
  ])
}

/** Leaves out holds that were never booked. */
const inFeed = sql`${bookings.bookedAt} IS NOT NULL AND ${bookings.endsAt} > now() - make_interval(days => ${FEED_DAYS}::int)
  AND (${bookings.status} NOT IN ('cancelled', 'declined') OR ${bookings.updatedAt} > now() - make_interval(days => ${CANCELLED_DAYS}::int))`

const attendedBy = (
  userId: string,
) => sql`${events.endsAt} > now() - make_interval(days => ${FEED_DAYS}::int) AND EXISTS (
  SELECT FROM ${eventAttendees} a WHERE a.event_id = ${events.id} AND a.user_id = ${userId} AND a.status = 'attending')`

/** Attendees are deleted with the event, so the notification shows who attended. */
const cancelledFor = (userId: string) => sql`EXISTS (
  SELECT FROM ${notifications} n WHERE n.user_id = ${userId} AND n.kind = 'event_cancelled' AND n.event_id = ${cancelledEvents.id})`

/**
 * Creates a new address for a feed and revokes the old one. The secret cannot be read again.
 * @throws NOT_FOUND for a specialist's feed if the caller has no profile
 */
export async function renewCalendar(
  ctx: SignedInContext,
  { of: kind = 'person' }: { of?: FeedKind | undefined },
): Promise<{ secret: string; url: string }> {
  if (kind === 'specialist') await refuseUnlessSpecialist(ctx.db, ctx.actor.id)
  const { secret, kept } = renewSecret()
  await ctx.db
    .insert(calendarSecrets)
    .values({ userId: ctx.actor.id, kind, ...kept })
    .onConflictDoUpdate({ target: [calendarSecrets.userId, calendarSecrets.kind], set: kept })
  return { secret, url: `${ctx.env.PUBLIC_URL ?? ''}/api/calendar/${secret}.ics` }
}

async function refuseUnlessSpecialist(db: Db, userId: string): Promise<void> {
  const [profile] = await db
    .select({ id: specialists.id })
    .from(specialists)
    .where(and(eq(specialists.userId, userId), isNull(specialists.removedAt)))
  if (!profile) throw notFound('specialist')
}
