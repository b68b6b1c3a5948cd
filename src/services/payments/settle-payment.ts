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

/** The database's time, and the calendars that are locked. */
type Under = { now: Millis; locked: CalendarKey[] }
type Settled = Omit<Outcome<unknown>, 'result'>

/**
 * Decides, once for each payment, what money that has arrived is for: it makes a hold a booking, takes the time back that
 * it came too late for, or pays what is still owed. What it is not needed for goes back, and its payer is told.
 * Of what is kept both sides are told.
 * The payment and the booking's calendars are locked; the sums on the booking count the payment already.
 */
export async function settlePayment(
  tx: Tx,
  payment: PaymentRow,
  row: BookingRow,
  under: Under,
): Promise<Settled & { booking: BookingRow }> {
  const { keptMinor, touched, bookings: changed } = await allocatePayment(tx, payment, row, under)
  const surplus = payment.receivedMinor - keptMinor
  if (surplus > 0) {
    await requestRefund(tx, payment, surplus, keptMinor > 0 ? 'more than was due' : 'not needed any more')
    await notify(tx, {
      userId: row.userId,
      kind: 'payment_returned',
      bookingId: row.id,
      source: payment.id,
      amountMinor: surplus,
      currency: payment.currency,
    })
  }
  if (keptMinor > 0) {
    const { id: source, currency } = payment
    const money = { kind: 'payment_received', source, amountMinor: keptMinor, currency } as const
    await notify(tx, ...paymentNotifications(row, money))
  }
  const booking = await recalculateTotals(tx, row.id)
  return { booking, touched, bookings: [...changed.filter(({ id }) => id !== row.id), booking] }
}

const NO_CHANGES = { keptMinor: 0, touched: [], bookings: [] }

async function allocatePayment(
  tx: Tx,
  payment: PaymentRow,
  row: BookingRow,
  under: Under,
): Promise<Settled & { keptMinor: number }> {
  if (payment.currency !== row.currency) return NO_CHANGES
  if (row.status === 'held' || row.status === 'expired') {
    // The points that were to pay a part of it have gone back with the hold, or do when it is swept.
    const hold = isRunning(row, under.now) ? row : { ...row, redeemedPoints: 0, pointsMinor: 0 }
    const before = row.paidMinor - row.refundedMinor - payment.receivedMinor
    const due = amountToConfirm(hold) - before
    if (due <= 0 || payment.receivedMinor < due) return NO_CHANGES
    const { taken, ...settled } = await takeTime(tx, hold, under)
    if (!taken) return { ...settled, keptMinor: 0 }
    const balanceDueMinor = hold.priceMinor - hold.pointsMinor - amountToConfirm(hold)
    await tx.update(bookings).set({ balanceDueMinor }).where(eq(bookings.id, row.id))
    return { ...settled, keptMinor: due }
  }
  const keptMinor = Math.min(payment.receivedMinor, row.balanceDueMinor)
  if (keptMinor > 0) {
    await tx
      .update(bookings)
      .set({ balanceDueMinor: row.balanceDueMinor - keptMinor })
      .where(eq(bookings.id, row.id))
  }
  return { ...NO_CHANGES, keptMinor }
}

const PAYMENT = { kind: 'payment' } as const
const CLOCK = { kind: 'clock' } as const

/**
 * Makes a paid hold a booking, or asks its specialist where that is needed; one that has ended gets its time back where
 * its specialist and any unit of it are free.
 */
async function takeTime(
  tx: Tx,
  row: BookingRow,
  { now, locked }: Under,
): Promise<Settled & { taken: boolean }> {
  if (isRunning(row, now))
    return { ...(await applyTransition(tx, PAYMENT, row, 'confirmed', now, locked)), taken: true }

  const ended = row.status === 'held' ? await applyTransition(tx, CLOCK, row, 'expired', now) : undefined
  const touched = ended?.touched ?? []
  if (!(await canRevive(tx, row, now))) return { taken: false, touched, bookings: [] }
  const stands = await applyTransition(tx, PAYMENT, { ...row, status: 'expired' }, 'confirmed', now, locked)
  return { taken: true, touched: [...touched, ...stands.touched], bookings: stands.bookings }
}

const isRunning = ({ status, holdExpiresAt }: BookingRow, now: Millis): boolean =>
  status === 'held' && holdExpiresAt !== null && holdExpiresAt.getTime() > now

/** Closures that came meanwhile, and a space, specialist or owner that is no more, make a time impossible to get back. */
async function canRevive(tx: Tx, row: BookingRow, now: Millis): Promise<boolean> {
  const hasLeft = !(await findUser(tx, eq(users.id, row.userId)))
  if (row.startsAt.getTime() <= now || hasLeft) return false
  if (row.kind === 'attendance') return isSeatFree(tx, row)
  const time = { from: row.startsAt.getTime(), to: row.endsAt.getTime() }
  for (const key of calendarsOf(row)) {
    const closures = await closuresOf(tx, key, row)
    if (!closures || closures.some((closure) => overlap(closure, time))) return false
  }
  return (await findReplacementUnit(tx, row)) !== undefined
}

/** None at all where the calendar is no longer in use. */
async function closuresOf(tx: Tx, key: CalendarKey, row: BookingRow) {
  try {
    const { rules } = await readCalendar(tx, key, withReach(claimedPeriod(row)))
    return rules.closures
  } catch (error) {
    if (error instanceof AppError && error.reason === 'NOT_FOUND') return undefined
    throw error
  }
}
