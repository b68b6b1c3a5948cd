import { eq } from 'drizzle-orm'
import type { Tx } from '../../db/client'
import { type BookingRow, bookings, type PaymentRow, users } from '../../db/schema'
import { AppError } from '../../errors'
import { type Millis, overlap } from '../../lib/time'
import type { CalendarKey } from '../../schemas/slots'
import { paymentNotifications } from '../bookings/booking-notifications'
import { isSeatFree } from '../bookings/event-seats'
import { recalculateTotals, requestRefund } from '../bookings/refunds'
import { amountToConfirm, applyTransition, findReplacementUnit } from '../bookings/transitions'
import { readCalendar, withReach } from '../calendar/boards'
import { calendarsOf, claimedPeriod, type Outcome } from '../calendar/change-calendars'
import { notify } from '../notifications/notify'
import { findUser } from '../users/users'

/** `now` is the database's time; `locked` are the locked calendars. */
type LockState = { now: Millis; locked: CalendarKey[] }
type Settled = Omit<Outcome<unknown>, 'result'>

/**
 * Settles a payment that has just succeeded: confirms the hold, takes the time of an ended hold back, or pays the balance.
 * Refunds any surplus. The payment and the booking's calendars must be locked, and `row` must include the payment in its
 * totals. Must run once per payment.
 */
export async function settlePayment(
  tx: Tx,
  payment: PaymentRow,
  row: BookingRow,
  lock: LockState,
): Promise<Settled & { booking: BookingRow }> {
  const { appliedMinor, touched, bookings: changed } = await allocatePayment(tx, payment, row, lock)
  const surplus = payment.receivedMinor - appliedMinor
  if (surplus > 0) {
    await requestRefund(tx, payment, surplus, appliedMinor > 0 ? 'more than was due' : 'no longer needed')
    await notify(tx, {
      userId: row.userId,
      kind: 'payment_returned',
      bookingId: row.id,
      source: payment.id,
      amountMinor: surplus,
      currency: payment.currency,
    })
  }
  if (appliedMinor > 0) {
    const { id: source, currency } = payment
    const money = { kind: 'payment_received', source, amountMinor: appliedMinor, currency } as const
    await notify(tx, ...paymentNotifications(row, money))
  }
  const booking = await recalculateTotals(tx, row.id)
  return { booking, touched, bookings: [...changed.filter(({ id }) => id !== row.id), booking] }
}

const NO_CHANGES = { appliedMinor: 0, touched: [], bookings: [] }

async function allocatePayment(
  tx: Tx,
  payment: PaymentRow,
  row: BookingRow,
  lock: LockState,
): Promise<Settled & { appliedMinor: number }> {
  if (payment.currency !== row.currency) return NO_CHANGES
  if (row.status === 'held' || row.status === 'expired') {
    // An ended hold has returned its points, or returns them when it is swept.
    const hold = isRunning(row, lock.now) ? row : { ...row, redeemedPoints: 0, pointsMinor: 0 }
    const before = row.paidMinor - row.refundedMinor - payment.receivedMinor
    const due = amountToConfirm(hold) - before
    if (due <= 0 || payment.receivedMinor < due) return NO_CHANGES
    const { confirmed, ...settled } = await confirmOrRevive(tx, hold, lock)
    if (!confirmed) return { ...settled, appliedMinor: 0 }
    const balanceDueMinor = hold.priceMinor - hold.pointsMinor - amountToConfirm(hold)
    await tx.update(bookings).set({ balanceDueMinor }).where(eq(bookings.id, row.id))
    return { ...settled, appliedMinor: due }
  }
  const appliedMinor = Math.min(payment.receivedMinor, row.balanceDueMinor)
  if (appliedMinor > 0) {
    await tx
      .update(bookings)
      .set({ balanceDueMinor: row.balanceDueMinor - appliedMinor })
      .where(eq(bookings.id, row.id))
  }
  return { ...NO_CHANGES, appliedMinor }
}

const PAYMENT = { kind: 'payment' } as const
const CLOCK = { kind: 'clock' } as const

/** Confirms a paid hold. Revives one that has ended if its specialist and any unit of its space are free. */
async function confirmOrRevive(
  tx: Tx,
  row: BookingRow,
  { now, locked }: LockState,
): Promise<Settled & { confirmed: boolean }> {
  if (isRunning(row, now))
    return { ...(await applyTransition(tx, PAYMENT, row, 'confirmed', now, locked)), confirmed: true }

  const ended = row.status === 'held' ? await applyTransition(tx, CLOCK, row, 'expired', now) : undefined
  const touched = ended?.touched ?? []
  if (!(await canRevive(tx, row, now))) return { confirmed: false, touched, bookings: [] }
  const revived = await applyTransition(tx, PAYMENT, { ...row, status: 'expired' }, 'confirmed', now, locked)
  return { confirmed: true, touched: [...touched, ...revived.touched], bookings: revived.bookings }
}

const isRunning = ({ status, holdExpiresAt }: BookingRow, now: Millis): boolean =>
  status === 'held' && holdExpiresAt !== null && holdExpiresAt.getTime() > now

async function canRevive(tx: Tx, row: BookingRow, now: Millis): Promise<boolean> {
  const isDeleted = !(await findUser(tx, eq(users.id, row.userId)))
  if (row.startsAt.getTime() <= now || isDeleted) return false
  if (row.kind === 'attendance') return isSeatFree(tx, row)
  const time = { from: row.startsAt.getTime(), to: row.endsAt.getTime() }
  for (const key of calendarsOf(row)) {
    const closures = await closuresOf(tx, key, row)
    if (!closures || closures.some((closure) => overlap(closure, time))) return false
  }
  return (await findReplacementUnit(tx, row)) !== undefined
}

/** @returns undefined if the calendar was removed */
async function closuresOf(tx: Tx, key: CalendarKey, row: BookingRow) {
  try {
    const { rules } = await readCalendar(tx, key, withReach(claimedPeriod(row)))
    return rules.closures
  } catch (error) {
    if (error instanceof AppError && error.reason === 'NOT_FOUND') return undefined
    throw error
  }
}
