import { eq, sql } from 'drizzle-orm'
import { type Deps, systemContext } from '../../context'
import type { Tx } from '../../db/client'
import { type BookingRow, bookings, spaces } from '../../db/schema'
import { AppError, notFound } from '../../errors'
import { MINUTE } from '../../lib/time'
import type { CalendarKey } from '../../schemas/slots'
import { calendarsOf } from '../calendar/change-calendars'
import { runForEach } from '../shared/run-each'
import { latestEnd } from './overlaps'
import { applyTransition } from './transitions'
import { includesAll, withBookingLock } from './with-booking-lock'

const CHECK_IN_OPENS_BEFORE = 60 * MINUTE
const BATCH = 200

/**
 * Records the user's arrival for a booking. Recording it again changes nothing.
 * @param locked the location and the calendars that the caller has locked
 * @throws NOT_FOUND, TOO_EARLY more than an hour before the start, TOO_LATE after the end, INVALID_STATE if the booking is
 *   not confirmed or was rescheduled before its calendars were locked
 */
export async function recordArrival(
  tx: Tx,
  userId: string,
  bookingId: string,
  locked: { locationId: string; calendars: CalendarKey[] },
): Promise<BookingRow> {
  const [found] = await tx
    .select({ row: bookings, now: sql`epoch_ms(clock_timestamp())`.mapWith(Number) })
    .from(bookings)
    .where(eq(bookings.id, bookingId))
  if (found?.row.userId !== userId) throw notFound('booking')
  const { row, now } = found
  if (row.locationId !== locked.locationId || !includesAll(locked.calendars, calendarsOf(row)))
    throw new AppError('INVALID_STATE', 'This booking was just rescheduled. Try again.')
  if (row.status !== 'confirmed')
    throw new AppError(
      'INVALID_STATE',
      `This booking is ${row.status}. Only a confirmed one can be checked in.`,
    )
  if (row.endsAt.getTime() <= now) throw new AppError('TOO_LATE', 'This booking has ended.')
  if (row.startsAt.getTime() - CHECK_IN_OPENS_BEFORE > now)
    throw new AppError('TOO_EARLY', 'You can check in from one hour before the start.')
  if (row.arrivedAt) return row
  const [arrived] = await tx
    .update(bookings)
    .set({ arrivedAt: sql`clock_timestamp()` })
    .where(eq(bookings.id, bookingId))
    .returning()
  if (!arrived) throw notFound('booking')
  return arrived
}

/**
 * No arrival within the space's grace, which runs from the start or the time of booking, whichever is later. A check-in at
 * the location at any time since an hour before the start counts as an arrival.
 */
const missed = sql`${bookings.status} = 'confirmed' AND ${bookings.kind} = 'booking' AND ${bookings.arrivedAt} IS NULL
  AND ${bookings.endsAt} > statement_timestamp()
  AND greatest(${bookings.startsAt}, ${bookings.bookedAt}) + make_interval(mins => ${spaces.arrivalGraceMinutes}) <= statement_timestamp()
  AND NOT EXISTS (SELECT FROM check_ins c WHERE c.user_id = ${bookings.userId} AND c.location_id = ${bookings.locationId}
    AND (c.until IS NULL OR c.until > ${bookings.startsAt} - make_interval(secs => ${CHECK_IN_OPENS_BEFORE / 1000}::int)))`

/**
 * Marks bookings without an arrival as no-shows and frees the rest of their time. Checks each booking again under its lock,
 * so it is safe on any number of servers at once and against arrivals.
 * @returns the number of no-shows
 */
export async function markMissedArrivals(deps: Deps): Promise<number> {
  const ctx = systemContext(deps, 'clock')
  const due = await deps.db
    .select({ id: bookings.id })
    .from(bookings)
    .innerJoin(spaces, eq(spaces.id, bookings.spaceId))
    .where(
      sql`${missed} AND ${bookings.startsAt} <= statement_timestamp() AND ${bookings.endsAt} <= ${latestEnd(sql`statement_timestamp()`)}`,
    )
    .orderBy(bookings.startsAt)
    .limit(BATCH)
  return runForEach(deps, due, async ({ id }) => {
    const marked = await withBookingLock(ctx, id, async (tx, row, now) => {
      if (!(await isMissed(tx, id))) return { result: null, touched: [], bookings: [] }
      return applyTransition(tx, ctx.actor, row, 'no_show', now)
    }).catch(ignoreMissing)
    return marked ? 1 : 0
  })
}

async function isMissed(tx: Tx, id: string): Promise<boolean> {
  const rows = await tx
    .select({ id: bookings.id })
    .from(bookings)
    .innerJoin(spaces, eq(spaces.id, bookings.spaceId))
    .where(sql`${bookings.id} = ${id} AND ${missed}`)
  return rows.length > 0
}

/** The user may have been deleted since the query, and the booking with the user. */
function ignoreMissing(error: unknown): null {
  if (error instanceof AppError && error.reason === 'NOT_FOUND') return null
  throw error
}
