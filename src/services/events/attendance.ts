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
import { eventsChanged, withLocationLocks } from '../calendar/change-location'
import { notify } from '../notifications/notify'
import { pageOf } from '../shared/paging'

/** Hours before the start at which attendees are reminded, the last first. */
const REMINDERS = [1, 24]
const BATCH = 500

/**
 * Attends an event, or waits for a place where it is full. A place that has a price is held for HOLD_SECONDS, until its
 * booking is paid as any other; the creator pays nothing. Who attends, holds a place or waits already does so still.
 * @param wait false: where it is full, be refused rather than wait
 * @throws NOT_FOUND, TOO_LATE once it is over, or has begun where it has a price, EVENT_FULL, TOO_MANY_HOLDS, NOT_SIGNED_IN
 */
export async function attendEvent(
  ctx: SignedInContext,
  { id, wait = true }: { id: string; wait?: boolean | undefined },
): Promise<Event> {
  return onEvent(ctx, id, async (tx, event) => {
    const me = ctx.actor.id
    if (await attendanceOf(tx, id, me)) return false
    const costs = event.priceMinor > 0 && event.creatorId !== me
    if (costs) await refuseIfBegun(tx, event)
    const full = event.capacity !== null && event.attending + event.held >= event.capacity
    if (full && !wait) throw new AppError('EVENT_FULL', 'This event is full.')
    if (costs && !full) {
      await assertHoldLimit(ctx, tx)
      const how = { holdSeconds: ctx.env.HOLD_SECONDS, source: ctx.source }
      return { bookings: await holdSeats(tx, event, [me], how), notices: [] }
    }
    const status = full ? 'waiting' : 'attending'
    await tx.insert(eventAttendees).values({ eventId: id, userId: me, status })
    return NO_SEAT_CHANGES
  })
}

/**
 * Gives a place, or the wait for one, back. A place goes to whoever has waited longest, and that person is told; what was
 * paid for it goes back by the policy frozen on its booking.
 * @throws NOT_FOUND, TOO_LATE once it is over, NOT_CANCELLABLE once it has begun where the place was paid for
 */
export async function leaveEvent(ctx: SignedInContext, { id }: { id: string }): Promise<Event> {
  return onEvent(ctx, id, async (tx, event) => {
    const mine = await attendanceOf(tx, id, ctx.actor.id)
    if (!mine) throw new AppError('NOT_FOUND', 'You do not attend this event.')
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
 * Runs with the event's location locked, after the places that nobody has paid for in time were given on; false is that
 * nothing changed.
 */
async function onEvent(
  ctx: SignedInContext,
  id: string,
  run: (tx: Tx, event: EventRow) => Promise<SeatChanges | false>,
): Promise<Event> {
  const { locationId } = await findEvent(ctx.db, id)
  const locks = { person: ctx.actor.id, locations: [locationId] }
  const { event, isNews } = await withLocationLocks(ctx, locks, async (tx) => {
    const former = await findEvent(tx, id)
    await refuseIfOver(tx, former)
    const ended = await expireUnpaidSeats(tx, former)
    const outcome = await run(tx, ended.bookings.length > 0 ? await findEvent(tx, id) : former)
    const row = await findEvent(tx, id)
    const mine = await attendanceOf(tx, id, ctx.actor.id)
    const event = eventView({ ...row, mine: mine?.status ?? null, bookingId: mine?.bookingId ?? null })
    const isNews = outcome !== false
    const changed = isNews || ended.bookings.length > 0 ? [eventsChanged(locationId)] : []
    return {
      result: { event, isNews },
      touched: [],
      ...mergeSeatChanges(ended, outcome || NO_SEAT_CHANGES),
      changed,
    }
  })
  // What is pushed to everybody says nothing of one's own part, which one may look at elsewhere as well.
  if (isNews) ctx.publish(topicOf.user(ctx.actor.id), { type: 'event_update', event })
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

async function refuseIfBegun(db: Db, { id }: EventRow): Promise<void> {
  const [begun] = await db
    .select({ id: events.id })
    .from(events)
    .where(sql`${events.id} = ${id} AND ${events.startsAt} <= clock_timestamp()`)
  if (begun) throw new AppError('TOO_LATE', 'This event has begun, and its places are not sold any more.')
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
    throw new AppError('NOT_ALLOWED', 'This is for who made the event, and for admins.')
}

/**
 * Who attends, holds a place or waits, in the order in which they came; for who made the event, and for admins. Who does
 * not wish to be seen is not named here either.
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

/** Who made an event, then who attends, holds a place or waits, in order; but for one person. */
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
  const people = new Set([creatorId, ...rows.map(({ userId }) => userId)])
  return [...people].flatMap((userId) => (userId === null || userId === except ? [] : userId))
}

/**
 * Reminds attendees a day and an hour before the start, each once, unless they came later than that. Safe on any number
 * of servers at once. @returns how many were reminded
 */
export async function remindAttendees(deps: Pick<Deps, 'db'>): Promise<number> {
  let total = 0
  for (const hours of REMINDERS) {
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
      WHERE a.status = 'attending' AND e.starts_at > clock_timestamp() AND e.starts_at <= clock_timestamp() + ${before}
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
