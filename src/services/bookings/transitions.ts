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

export type TransitionRole = 'customer' | 'specialist' | 'admin' | 'payment' | 'clock'

type Transition = {
  from: BookingStatus
  to: BookingStatus
  by: readonly TransitionRole[]
  cause: ChangeCause
  /** Returns a refusal if the booking does not allow the transition now. */
  unless?: (row: BookingRow, now: Millis) => AppError | null
}

/** All allowed transitions. A trigger in the database enforces the same list. */
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

/**
 * Changes a booking's status under the lock of its calendars and publishes the change.
 * @throws NOT_FOUND if the actor may not see the booking, NOT_ALLOWED if only other roles may make the transition,
 *   NOT_CANCELLABLE or INVALID_STATE if there is no such transition, and the refusal of its condition
 */
export async function transition(ctx: Context, id: string, to: BookingStatus): Promise<Booking> {
  return withBookingLock(ctx, id, async (tx, row, now, locked) => {
    if (rolesInBooking(ctx.actor, row).length === 0) throw notFound('booking')
    return applyTransition(tx, ctx.actor, row, to, now, locked)
  })
}

/**
 * Changes the status of a booking that was read under the lock of its calendars, also as part of a larger change, such as a
 * payment. A booking that needs approval becomes `pending` instead of `confirmed`.
 */
export async function applyTransition(
  tx: Tx,
  actor: Actor,
  row: BookingRow,
  requested: BookingStatus,
  now: Millis,
  locked: CalendarKey[] = calendarsOf(row),
): Promise<Outcome<Booking>> {
  const needsApproval = row.answerHours !== null && (row.status === 'held' || row.status === 'expired')
  const to = requested === 'confirmed' && needsApproval ? 'pending' : requested
  const { cause } = findTransition(actor, row, to, now)
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
  const updated = await applyCancellation(tx, changed, { from: row.status, own, now })
  const refundMinor = updated.refundedMinor - changed.refundedMinor
  await notify(
    tx,
    ...transitionNotifications(updated, { from: row.status, by: sideOf(actor, row), refundMinor }),
  )
  const touched = [row, ...expired].flatMap((each) => touchesOf(each, cause))
  return { result: bookingView(updated), touched, bookings: [updated, ...expired] }
}

/** Finds the transition if the actor may make it now. @throws as `transition` does */
export function findTransition(actor: Actor, row: BookingRow, to: BookingStatus, now: Millis): Transition {
  const found = TRANSITIONS.find((candidate) => candidate.from === row.status && candidate.to === to)
  if (!found) throw transitionRefusal(row.status, to)
  if (!rolesInBooking(actor, row).some((role) => found.by.includes(role))) {
    // Only a payment revives an expired hold.
    if (row.status === 'expired') throw holdExpired()
    throw new AppError('NOT_ALLOWED', `You are not allowed to mark this booking as ${formatStatus(to)}.`)
  }
  const refusal = found.unless?.(row, now)
  if (refusal) throw refusal
  return found
}

/** The booking's unit. An expired hold has lost its claim and takes any unit that is still free. */
async function unitOf(tx: Tx, row: BookingRow, locked: CalendarKey[]) {
  if (row.status !== 'expired') return { unit: row.unit, expired: [] }
  const replacement = await findReplacementUnit(tx, row)
  if (!replacement) throw timeRefusal('SLOT_TAKEN')
  const stale = await findStale(tx, calendarsOf(row), row.claimed, row.id)
  if (!includesAll(locked, stale.calendars)) throw new LockMissError()
  return { unit: replacement.unit, expired: await expireHolds(tx, stale.ids) }
}

/** Finds a free unit for an expired hold; undefined if there is none or its specialist is busy. */
export async function findReplacementUnit(
  tx: Tx,
  row: Pick<BookingRow, 'id' | 'spaceId'>,
): Promise<{ unit: number | null } | undefined> {
  const [replacement] = await tx.execute<{ unit: number | null; specialist: boolean }>(
    sql`SELECT CASE WHEN s.id IS NOT NULL THEN free_unit(s.id, s.units, b.claimed, clock_timestamp(), b.id) END AS unit,
        b.specialist_id IS NULL OR specialist_free(b.specialist_id, b.claimed, clock_timestamp(), b.id) AS specialist
      FROM bookings b LEFT JOIN spaces s ON s.id = b.space_id WHERE b.id = ${row.id}`,
  )
  const isAvailable = replacement?.specialist && (row.spaceId === null || replacement.unit !== null)
  return isAvailable ? { unit: replacement.unit } : undefined
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

function holdEndedOrUnpaid(row: BookingRow, now: Millis): AppError | null {
  if (!row.holdExpiresAt || row.holdExpiresAt.getTime() <= now) return holdExpired()
  return unpaid(row)
}

function unpaid(row: BookingRow): AppError | null {
  if (row.paidMinor - row.refundedMinor >= amountToConfirm(row)) return null
  return new AppError('PAYMENT_REQUIRED', 'This booking must be paid before it is confirmed.')
}

/** Amount in minor units to pay before confirmation: the deposit or else the price, less the part paid with points. */
export const amountToConfirm = ({
  depositMinor,
  priceMinor,
  pointsMinor,
}: Pick<BookingRow, 'depositMinor' | 'priceMinor' | 'pointsMinor'>): number =>
  Math.max(0, (depositMinor || priceMinor) - pointsMinor)

function holdRuns({ holdExpiresAt }: BookingRow, now: Millis): AppError | null {
  return holdExpiresAt && holdExpiresAt.getTime() > now
    ? new AppError('TOO_EARLY', 'This hold has not expired yet.')
    : null
}

/** Applies even if the sweep has not declined the booking yet. */
function unanswered({ answerBy }: BookingRow, now: Millis): AppError | null {
  return answerBy && answerBy.getTime() <= now
    ? new AppError('TOO_LATE', 'The time to answer this booking has passed.')
    : null
}

function started({ startsAt }: BookingRow, now: Millis): AppError | null {
  return startsAt.getTime() <= now
    ? new AppError('NOT_CANCELLABLE', 'A booking that has started cannot be cancelled.')
    : null
}

function notStarted({ startsAt }: BookingRow, now: Millis): AppError | null {
  return startsAt.getTime() >= now ? new AppError('TOO_EARLY', 'This booking has not started yet.') : null
}

function notOver(row: BookingRow, now: Millis): AppError | null {
  return claimedPeriod(row).to > now ? new AppError('TOO_EARLY', 'This booking has not ended yet.') : null
}

/** The actor's roles in a booking; empty if the actor may not see it, and for the claim of an event. */
export function rolesInBooking(
  actor: Actor,
  row: Pick<BookingRow, 'userId' | 'specialistUserId' | 'kind'>,
): TransitionRole[] {
  if (row.kind === 'event') return []
  if (actor.kind === 'clock' || actor.kind === 'payment') return [actor.kind]
  if (actor.kind !== 'user') return []
  return [
    ...(row.userId === actor.id ? ['customer' as const] : []),
    ...(row.specialistUserId === actor.id && actor.role !== 'customer' ? ['specialist' as const] : []),
    ...(actor.role === 'admin' ? ['admin' as const] : []),
  ]
}
