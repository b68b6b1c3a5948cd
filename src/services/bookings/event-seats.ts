import { and, eq, type SQL, sql } from 'drizzle-orm'
import type { Deps } from '../../context'
import type { Db, Tx } from '../../db/client'
import {
  type BookingRow,
  bookings,
  type EventRow,
  eventAttendees,
  events,
  type Source,
} from '../../db/schema'
import { range, uuidArray } from '../../db/sql'
import { notFound } from '../../errors'
import { iso } from '../../lib/time'
import { eventsChanged, type LocationOutcome, withLocationLocks } from '../calendar/change-location'
import { runForEach } from '../shared/run-each'
import { applyCancellation } from './refunds'

/** Who moves up to a place that costs something has so long to pay for it, and never beyond the start. */
const TIME_TO_PAY_SECONDS = 12 * 3600
const BATCH = 200

/** What became of places at an event: whose bookings changed, and who hears of it. */
export type SeatChanges = Pick<LocationOutcome<unknown>, 'bookings' | 'notices'>
export const NO_SEAT_CHANGES: SeatChanges = { bookings: [], notices: [] }
export const mergeSeatChanges = (...all: SeatChanges[]): SeatChanges => ({
  bookings: all.flatMap(({ bookings: changed }) => changed),
  notices: all.flatMap(({ notices }) => notices),
})

/** @throws NOT_FOUND */
export async function findEvent(db: Db, id: string): Promise<EventRow> {
  const [event] = await db.select().from(events).where(eq(events.id, id))
  if (!event) throw notFound('event')
  return event
}

/**
 * Holds a place for each of some people, to be paid for until the hold ends, and never beyond the start. Price and policy are
 * frozen. The event's location must be locked, and as many places free.
 */
export async function holdSeats(
  tx: Tx,
  event: EventRow,
  people: string[],
  { holdSeconds, source = 'system' }: { holdSeconds: number; source?: Source },
): Promise<BookingRow[]> {
  if (people.length === 0) return []
  const { id, locationId, startsAt, endsAt, priceMinor, currency, cancellation } = event
  const place = {
    kind: 'attendance' as const,
    attendsEventId: id,
    status: 'held' as const,
    locationId,
    startsAt,
    endsAt,
    claimed: range({ from: startsAt.getTime(), to: endsAt.getTime() }),
    firstStartsAt: startsAt,
    holdExpiresAt: sql`least(clock_timestamp() + make_interval(secs => ${holdSeconds}::int), ${iso(startsAt)}::timestamptz)`,
    priceMinor,
    currency,
    cancellation,
    source,
  }
  const held: BookingRow[] = []
  for (let done = 0; done < people.length; done += BATCH) {
    const batch = people.slice(done, done + BATCH).map((userId) => ({ ...place, userId }))
    held.push(...(await tx.insert(bookings).values(batch).returning()))
  }
  await setSeats(tx, held, 'held')
  return held
}

/** Of places of one event. */
async function setSeats(tx: Tx, places: BookingRow[], status: 'held' | 'attending'): Promise<void> {
  await tx.execute(sql`
    INSERT INTO event_attendees (event_id, user_id, status, booking_id)
    SELECT b.attends_event_id, b.user_id, ${status}, b.id FROM bookings b
    WHERE b.id = ANY(${uuidArray(places.map(({ id }) => id))})
    ON CONFLICT (event_id, user_id) DO UPDATE SET status = excluded.status, booking_id = excluded.booking_id`)
}

/**
 * Gives free places to those who wait, in the order in which they came; where a place costs something, it is held for them.
 * The event's location must be locked.
 */
export async function promoteFromWaitlist(tx: Tx, event: EventRow): Promise<SeatChanges> {
  const next = await tx.execute<{ userId: string; position: string }>(sql`
    SELECT a.user_id AS "userId", a.position FROM event_attendees a JOIN events e ON e.id = a.event_id
    WHERE a.event_id = ${event.id} AND a.status = 'waiting' AND (e.price_minor = 0 OR e.starts_at > clock_timestamp())
    ORDER BY a.position
    LIMIT (SELECT coalesce(e.capacity - e.attending - e.held, e.waiting) FROM events e WHERE e.id = ${event.id})`)
  const costs = ({ userId }: { userId: string }) => event.priceMinor > 0 && userId !== event.creatorId
  const free = next.filter((one) => !costs(one))
  const paying = next.filter(costs).map(({ userId }) => userId)
  const held = await holdSeats(tx, event, paying, { holdSeconds: TIME_TO_PAY_SECONDS })
  if (free.length > 0)
    await tx
      .update(eventAttendees)
      .set({ status: 'attending' })
      .where(
        sql`${eventAttendees.eventId} = ${event.id} AND ${eventAttendees.userId} = ANY(${uuidArray(free.map(({ userId }) => userId))})`,
      )
  return {
    bookings: held,
    notices: [
      ...free.map(({ userId, position }) => ({
        userId,
        kind: 'event_place' as const,
        // Whoever leaves and waits again has another position, and hears of a place again.
        source: `${event.id}:${position}`,
        ...aboutEvent(event),
      })),
      ...held.map(({ id, userId, holdExpiresAt, priceMinor, currency }) => ({
        userId,
        kind: 'event_place_to_pay' as const,
        source: id,
        ...aboutEvent(event),
        bookingId: id,
        answerBy: holdExpiresAt,
        amountMinor: priceMinor,
        currency,
      })),
    ],
  }
}

/** What a notice about an event says of it. */
export const aboutEvent = ({ id, title, startsAt, locationId }: EventRow) => ({
  eventId: id,
  title,
  startsAt,
  locationId,
})

/** Ends the places that were not paid for in time, tells whose they were, and gives them to those who wait. The event's location must be locked. */
export async function expireUnpaidSeats(tx: Tx, event: EventRow): Promise<SeatChanges> {
  const ended = await tx
    .update(bookings)
    .set({ status: 'expired' })
    .where(
      sql`${bookings.attendsEventId} = ${event.id} AND ${bookings.status} = 'held' AND ${bookings.holdExpiresAt} <= clock_timestamp()`,
    )
    .returning()
  if (ended.length === 0) return NO_SEAT_CHANGES
  const ids = ended.map(({ id }) => id)
  await tx.delete(eventAttendees).where(sql`${eventAttendees.bookingId} = ANY(${uuidArray(ids)})`)
  const notices = ended.map(({ id, userId }) => ({
    userId,
    kind: 'event_place_lost' as const,
    source: id,
    ...aboutEvent(event),
  }))
  return mergeSeatChanges({ bookings: ended, notices }, await promoteFromWaitlist(tx, event))
}

/** Every sweep: what was not paid for in time goes to whoever waits. Safe on any number of servers. @returns how many places */
export async function sweepUnpaidSeats(deps: Pick<Deps, 'db' | 'publish' | 'log'>): Promise<number> {
  const due = await deps.db
    .selectDistinct({ eventId: events.id, locationId: events.locationId })
    .from(bookings)
    .innerJoin(events, eq(events.id, bookings.attendsEventId))
    .where(sql`${bookings.status} = 'held' AND ${bookings.holdExpiresAt} <= statement_timestamp()`)
    .limit(BATCH)
  return runForEach(deps, due, ({ eventId, locationId }) =>
    withLocationLocks(deps, { locations: [locationId] }, async (tx) => {
      const [event] = await tx.select().from(events).where(eq(events.id, eventId))
      const places = event ? await expireUnpaidSeats(tx, event) : NO_SEAT_CHANGES
      const result = places.bookings.filter(({ status }) => status === 'expired').length
      const changed = result > 0 ? [eventsChanged(locationId)] : []
      return { result, touched: [], ...places, changed }
    }),
  )
}

/**
 * Of an event that costs nothing any more: who was to pay for a place has it. What had been paid of it goes back. The
 * event's location must be locked.
 */
export async function giveSeats(tx: Tx, event: EventRow): Promise<SeatChanges> {
  const held = (
    await endWhole(tx, and(eq(bookings.attendsEventId, event.id), eq(bookings.status, 'held')))
  ).map(({ booking }) => booking)
  const ids = held.map(({ id }) => id)
  if (ids.length > 0)
    await tx
      .update(eventAttendees)
      .set({ status: 'attending', bookingId: null })
      .where(sql`${eventAttendees.bookingId} = ANY(${uuidArray(ids)})`)
  const notices = held.map(({ id, userId }) => ({
    userId,
    kind: 'event_place' as const,
    source: id,
    ...aboutEvent(event),
  }))
  return { bookings: held, notices }
}

/**
 * Brings a place in line with its booking after that has moved: paid, it is attended; given up or ended, it is for whoever
 * waits. The event's location must be locked.
 */
export async function followBooking(tx: Tx, before: BookingRow): Promise<SeatChanges & { moved: boolean }> {
  const [row] = await tx.select().from(bookings).where(eq(bookings.id, before.id))
  if (!row?.attendsEventId || row.status === before.status) return { ...NO_SEAT_CHANGES, moved: false }
  if (row.status === 'confirmed') await setSeats(tx, [row], 'attending')
  if (row.status !== 'cancelled' && row.status !== 'expired') return { ...NO_SEAT_CHANGES, moved: true }
  await tx.delete(eventAttendees).where(eq(eventAttendees.bookingId, row.id))
  return { ...(await promoteFromWaitlist(tx, await findEvent(tx, row.attendsEventId))), moved: true }
}

/**
 * Whether money that came late can still have the place that it was for: the event is as it was, still has a price and has
 * not begun, nobody else took the place, and the person has no other.
 */
export async function isSeatFree(tx: Tx, { id }: Pick<BookingRow, 'id'>): Promise<boolean> {
  const [place] = await tx.execute<{ free: boolean }>(sql`
    SELECT e.price_minor > 0 AND e.starts_at > clock_timestamp() AND e.starts_at = b.starts_at AND e.ends_at = b.ends_at
        AND coalesce(e.attending + e.held < e.capacity, true)
        AND NOT EXISTS (SELECT FROM event_attendees a WHERE a.event_id = e.id AND a.user_id = b.user_id) AS free
    FROM bookings b JOIN events e ON e.id = b.attends_event_id WHERE b.id = ${id}`)
  return place?.free ?? false
}

/**
 * Takes the places of an event that has moved along to its new time. The time is not what they paid for, so until the start
 * everything goes back to who leaves.
 */
export async function rescheduleSeats(tx: Tx, { id, startsAt, endsAt }: EventRow): Promise<BookingRow[]> {
  return tx
    .update(bookings)
    .set({
      startsAt,
      endsAt,
      claimed: range({ from: startsAt.getTime(), to: endsAt.getTime() }),
      firstStartsAt: startsAt,
      holdExpiresAt: sql`least(${bookings.holdExpiresAt}, (SELECT e.starts_at FROM events e WHERE e.id = ${id}))`,
      cancellation: [{ hoursBefore: 0, refundPercent: 100 }],
    })
    .where(standingAt(id))
    .returning()
}

type Ended = { booking: BookingRow; backMinor: number }

/** Ends every place of an event that will not take place: whatever was paid goes back whole. */
export const cancelSeats = (tx: Tx, { id }: EventRow): Promise<Ended[]> => endWhole(tx, standingAt(id))

/** Cancels places not by their owners' doing, and gives back all that was paid of them. */
async function endWhole(tx: Tx, which: SQL | undefined): Promise<Ended[]> {
  const ended = await tx.update(bookings).set({ status: 'cancelled' }).where(which).returning()
  const settled: Ended[] = []
  for (const row of ended) {
    const booking = await applyCancellation(tx, row, { from: 'confirmed', own: false, now: Date.now() })
    settled.push({ booking, backMinor: booking.refundedMinor - row.refundedMinor })
  }
  return settled
}

const standingAt = (eventId: string) =>
  and(eq(bookings.attendsEventId, eventId), sql`${bookings.status} IN ('held', 'confirmed')`)
