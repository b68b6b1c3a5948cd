import { and, asc, eq, sql } from 'drizzle-orm'
import type { Deps, SignedInContext } from '../context'
import type { Db, Tx } from '../db/client'
import { type EventRow, eventAttendees, events } from '../db/schema'
import { AppError, notFound } from '../errors'
import { type Event, eventView } from '../shapes/events'
import { changeCommunity, nothingOnCalendars } from './community'
import { type Notice, notify } from './notices'

/** Hours before the start at which attendees are reminded, the last first. */
const REMINDERS = [1, 24]
const BATCH = 500

/**
 * Attends an event, or waits for a place where it is full. Who attends or waits already does so still.
 * @param wait false: where it is full, be refused rather than wait
 * @throws NOT_FOUND, TOO_LATE once it is over, EVENT_FULL, PAYMENT_REQUIRED for an event that has a price, NOT_SIGNED_IN
 */
export async function attendEvent(
  ctx: SignedInContext,
  { id, wait = true }: { id: string; wait?: boolean | undefined },
): Promise<Event> {
  return onEvent(ctx, id, async (tx, event) => {
    const me = ctx.actor.id
    if (await attendanceOf(tx, id, me)) return false
    // Payments are for bookings so far; nobody gets in free of charge because of that.
    if (event.priceMinor > 0 && event.creatorId !== me)
      throw new AppError('PAYMENT_REQUIRED', 'This event has a price and cannot be paid for here yet.')
    const full = event.capacity !== null && event.attending >= event.capacity
    if (full && !wait) throw new AppError('EVENT_FULL', 'This event is full.')
    await tx.insert(eventAttendees).values({
      eventId: id,
      userId: me,
      status: full ? 'waiting' : 'attending',
    })
    return []
  })
}

/**
 * Gives a place, or the wait for one, back. A place goes to whoever has waited longest, and that person is told.
 * @throws NOT_FOUND, TOO_LATE once it is over
 */
export async function leaveEvent(ctx: SignedInContext, { id }: { id: string }): Promise<Event> {
  return onEvent(ctx, id, async (tx, event) => {
    const gone = await tx
      .delete(eventAttendees)
      .where(and(eq(eventAttendees.eventId, id), eq(eventAttendees.userId, ctx.actor.id)))
      .returning()
    if (gone.length === 0) throw new AppError('NOT_FOUND', 'You do not attend this event.')
    return moveUp(tx, event)
  })
}

/** Runs with the event's location locked; what it gives back is told, and false is that nothing changed. */
async function onEvent(
  ctx: SignedInContext,
  id: string,
  run: (tx: Tx, event: EventRow) => Promise<Notice[] | false>,
): Promise<Event> {
  const { locationId } = await findEvent(ctx.db, id)
  return changeCommunity(ctx, { person: ctx.actor.id, locations: [locationId] }, async (tx) => {
    const event = await findEvent(tx, id)
    await refuseIfOver(tx, event)
    const notices = await run(tx, event)
    const mine = (await attendanceOf(tx, id, ctx.actor.id)) ?? null
    const result = eventView({ ...(notices ? await findEvent(tx, id) : event), mine })
    const changed = notices ? [{ locationId, part: 'events' as const }] : []
    return { result, ...nothingOnCalendars, changed, notices: notices || [] }
  })
}

/** @throws NOT_FOUND */
export async function findEvent(db: Db, id: string): Promise<EventRow> {
  const [event] = await db.select().from(events).where(eq(events.id, id))
  if (!event) throw notFound('event')
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

async function attendanceOf(db: Db, eventId: string, userId: string) {
  const [row] = await db
    .select({ status: eventAttendees.status })
    .from(eventAttendees)
    .where(and(eq(eventAttendees.eventId, eventId), eq(eventAttendees.userId, userId)))
  return row?.status
}

/** Gives free places to those who wait, in the order in which they came. The event's location must be locked. */
export async function moveUp(tx: Tx, event: EventRow): Promise<Notice[]> {
  const { id } = event
  const moved = await tx.execute<{ user_id: string; position: string }>(sql`
    WITH next AS (
      SELECT a.event_id, a.user_id FROM event_attendees a
      WHERE a.event_id = ${id} AND a.status = 'waiting' ORDER BY a.position
      LIMIT (SELECT coalesce(e.capacity - e.attending, e.waiting) FROM events e WHERE e.id = ${id}))
    UPDATE event_attendees a SET status = 'attending' FROM next n
    WHERE a.event_id = n.event_id AND a.user_id = n.user_id RETURNING a.user_id, a.position`)
  return moved.map(({ user_id, position }) => ({
    userId: user_id,
    kind: 'event_place',
    // Whoever leaves and waits again has another position, and hears of a place again.
    source: `${id}:${position}`,
    ...aboutEvent(event),
  }))
}

/** What a notice about an event says of it. */
export const aboutEvent = ({ id, title, startsAt, locationId }: EventRow) => ({
  eventId: id,
  title,
  startsAt,
  locationId,
})

/** Who attends or waits, but for one person, in order. */
export async function listConcerned(tx: Tx, eventId: string, except?: string): Promise<string[]> {
  const rows = await tx
    .select({ userId: eventAttendees.userId })
    .from(eventAttendees)
    .where(eq(eventAttendees.eventId, eventId))
    .orderBy(asc(eventAttendees.position))
  return rows.map(({ userId }) => userId).filter((userId) => userId !== except)
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
