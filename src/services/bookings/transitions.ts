import { and, eq, sql } from 'drizzle-orm'
import type { Actor } from '../../actor'
import type { Context } from '../../context'
import type { Tx } from '../../db/client'
import { type BookingRow, type BookingStatus, bookings } from '../../db/schema'
import { range } from '../../db/sql'
import { AppError, notFound } from '../../errors'
import type { Millis } from '../../lib/time'
import { type Booking, bookingView } from '../../schemas/bookings'
import type { CalendarKey } from '../../schemas/slots'
import type { ChangeCause } from '../../schemas/socket-messages'
import { calendarsOf, claimedPeriod, type Outcome, touchesOf } from '../calendar/change-calendars'
import { notify } from '../notifications/notify'
import { expireHolds, findStale } from './allocate'
import { sideOf, transitionNotifications } from './booking-notifications'
import { holdExpired } from './hold'
import { timeRefusal } from './quote'
import { applyCancellation } from './refunds'
import { includesAll, LockMissError, withBookingLock } from './with-booking-lock'

/** In which capacity somebody moves a booking. */
export type TransitionRole = 'customer' | 'specialist' | 'admin' | 'payment' | 'clock'

type Transition = {
  from: BookingStatus
  to: BookingStatus
  by: readonly TransitionRole[]
  cause: ChangeCause
  /** What must be true of the booking, and the refusal where it is not. */
  unless?: (row: BookingRow, now: Millis) => AppError | null
}

/** Every way in which a booking may change its state. Nothing else is possible, here or in the database. */
export const TRANSITIONS: readonly Transition[] = [
  { from: 'held', to: 'confirmed', by: ['customer', 'payment'], cause: 'booked', unless: holdEndedOrUnpaid },
  { from: 'held', to: 'pending', by: ['customer', 'payment'], cause: 'booked', unless: holdEndedOrUnpaid },
  { from: 'held', to: 'cancelled', by: ['customer', 'admin'], cause: 'released' },
  { from: 'held', to: 'expired', by: ['clock'], cause: 'expired', unless: holdRuns },
  { from: 'expired', to: 'confirmed', by: ['payment'], cause: 'booked', unless: unpaid },
  { from: 'expired', to: 'pending', by: ['payment'], cause: 'booked', unless: unpaid },
  { from: 'pending', to: 'confirmed', by: ['specialist', 'admin'], cause: 'booked', unless: unanswered },
  { from: 'pending', to: 'declined', by: ['specialist', 'admin', 'clock'], cause: 'cancelled' },
  {
    from: 'pending',
    to: 'cancelled',
    by: ['customer', 'specialist', 'admin'],
    cause: 'cancelled',
    unless: started,
  },
  {
    from: 'confirmed',
    to: 'cancelled',
    by: ['customer', 'specialist', 'admin'],
    cause: 'cancelled',
    unless: started,
  },
  {
    from: 'confirmed',
    to: 'completed',
    by: ['clock', 'specialist', 'admin'],
    cause: 'completed',
    unless: notOver,
  },
  {
    from: 'confirmed',
    to: 'no_show',
    by: ['specialist', 'admin', 'clock'],
    cause: 'completed',
    unless: notStarted,
  },
]

function holdEndedOrUnpaid(row: BookingRow, now: Millis): AppError | null {
  if (!row.holdExpiresAt || row.holdExpiresAt.getTime() <= now) return holdExpired()
  return unpaid(row)
}

function unpaid(row: BookingRow): AppError | null {
  if (row.paidMinor - row.refundedMinor >= amountToConfirm(row)) return null
  return new AppError('PAYMENT_REQUIRED', 'This booking must be paid before it is confirmed.')
}

/** What must be paid in money before a booking stands: the deposit where there is one, else the price, less what points pay. */
export const amountToConfirm = ({
  depositMinor,
  priceMinor,
  pointsMinor,
}: Pick<BookingRow, 'depositMinor' | 'priceMinor' | 'pointsMinor'>): number =>
  Math.max(0, (depositMinor || priceMinor) - pointsMinor)

function holdRuns({ holdExpiresAt }: BookingRow, now: Millis): AppError | null {
  return holdExpiresAt && holdExpiresAt.getTime() > now
    ? new AppError('TOO_EARLY', 'The hold has not ended yet.')
    : null
}

/** The clock has decided, whether it has come by yet or not. */
function unanswered({ answerBy }: BookingRow, now: Millis): AppError | null {
  return answerBy && answerBy.getTime() <= now
    ? new AppError('TOO_LATE', 'This was not answered in time, and is declined.')
    : null
}

function started({ startsAt }: BookingRow, now: Millis): AppError | null {
  return startsAt.getTime() <= now
    ? new AppError('NOT_CANCELLABLE', 'A booking that has begun cannot be cancelled.')
    : null
}

function notStarted({ startsAt }: BookingRow, now: Millis): AppError | null {
  return startsAt.getTime() >= now ? new AppError('TOO_EARLY', 'The booking has not begun yet.') : null
}

function notOver(row: BookingRow, now: Millis): AppError | null {
  return claimedPeriod(row).to > now ? new AppError('TOO_EARLY', 'The booking is not over yet.') : null
}

/**
 * In which capacities an actor may deal with a booking; none at all means that it is not theirs to see.
 */
export function rolesInBooking(
  actor: Actor,
  row: Pick<BookingRow, 'userId' | 'specialistUserId' | 'kind'>,
): TransitionRole[] {
  // The claim of an event moves with its event and is nobody's booking.
  if (row.kind === 'event') return []
  if (actor.kind === 'clock' || actor.kind === 'payment') return [actor.kind]
  if (actor.kind !== 'user') return []
  return [
    ...(row.userId === actor.id ? ['customer' as const] : []),
    ...(row.specialistUserId === actor.id && actor.role !== 'customer' ? ['specialist' as const] : []),
    ...(actor.role === 'admin' ? ['admin' as const] : []),
  ]
}

/**
 * Moves a booking to another state, under the lock of its calendar, and tells everyone who looks.
 * @throws NOT_FOUND where it is not the actor's to see, NOT_ALLOWED where another may and he may not, and what the
 *   move's own condition refuses; from a state that has no such move NOT_CANCELLABLE or INVALID_STATE
 */
export async function transition(ctx: Context, id: string, to: BookingStatus): Promise<Booking> {
  return withBookingLock(ctx, id, async (tx, row, now, locked) => {
    if (rolesInBooking(ctx.actor, row).length === 0) throw notFound('booking')
    return applyTransition(tx, ctx.actor, row, to, now, locked)
  })
}

/**
 * One move of a booking whose calendars are locked and whose row was read under those locks. Also the seam for whatever
 * moves a booking as a part of more, such as a payment that arrives. What would be confirmed, but needs its specialist's
 * yes first, becomes pending.
 */
export async function applyTransition(
  tx: Tx,
  actor: Actor,
  row: BookingRow,
  wanted: BookingStatus,
  now: Millis,
  locked: CalendarKey[] = calendarsOf(row),
): Promise<Outcome<Booking>> {
  const asks = row.answerHours !== null && (row.status === 'held' || row.status === 'expired')
  const to = wanted === 'confirmed' && asks ? 'pending' : wanted
  const move = findTransition(actor, row, to, now)
  const { unit, expired } = await unitOf(tx, row, locked)
  const before = claimedPeriod(row)
  const claimed = to === 'no_show' && before.to > now ? range({ from: before.from, to: now }) : row.claimed
  const [changed] = await tx
    .update(bookings)
    .set({ status: to, claimed, unit })
    .where(and(eq(bookings.id, row.id), eq(bookings.status, row.status)))
    .returning()
  if (!changed) throw transitionRefusal(row.status, to)
  const own = actor.kind === 'user' && actor.id === row.userId
  const moved = await applyCancellation(tx, changed, { from: row.status, own, now })
  const refundMinor = moved.refundedMinor - changed.refundedMinor
  await notify(
    tx,
    ...transitionNotifications(moved, { from: row.status, by: sideOf(actor, row), refundMinor }),
  )
  const touched = [row, ...expired].flatMap((left) => touchesOf(left, move.cause))
  return { result: bookingView(moved), touched, bookings: [moved, ...expired] }
}

/** The move of a booking to another state, for whoever may make it now. @throws as `moveBooking` does */
export function findTransition(actor: Actor, row: BookingRow, to: BookingStatus, now: Millis): Transition {
  const move = TRANSITIONS.find((candidate) => candidate.from === row.status && candidate.to === to)
  if (!move) throw transitionRefusal(row.status, to)
  if (!rolesInBooking(actor, row).some((capacity) => move.by.includes(capacity))) {
    // Only money revives a hold. To a person it is over, whether it was swept yet or not.
    if (row.status === 'expired') throw holdExpired()
    throw new AppError('NOT_ALLOWED', `This booking is not yours to make ${to.replace('_', '-')}.`)
  }
  const refusal = move.unless?.(row, now)
  if (refusal) throw refusal
  return move
}

/**
 * The place that a booking has; one that lost its own, because its hold had ended, takes any unit that is still free, and
 * its specialist.
 */
async function unitOf(tx: Tx, row: BookingRow, locked: CalendarKey[]) {
  if (row.status !== 'expired') return { unit: row.unit, expired: [] }
  const place = await findReplacementUnit(tx, row)
  if (!place) throw timeRefusal('SLOT_TAKEN')
  const stale = await findStale(tx, calendarsOf(row), row.claimed, row.id)
  if (!includesAll(locked, stale.calendars)) throw new LockMissError()
  return { unit: place.unit, expired: await expireHolds(tx, stale.ids) }
}

/** The place that a booking which lost its own could have again: any unit that is free, and its specialist. */
export async function findReplacementUnit(
  tx: Tx,
  row: Pick<BookingRow, 'id' | 'spaceId'>,
): Promise<{ unit: number | null } | undefined> {
  const [place] = await tx.execute<{ unit: number | null; specialist: boolean }>(
    sql`SELECT CASE WHEN s.id IS NOT NULL THEN free_unit(s.id, s.units, b.claimed, clock_timestamp(), b.id) END AS unit,
        b.specialist_id IS NULL OR specialist_free(b.specialist_id, b.claimed, clock_timestamp(), b.id) AS specialist
      FROM bookings b LEFT JOIN spaces s ON s.id = b.space_id WHERE b.id = ${row.id}`,
  )
  const has = place?.specialist && (row.spaceId === null || place.unit !== null)
  return has ? { unit: place.unit } : undefined
}

function transitionRefusal(from: BookingStatus, to: BookingStatus): AppError {
  if (to === 'cancelled')
    return new AppError('NOT_CANCELLABLE', `A booking that is ${formatStatus(from)} cannot be cancelled.`)
  return new AppError(
    'INVALID_STATE',
    `A booking that is ${formatStatus(from)} cannot become ${formatStatus(to)}.`,
  )
}

const formatStatus = (status: BookingStatus) => status.replace('_', '-')
