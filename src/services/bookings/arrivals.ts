import { eq, sql } from 'drizzle-orm'
import { type Deps, systemContext } from '../../context'
import type { Tx } from '../../db/client'
import { type BookingRow, bookings, spaces } from '../../db/schema'
import { AppError, notFound } from '../../errors'
import { MINUTE } from '../../lib/time'
import type { CalendarKey } from '../../schemas/slots'
import { calendarsOf } from '../calendar/change-calendars'
import { runForEach } from '../shared/run-each'
import { applyTransition } from './transitions'
import { includesAll, withBookingLock } from './with-booking-lock'

/** Nobody arrives for a booking earlier than this before its start. */
const EARLY = 60 * MINUTE
const BATCH = 200

/**
 * Records that a person has come for his booking, whose calendars are locked. A second time changes nothing.
 * @throws NOT_FOUND, TOO_EARLY more than an hour before the start, TOO_LATE after the end, INVALID_STATE where it is not
 *   confirmed or was moved elsewhere in the meantime
 */
export async function recordArrival(
  tx: Tx,
  userId: string,
  bookingId: string,
  place: { locationId: string; calendars: CalendarKey[] },
): Promise<BookingRow> {
  const [found] = await tx
    .select({ row: bookings, now: sql`epoch_ms(clock_timestamp())`.mapWith(Number) })
    .from(bookings)
    .where(eq(bookings.id, bookingId))
  if (found?.row.userId !== userId) throw notFound('booking')
  const { row, now } = found
  if (row.locationId !== place.locationId || !includesAll(place.calendars, calendarsOf(row)))
    throw new AppError('INVALID_STATE', 'This booking was moved just now. Please try again.')
  if (row.status !== 'confirmed')
    throw new AppError('INVALID_STATE', `Nobody can arrive for a booking that is ${row.status}.`)
  if (row.endsAt.getTime() <= now) throw new AppError('TOO_LATE', 'This booking is over.')
  if (row.startsAt.getTime() - EARLY > now)
    throw new AppError('TOO_EARLY', 'This booking begins more than an hour from now.')
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
 * Whose time began, or was booked after that, longer ago than the space waits, who has not come, and who was not at the
 * location either since an hour before the start: who has been there and stepped out has come.
 */
const missed = sql`${bookings.status} = 'confirmed' AND ${bookings.kind} = 'booking' AND ${bookings.arrivedAt} IS NULL
  AND ${bookings.endsAt} > clock_timestamp()
  AND greatest(${bookings.startsAt}, ${bookings.bookedAt}) + make_interval(mins => ${spaces.arrivalGraceMinutes}) <= clock_timestamp()
  AND NOT EXISTS (SELECT FROM check_ins c WHERE c.user_id = ${bookings.userId} AND c.location_id = ${bookings.locationId}
    AND (c.until IS NULL OR c.until > ${bookings.startsAt} - make_interval(secs => ${EARLY / 1000}::int)))`

/**
 * Frees the rest of what was booked where nobody came within the grace of the space, which counts as a no-show. Each
 * booking is decided again under the lock of its calendar, so it is safe on any number of servers and against arrivals.
 * @returns how many did not come
 */
export async function markMissedArrivals(deps: Deps): Promise<number> {
  const ctx = systemContext(deps, 'clock')
  const due = await deps.db
    .select({ id: bookings.id })
    .from(bookings)
    .innerJoin(spaces, eq(spaces.id, bookings.spaceId))
    .where(missed)
    .orderBy(bookings.startsAt)
    .limit(BATCH)
  return runForEach(deps, due, async ({ id }) => {
    const gone = await withBookingLock(ctx, id, async (tx, row, now) => {
      if (!(await isMissed(tx, id))) return { result: null, touched: [], bookings: [] }
      return applyTransition(tx, ctx.actor, row, 'no_show', now)
    }).catch(ignoreMissing)
    return gone ? 1 : 0
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

/** Its person may have been deleted, and the booking with him, since it was seen. */
function ignoreMissing(error: unknown): null {
  if (error instanceof AppError && error.reason === 'NOT_FOUND') return null
  throw error
}
