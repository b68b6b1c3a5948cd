import { eq, sql } from 'drizzle-orm'
import type { Context } from '../../context'
import type { Db, Tx } from '../../db/client'
import { type BookingRow, bookings } from '../../db/schema'
import { notFound } from '../../errors'
import { MINUTE, type Millis } from '../../lib/time'
import { type CalendarKey, calendarId } from '../../schemas/slots'
import { calendarsOf, type Outcome, withCalendarLocks } from '../calendar/change-calendars'
import { eventsChanged, withLocationLocks } from '../calendar/change-location'
import { findStale } from './allocate'
import {
  expireUnpaidSeats,
  findEvent,
  followBooking,
  mergeSeatChanges,
  NO_SEAT_CHANGES,
  type SeatChanges,
} from './event-seats'

/** A calendar that must be locked is not: it came in between the look and the lock. The next look will see it. */
export class LockMissError extends Error {}

type LockOptions = {
  /** Further calendars that may be touched, of a booking that was looked at without a lock. */
  also?: (seen: BookingRow) => Promise<CalendarKey[]>
  lockOwner?: boolean
  /** Runs in the same transaction, before any calendar is locked. */
  first?: (tx: Tx) => Promise<void>
}

/**
 * Runs with the calendars of a booking locked, its row as it stands under those locks, and the database's time. Runs again
 * where it throws `Elsewhere`. For a place at an event it is the event's location that is locked, and the place follows.
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

/** A booking and the database's time, read under whatever is locked. @throws NOT_FOUND, also for the claim of an event */
export async function readBooking(tx: Tx, id: string): Promise<{ row: BookingRow; now: Millis }> {
  const [found] = await tx
    .select({ row: bookings, now: sql`epoch_ms(clock_timestamp())`.mapWith(Number) })
    .from(bookings)
    .where(eq(bookings.id, id))
  if (!found || found.row.kind === 'event') throw notFound('booking')
  return found
}

/** What nobody has paid for in time is given on first, so that whoever is late meets the places as they are. */
async function withSeatLock<T>(
  ctx: Context,
  { id, locationId, userId }: BookingRow,
  run: (tx: Tx, row: BookingRow, now: Millis, locked: CalendarKey[]) => Promise<Outcome<T>>,
  { lockOwner, first }: LockOptions,
): Promise<T> {
  const locks = { first, person: lockOwner ? userId : undefined, locations: [locationId] }
  return withLocationLocks(ctx, locks, async (tx) => {
    const { attendsEventId } = (await readBooking(tx, id)).row
    const ended: SeatChanges = attendsEventId
      ? await expireUnpaidSeats(tx, await findEvent(tx, attendsEventId))
      : NO_SEAT_CHANGES
    const { row, now } = await readBooking(tx, id)
    const outcome = await run(tx, row, now, [])
    const { moved, ...followed } = await followBooking(tx, row)
    const changed = moved || ended.bookings.length > 0 ? [eventsChanged(locationId)] : []
    return { ...outcome, ...mergeSeatChanges(ended, { ...outcome, notices: [] }, followed), changed }
  })
}

/**
 * What has ended may come back, by a payment, also where the clock has not said yet that it ended: then the stale holds in
 * its way are ended, on all their calendars.
 */
async function staleCalendars(db: Db, seen: BookingRow): Promise<CalendarKey[]> {
  const ends =
    seen.status === 'held' && seen.holdExpiresAt && seen.holdExpiresAt.getTime() < Date.now() + MINUTE
  if (seen.status !== 'expired' && !ends) return []
  return (await findStale(db, calendarsOf(seen), seen.claimed, seen.id)).calendars
}

/** Whether all of some calendars are among those that are locked. */
export function includesAll(locked: CalendarKey[], keys: CalendarKey[]): boolean {
  const ids = new Set(locked.map(calendarId))
  return keys.every((key) => ids.has(calendarId(key)))
}
