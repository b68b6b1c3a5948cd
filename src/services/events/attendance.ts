import { and, asc, eq, gt, sql } from 'drizzle-orm'
import type { Deps, SignedInContext } from '../../context'
import type { Db, Tx } from '../../db/client'
import { type EventAttendeeRow, type EventRow, eventAttendees, events, users } from '../../db/schema'
import { AppError } from '../../errors'
import type { Page } from '../../schemas/common'
import { attendeeView, type Event, eventView } from '../../schemas/events'
import { topicOf } from '../../schemas/socket-messages'
import {
  expireUnpaidSeats,
  findEvent,
  followBooking,
  holdSeats,
  mergeSeatChanges,
  NO_SEAT_CHANGES,
  promoteFromWaitlist,
  type SeatChanges,
} from '../bookings/event-seats'
import { assertHoldLimit } from '../bookings/hold'
import { applyTransition } from '../bookings/transitions'
import { readBooking } from '../bookings/with-booking-lock'
import { eventsChanged, type LocationLocks, withLocationLocks } from '../calendar/change-location'
import { notify } from '../notifications/notify'
import { pageOf } from '../shared/paging'

/** Shortest first: an attendee who is due for both gets only the later reminder. */
const REMINDER_HOURS = [1, 24]
const BATCH = 500

/**
 * Attends an event, or joins the waitlist if it is full. A seat with a price is held for HOLD_SECONDS and paid like any
 * booking; the creator pays nothing. Changes nothing if the caller already attends, holds a seat or waits.
 * @param wait if false, a full event is refused instead of joining the waitlist
 * @throws NOT_FOUND, TOO_LATE if it is over, or has a price and has started, EVENT_FULL, TOO_MANY_HOLDS, NOT_SIGNED_IN
 */
export async function attendEvent(
  ctx: SignedInContext,
  { id, wait = true }: { id: string; wait?: boolean | undefined },
): Promise<Event> {
  return withEventLock(ctx, id, async (tx, event) => {
    const userId = ctx.actor.id
    if (await attendanceOf(tx, id, userId)) return false
    const costs = event.priceMinor > 0 && event.creatorId !== userId
    if (costs) await refuseIfStarted(tx, event)
    const full = event.capacity !== null && event.attending + event.held >= event.capacity
    if (full && !wait) throw new AppError('EVENT_FULL', 'This event is full.')
    if (costs && !full) {
      await assertHoldLimit(ctx, tx)
      const how = { holdSeconds: ctx.env.HOLD_SECONDS, source: ctx.source }
      return { bookings: await holdSeats(tx, event, [userId], how), notices: [] }
    }
    const status = full ? 'waiting' : 'attending'
    await tx.insert(eventAttendees).values({ eventId: id, userId, status })
    return NO_SEAT_CHANGES
  })
}

/**
 * Gives up the caller's seat or waitlist position. The seat goes to the first waiting user; a paid seat is refunded by the
 * policy frozen on its booking.
 * @throws NOT_FOUND, TOO_LATE if the event is over, NOT_CANCELLABLE if it has started and the seat is paid
 */
export async function leaveEvent(ctx: SignedInContext, { id }: { id: string }): Promise<Event> {
  return withEventLock(ctx, id, async (tx, event) => {
    const mine = await attendanceOf(tx, id, ctx.actor.id)
    if (!mine) throw new AppError('NOT_FOUND', 'You are not attending this event.')
    if (mine.bookingId) return cancelSeat(ctx, tx, mine.bookingId)
    await tx
      .delete(eventAttendees)
      .where(and(eq(eventAttendees.eventId, id), eq(eventAttendees.userId, ctx.actor.id)))
    return promoteFromWaitlist(tx, event)
  })
}

async function cancelSeat(ctx: SignedInContext, tx: Tx, bookingId: string): Promise<SeatChanges> {
  const { row, now } = await readBooking(tx, bookingId)
  const { bookings } = await applyTransition(tx, ctx.actor, row, 'cancelled', now)
  return mergeSeatChanges({ bookings, notices: [] }, await followBooking(tx, row))
}

/**
 * Runs under the locks of the caller and the event's location, after unpaid seats have expired.
 * @param run returns false if it changed nothing
 */
async function withEventLock(
  ctx: SignedInContext,
  id: string,
  run: (tx: Tx, event: EventRow) => Promise<SeatChanges | false>,
): Promise<Event> {
  const { locationId } = await findEvent(ctx.db, id)
  const locks: LocationLocks = { userId: ctx.actor.id, locations: [locationId] }
  const { event, hasChanged } = await withLocationLocks(ctx, locks, async (tx) => {
    const former = await findEvent(tx, id)
    await refuseIfOver(tx, former)
    const ended = await expireUnpaidSeats(tx, former)
    const outcome = await run(tx, ended.bookings.length > 0 ? await findEvent(tx, id) : former)
    const row = await findEvent(tx, id)
    const mine = await attendanceOf(tx, id, ctx.actor.id)
    const event = eventView({ ...row, mine: mine?.status ?? null, bookingId: mine?.bookingId ?? null })
    const hasChanged = outcome !== false
    const changed = hasChanged || ended.bookings.length > 0 ? [eventsChanged(locationId)] : []
    return {
      result: { event, hasChanged },
      touched: [],
      ...mergeSeatChanges(ended, outcome || NO_SEAT_CHANGES),
      changed,
    }
  })
  // The location's message has no per-user fields, so the caller's other clients need this one.
  if (hasChanged) ctx.publish(topicOf.user(ctx.actor.id), { type: 'event_update', event })
  return event
}

/** @throws TOO_LATE */
export async function refuseIfOver(db: Db, { id }: EventRow): Promise<void> {
  const [over] = await db
    .select({ id: events.id })
    .from(events)
    .where(sql`${events.id} = ${id} AND ${events.endsAt} <= clock_timestamp()`)
  if (over) throw new AppError('TOO_LATE', 'This event is over.')
}

async function refuseIfStarted(db: Db, { id }: EventRow): Promise<void> {
  const [started] = await db
    .select({ id: events.id })
    .from(events)
    .where(sql`${events.id} = ${id} AND ${events.startsAt} <= clock_timestamp()`)
  if (started) throw new AppError('TOO_LATE', 'This event has started. You can no longer buy a seat.')
}

async function attendanceOf(db: Db, eventId: string, userId: string): Promise<EventAttendeeRow | undefined> {
  const [row] = await db
    .select()
    .from(eventAttendees)
    .where(and(eq(eventAttendees.eventId, eventId), eq(eventAttendees.userId, userId)))
  return row
}

/** @throws NOT_ALLOWED */
export function refuseUnlessOrganiser({ actor }: SignedInContext, { creatorId }: EventRow): void {
  if (creatorId !== actor.id && actor.role !== 'admin')
    throw new AppError('NOT_ALLOWED', "Only the event's creator or an admin can do this.")
}

/**
 * Lists attendees, unpaid seats and the waitlist in order of arrival, for the event's creator and admins. Hidden users are
 * not named.
 * @throws NOT_FOUND, NOT_ALLOWED
 */
export async function listAttendees(ctx: SignedInContext, { id, cursor, limit }: Page & { id: string }) {
  refuseUnlessOrganiser(ctx, await findEvent(ctx.db, id))
  const rows = await ctx.db
    .select({
      id: sql<string>`${eventAttendees.position}::text`,
      status: eventAttendees.status,
      since: eventAttendees.createdAt,
      userId: users.id,
      name: users.name,
      hidden: users.hidden,
    })
    .from(eventAttendees)
    .innerJoin(users, eq(users.id, eventAttendees.userId))
    .where(
      and(eq(eventAttendees.eventId, id), cursor ? gt(eventAttendees.position, Number(cursor)) : undefined),
    )
    .orderBy(asc(eventAttendees.position))
    .limit(limit + 1)
  return pageOf(rows, { limit }, attendeeView)
}

/** Users to notify: the creator, then attendees and waiting users in order, without `except`. */
export async function listConcerned(
  tx: Tx,
  { id: eventId, creatorId }: EventRow,
  except?: string,
): Promise<string[]> {
  const rows = await tx
    .select({ userId: eventAttendees.userId })
    .from(eventAttendees)
    .where(eq(eventAttendees.eventId, eventId))
    .orderBy(asc(eventAttendees.position))
  const userIds = new Set([creatorId, ...rows.map(({ userId }) => userId)])
  return [...userIds].flatMap((userId) => (userId === null || userId === except ? [] : userId))
}

/**
 * Reminds attendees a day and an hour before the start, once each, unless they joined later than that. Safe on any number
 * of servers at once.
 * @returns the number of reminders
 */
export async function remindAttendees(deps: Pick<Deps, 'db'>): Promise<number> {
  let total = 0
  for (const hours of REMINDER_HOURS) {
    for (;;) {
      const reminded = await deps.db.transaction((tx) => remindBatch(tx, hours))
      total += reminded
      if (reminded < BATCH) break
    }
  }
  return total
}

type Reminded = { eventId: string; userId: string; title: string; startsAt: number; locationId: string }

async function remindBatch(tx: Tx, hours: number): Promise<number> {
  const before = sql`make_interval(hours => ${hours}::int)`
  const reminded = await tx.execute<Reminded>(sql`
    WITH due AS (
      SELECT a.event_id, a.user_id, e.title, e.starts_at, e.location_id
      FROM event_attendees a JOIN events e ON e.id = a.event_id
      WHERE a.status = 'attending' AND e.starts_at > statement_timestamp() AND e.starts_at <= statement_timestamp() + ${before}
        AND (a.reminded_hours IS NULL OR a.reminded_hours > ${hours}::int) AND a.created_at < e.starts_at - ${before}
      LIMIT ${BATCH} FOR UPDATE OF a SKIP LOCKED)
    UPDATE event_attendees a SET reminded_hours = ${hours}::int FROM due d
    WHERE a.event_id = d.event_id AND a.user_id = d.user_id
    RETURNING d.event_id AS "eventId", d.user_id AS "userId", d.title, epoch_ms(d.starts_at)::float8 AS "startsAt",
      d.location_id AS "locationId"`)
  await notify(
    tx,
    ...reminded.map(({ startsAt, ...about }) => ({
      ...about,
      kind: 'event_reminder' as const,
      source: `${about.eventId}@${startsAt}:${hours}`,
      startsAt: new Date(startsAt),
    })),
  )
  return reminded.length
}
