import { eq, sql } from 'drizzle-orm'
import type { Context } from '../../context'
import type { Db, Tx } from '../../db/client'
import { type BookingRow, bookings } from '../../db/schema'
import { notFound } from '../../errors'
import { MINUTE, type Millis } from '../../lib/time'
import { type CalendarKey, calendarId } from '../../schemas/slots'
import { calendarsOf, type Outcome, withCalendarLocks } from '../calendar/change-calendars'
import { eventsChanged, type LocationLocks, withLocationLocks } from '../calendar/change-location'
import { findStale } from './allocate'
import {
  expireUnpaidSeats,
  findEvent,
  followBooking,
  mergeSeatChanges,
  NO_SEAT_CHANGES,
  type SeatChanges,
} from './event-seats'

/** A calendar that must be locked is not, because of a change between the first read and the locks. A retry sees it. */
export class LockMissError extends Error {}

type LockOptions = {
  /** Returns further calendars to lock, for the booking as it was read without a lock. */
  also?: (seen: BookingRow) => Promise<CalendarKey[]>
  lockOwner?: boolean
  first?: (tx: Tx) => Promise<void>
}

/**
 * Runs a change of a booking with its calendars locked, its row read under those locks, and the database's time. Retries on
 * `LockMissError`, up to five attempts in all. For a seat, locks the event's location and updates the seat afterwards.
 * @throws NOT_FOUND
 */
export async function withBookingLock<T>(
  ctx: Context,
  id: string,
  run: (tx: Tx, row: BookingRow, now: Millis, locked: CalendarKey[]) => Promise<Outcome<T>>,
  { also, lockOwner = false, first }: LockOptions = {},
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const [seen] = await ctx.db.select().from(bookings).where(eq(bookings.id, id))
    if (!seen) throw notFound('booking')
    if (seen.kind === 'attendance') return withSeatLock(ctx, seen, run, { lockOwner, first })
    const calendars = [
      ...calendarsOf(seen),
      ...(await staleCalendars(ctx.db, seen)),
      ...((await also?.(seen)) ?? []),
    ]
    try {
      return await withCalendarLocks(
        ctx,
        { first, userId: lockOwner ? seen.userId : undefined, calendars },
        async (tx) => {
          const { row, now } = await readBooking(tx, id)
          if (!includesAll(calendars, calendarsOf(row))) throw new LockMissError()
          return run(tx, row, now, calendars)
        },
      )
    } catch (error) {
      if (!(error instanceof LockMissError) || attempt >= 5) throw error
    }
  }
}

/** Reads a booking and the database's time. @throws NOT_FOUND, also for the claim of an event */
export async function readBooking(tx: Tx, id: string): Promise<{ row: BookingRow; now: Millis }> {
  const [found] = await tx
    .select({ row: bookings, now: sql`epoch_ms(clock_timestamp())`.mapWith(Number) })
    .from(bookings)
    .where(eq(bookings.id, id))
  if (!found || found.row.kind === 'event') throw notFound('booking')
  return found
}

/** Expires unpaid seats first, so that a late payment sees which seats are really free. */
async function withSeatLock<T>(
  ctx: Context,
  { id, locationId, userId }: BookingRow,
  run: (tx: Tx, row: BookingRow, now: Millis, locked: CalendarKey[]) => Promise<Outcome<T>>,
  { lockOwner, first }: LockOptions,
): Promise<T> {
  const locks: LocationLocks = { first, userId: lockOwner ? userId : undefined, locations: [locationId] }
  return withLocationLocks(ctx, locks, async (tx) => {
    const { attendsEventId } = (await readBooking(tx, id)).row
    const expired: SeatChanges = attendsEventId
      ? await expireUnpaidSeats(tx, await findEvent(tx, attendsEventId))
      : NO_SEAT_CHANGES
    const { row, now } = await readBooking(tx, id)
    const outcome = await run(tx, row, now, [])
    const { hasChanged, ...followed } = await followBooking(tx, row)
    const changed = hasChanged || expired.bookings.length > 0 ? [eventsChanged(locationId)] : []
    return { ...outcome, ...mergeSeatChanges(expired, { ...outcome, notices: [] }, followed), changed }
  })
}

/**
 * A payment can revive an expired hold, or one about to expire, and then expires the stale holds in its way. Their
 * calendars must be locked too.
 */
async function staleCalendars(db: Db, seen: BookingRow): Promise<CalendarKey[]> {
  const isEnding =
    seen.status === 'held' && seen.holdExpiresAt && seen.holdExpiresAt.getTime() < Date.now() + MINUTE
  if (seen.status !== 'expired' && !isEnding) return []
  return (await findStale(db, calendarsOf(seen), seen.claimed, seen.id)).calendars
}

export function includesAll(locked: CalendarKey[], keys: CalendarKey[]): boolean {
  const ids = new Set(locked.map(calendarId))
  return keys.every((key) => ids.has(calendarId(key)))
}
