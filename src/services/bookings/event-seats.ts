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

/** How long a user promoted from the waitlist has to pay. The start of the event ends it early. */
const TIME_TO_PAY_SECONDS = 12 * 3600
const BATCH = 200

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
 * Holds a seat for each user, at most until the start of the event, with its present price and cancellation policy. The
 * event's location must be locked, and enough seats must be free.
 */
export async function holdSeats(
  tx: Tx,
  event: EventRow,
  userIds: string[],
  { holdSeconds, source = 'system' }: { holdSeconds: number; source?: Source },
): Promise<BookingRow[]> {
  if (userIds.length === 0) return []
  const { id, locationId, startsAt, endsAt, priceMinor, currency, cancellation } = event
  const seat = {
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
  for (let done = 0; done < userIds.length; done += BATCH) {
    const batch = userIds.slice(done, done + BATCH).map((userId) => ({ ...seat, userId }))
    held.push(...(await tx.insert(bookings).values(batch).returning()))
  }
  await setSeats(tx, held, 'held')
  return held
}

async function setSeats(tx: Tx, seats: BookingRow[], status: 'held' | 'attending'): Promise<void> {
  await tx.execute(sql`
    INSERT INTO event_attendees (event_id, user_id, status, booking_id)
    SELECT b.attends_event_id, b.user_id, ${status}, b.id FROM bookings b
    WHERE b.id = ANY(${uuidArray(seats.map(({ id }) => id))})
    ON CONFLICT (event_id, user_id) DO UPDATE SET status = excluded.status, booking_id = excluded.booking_id`)
}

/**
 * Gives free seats to waiting users in order, or holds the seats that must be paid. The event's location must be locked.
 */
export async function promoteFromWaitlist(tx: Tx, event: EventRow): Promise<SeatChanges> {
  const next = await tx.execute<{ userId: string; position: string }>(sql`
    SELECT a.user_id AS "userId", a.position FROM event_attendees a JOIN events e ON e.id = a.event_id
    WHERE a.event_id = ${event.id} AND a.status = 'waiting' AND (e.price_minor = 0 OR e.starts_at > clock_timestamp())
    ORDER BY a.position
    LIMIT (SELECT coalesce(e.capacity - e.attending - e.held, e.waiting) FROM events e WHERE e.id = ${event.id})`)
  const mustPay = ({ userId }: { userId: string }) => event.priceMinor > 0 && userId !== event.creatorId
  const free = next.filter((entry) => !mustPay(entry))
  const paying = next.filter(mustPay).map(({ userId }) => userId)
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
        // A user who leaves and waits again has a new position, and so gets a new notification.
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

export const aboutEvent = ({ id, title, startsAt, locationId }: EventRow) => ({
  eventId: id,
  title,
  startsAt,
  locationId,
})

/** Expires unpaid seats, notifies their users and promotes the waitlist. The event's location must be locked. */
export async function expireUnpaidSeats(tx: Tx, event: EventRow): Promise<SeatChanges> {
  const expired = await tx
    .update(bookings)
    .set({ status: 'expired' })
    .where(
      sql`${bookings.attendsEventId} = ${event.id} AND ${bookings.status} = 'held' AND ${bookings.holdExpiresAt} <= clock_timestamp()`,
    )
    .returning()
  if (expired.length === 0) return NO_SEAT_CHANGES
  const ids = expired.map(({ id }) => id)
  await tx.delete(eventAttendees).where(sql`${eventAttendees.bookingId} = ANY(${uuidArray(ids)})`)
  const notices = expired.map(({ id, userId }) => ({
    userId,
    kind: 'event_place_lost' as const,
    source: id,
    ...aboutEvent(event),
  }))
  return mergeSeatChanges({ bookings: expired, notices }, await promoteFromWaitlist(tx, event))
}

/**
 * Expires unpaid seats and promotes the waitlists. Safe to run on any number of servers at once.
 * @returns the number of expired seats
 */
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
      const changes = event ? await expireUnpaidSeats(tx, event) : NO_SEAT_CHANGES
      const result = changes.bookings.filter(({ status }) => status === 'expired').length
      const changed = result > 0 ? [eventsChanged(locationId)] : []
      return { result, touched: [], ...changes, changed }
    }),
  )
}

/**
 * Turns held seats into free ones after the event's price was removed, and refunds what was paid for them. The event's
 * location must be locked.
 */
export async function giveSeats(tx: Tx, event: EventRow): Promise<SeatChanges> {
  const held = (
    await cancelWithFullRefund(tx, and(eq(bookings.attendsEventId, event.id), eq(bookings.status, 'held')))
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
 * Updates a seat after a transition of its booking: a confirmed booking attends, a cancelled or expired one frees the seat for
 * the waitlist. The event's location must be locked.
 * @param before the booking before the transition
 */
export async function followBooking(
  tx: Tx,
  before: BookingRow,
): Promise<SeatChanges & { hasChanged: boolean }> {
  const [row] = await tx.select().from(bookings).where(eq(bookings.id, before.id))
  if (!row?.attendsEventId || row.status === before.status) return { ...NO_SEAT_CHANGES, hasChanged: false }
  if (row.status === 'confirmed') await setSeats(tx, [row], 'attending')
  if (row.status !== 'cancelled' && row.status !== 'expired') return { ...NO_SEAT_CHANGES, hasChanged: true }
  await tx.delete(eventAttendees).where(eq(eventAttendees.bookingId, row.id))
  return { ...(await promoteFromWaitlist(tx, await findEvent(tx, row.attendsEventId))), hasChanged: true }
}

/**
 * Decides if a late payment still gets its seat: the event has a price, was not rescheduled and has not started, a seat is
 * free, and the user has no other seat there.
 */
export async function isSeatFree(tx: Tx, { id }: Pick<BookingRow, 'id'>): Promise<boolean> {
  const [seat] = await tx.execute<{ free: boolean }>(sql`
    SELECT e.price_minor > 0 AND e.starts_at > clock_timestamp() AND e.starts_at = b.starts_at AND e.ends_at = b.ends_at
        AND coalesce(e.attending + e.held < e.capacity, true)
        AND NOT EXISTS (SELECT FROM event_attendees a WHERE a.event_id = e.id AND a.user_id = b.user_id) AS free
    FROM bookings b JOIN events e ON e.id = b.attends_event_id WHERE b.id = ${id}`)
  return seat?.free ?? false
}

/**
 * Reschedules the seats of a rescheduled event. Until the new start they can be cancelled with a full refund, since the users
 * paid for another time.
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
    .where(activeSeatsAt(id))
    .returning()
}

type CancelledSeat = { booking: BookingRow; backMinor: number }

/** Cancels all active seats of an event with a full refund. */
export const cancelSeats = (tx: Tx, { id }: EventRow): Promise<CancelledSeat[]> =>
  cancelWithFullRefund(tx, activeSeatsAt(id))

async function cancelWithFullRefund(tx: Tx, condition: SQL | undefined): Promise<CancelledSeat[]> {
  const cancelled = await tx.update(bookings).set({ status: 'cancelled' }).where(condition).returning()
  const refunded: CancelledSeat[] = []
  for (const row of cancelled) {
    const booking = await applyCancellation(tx, row, { from: 'confirmed', own: false, now: Date.now() })
    refunded.push({ booking, backMinor: booking.refundedMinor - row.refundedMinor })
  }
  return refunded
}

const activeSeatsAt = (eventId: string) =>
  and(eq(bookings.attendsEventId, eventId), sql`${bookings.status} IN ('held', 'confirmed')`)
