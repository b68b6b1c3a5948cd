import { and, asc, eq, inArray, isNull, ne, sql } from 'drizzle-orm'
import type { SignedInContext } from '../../context'
import type { Tx } from '../../db/client'
import {
  bookings,
  calendarSecrets,
  checkIns,
  type EventRow,
  eventAttendees,
  events,
  users,
} from '../../db/schema'
import { iso, isoOrNull } from '../../lib/time'
import type { PastCheckIn } from '../../schemas/check-ins'
import { type Event, eventView } from '../../schemas/events'
import {
  aboutEvent,
  mergeSeatChanges,
  NO_SEAT_CHANGES,
  promoteFromWaitlist,
  type SeatChanges,
} from '../bookings/event-seats'
import { checkInsChanged, eventsChanged, type LocationOutcome } from '../calendar/change-location'
import { endEvent } from '../events/end-event'

/** Advisory lock under which accounts are deleted one at a time. Taken after the user and before locations. */
const LEAVING_LOCK = 7_261_054_921

export type CommunityExport = { checkIns: PastCheckIn[]; events: Event[] }

/** Returns the caller's check-ins and the events that the caller created, attends or waits for. */
export async function exportCommunity(ctx: SignedInContext): Promise<CommunityExport> {
  const me = ctx.actor.id
  const stays = await ctx.db.select().from(checkIns).where(eq(checkIns.userId, me)).orderBy(asc(checkIns.id))
  const rows = await ctx.db
    .select({ event: events, mine: eventAttendees.status, bookingId: eventAttendees.bookingId })
    .from(events)
    .leftJoin(eventAttendees, and(eq(eventAttendees.eventId, events.id), eq(eventAttendees.userId, me)))
    .where(sql`${events.creatorId} = ${me} OR ${eventAttendees.userId} = ${me}`)
    .orderBy(asc(events.startsAt), asc(events.id))
  return {
    checkIns: stays.map(({ locationId, since, until, note }) => ({
      locationId,
      since: iso(since),
      until: isoOrNull(until),
      note,
    })),
    events: rows.map(({ event, ...own }) => eventView({ ...event, ...own })),
  }
}

/**
 * Returns the locations that a deletion changes. Blocks other deletions until the transaction ends; otherwise an event
 * could pass to an admin that is being deleted too.
 */
export async function locationsOf(tx: Tx, userId: string): Promise<string[]> {
  await tx.execute(sql`SELECT pg_advisory_xact_lock(${LEAVING_LOCK}::bigint)`)
  const rows = await tx.execute<{ id: string }>(sql`
    SELECT location_id AS id FROM check_ins WHERE user_id = ${userId} AND until IS NULL
    UNION SELECT location_id FROM events WHERE creator_id = ${userId}
    UNION SELECT e.location_id FROM events e JOIN event_attendees a ON a.event_id = e.id WHERE a.user_id = ${userId}
    UNION SELECT location_id FROM bookings WHERE kind = 'attendance' AND ${mayComeBack(userId)}`)
  return rows.map(({ id }) => id)
}

/** An expired booking can be confirmed after all if a late payment arrives. */
export const mayComeBack = (
  userId: string,
) => sql`${bookings.userId} = ${userId} AND ${bookings.status} = 'expired'
  AND EXISTS (SELECT FROM payments p WHERE p.booking_id = ${bookings.id})`

type Left = Omit<LocationOutcome<unknown>, 'result'>

/**
 * Deletes a user's check-ins, seats and events. The locations and calendars must be locked. Seats go to the waitlist;
 * events pass to an admin, or are cancelled if there is none.
 */
export async function leaveCommunity(tx: Tx, userId: string): Promise<Left> {
  const present = await tx
    .select({ locationId: checkIns.locationId })
    .from(checkIns)
    .where(and(eq(checkIns.userId, userId), isNull(checkIns.until)))
  await tx.delete(checkIns).where(eq(checkIns.userId, userId))
  await tx.delete(calendarSecrets).where(eq(calendarSecrets.userId, userId))
  const seats = await giveUpSeats(tx, userId)
  const passed = await passOnEvents(tx, userId)
  const changed = [
    ...present.map(({ locationId }) => checkInsChanged(locationId)),
    ...[...seats.events, ...passed.events].map(({ locationId }) => eventsChanged(locationId)),
  ]
  return { touched: passed.touched, changed, ...mergeSeatChanges(seats, passed) }
}

async function giveUpSeats(tx: Tx, userId: string) {
  const attended = await tx
    .delete(eventAttendees)
    .where(eq(eventAttendees.userId, userId))
    .returning({ eventId: eventAttendees.eventId })
  const ids = attended.map(({ eventId }) => eventId)
  const coming =
    ids.length > 0
      ? await tx
          .select()
          .from(events)
          .where(and(inArray(events.id, ids), isComing))
      : []
  const promoted: SeatChanges[] = []
  for (const event of coming) promoted.push(await promoteFromWaitlist(tx, event))
  return { events: coming, ...mergeSeatChanges(...promoted) }
}

const isComing = sql`${events.endsAt} > clock_timestamp()`

async function passOnEvents(tx: Tx, userId: string): Promise<Omit<Left, 'changed'> & { events: EventRow[] }> {
  const made = await tx.select().from(events).where(eq(events.creatorId, userId))
  if (made.length === 0) return { touched: [], ...NO_SEAT_CHANGES, events: [] }
  const [admin] = await tx
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.role, 'admin'), isNull(users.deletedAt), ne(users.id, userId)))
    .orderBy(asc(users.id))
    .limit(1)
  if (!admin) return cancelAll(tx, made, userId)
  await tx.update(events).set({ creatorId: admin.id }).where(eq(events.creatorId, userId))
  await tx
    .update(bookings)
    .set({ userId: admin.id })
    .where(and(eq(bookings.userId, userId), eq(bookings.kind, 'event')))
  const coming = made.filter(({ endsAt }) => endsAt.getTime() > Date.now())
  const notices = coming.map((event) => ({
    userId: admin.id,
    kind: 'event_passed_on' as const,
    source: `${event.id}:${userId}`,
    ...aboutEvent(event),
  }))
  return { touched: [], bookings: [], notices, events: coming }
}

async function cancelAll(tx: Tx, made: EventRow[], userId: string) {
  const ended = []
  for (const event of made) ended.push(await endEvent(tx, event, userId))
  return {
    touched: ended.flatMap(({ touched }) => touched),
    ...mergeSeatChanges(...ended),
    events: made,
  }
}
