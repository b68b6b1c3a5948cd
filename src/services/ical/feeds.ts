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

/** How far back a feed reaches, and for how long it tells of what was cancelled, in days. */
const FEED_DAYS = 90

/**
 * What the owner of a secret has booked and attends, or who has booked them as a specialist, as a feed that calendar programs
 * follow: what was, for 90 days, all that is to come, and what was cancelled, as such, for 30 days.
 * @throws NOT_FOUND, also where its owner is no specialist any more
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

/** What a hold became. A hold that ended as one was never in anybody's calendar. */
const inFeed = sql`${bookings.bookedAt} IS NOT NULL AND ${bookings.endsAt} > now() - make_interval(days => ${FEED_DAYS}::int)
  AND (${bookings.status} NOT IN ('cancelled', 'declined') OR ${bookings.updatedAt} > now() - make_interval(days => ${CANCELLED_DAYS}::int))`

const attendedBy = (
  userId: string,
) => sql`${events.endsAt} > now() - make_interval(days => ${FEED_DAYS}::int) AND EXISTS (
  SELECT FROM ${eventAttendees} a WHERE a.event_id = ${events.id} AND a.user_id = ${userId} AND a.status = 'attending')`

/** Who came is forgotten with the event, but not whom it was told to that it is cancelled. */
const cancelledFor = (userId: string) => sql`EXISTS (
  SELECT FROM ${notifications} n WHERE n.user_id = ${userId} AND n.kind = 'event_cancelled' AND n.event_id = ${cancelledEvents.id})`

/**
 * Gives a feed a new address, and ends the one it had. The secret is shown this once.
 * @throws NOT_FOUND for a specialist's feed where the person has no profile
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
