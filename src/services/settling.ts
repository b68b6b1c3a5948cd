import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Tx } from '../db/client'
import { type BookingRow, bookings, type PaymentRow, spaces } from '../db/schema'
import { type Millis, overlap } from '../time'
import { readCalendar, withReach } from './boards'
import { claimedPeriod, findUnit, type Outcome } from './calendar'
import { dueToStand, moveUnderLock } from './moves'
import { notify } from './notifications'
import { requestRefund, sumUp } from './refunds'

type Settled = Omit<Outcome<unknown>, 'result'>

/**
 * Decides, once for each payment, what money that has arrived is for: it makes a hold a booking, takes the time back that
 * it came too late for, or pays what is still owed. What it is not needed for goes back, and the person is told.
 * The payment and the booking's calendar are locked; the sums on the booking count the payment already.
 */
export async function settlePayment(
  tx: Tx,
  payment: PaymentRow,
  row: BookingRow,
  now: Millis,
): Promise<Settled & { booking: BookingRow }> {
  const { keptMinor, touched, bookings: changed } = await keepWhatIsDue(tx, payment, row, now)
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
  const booking = await sumUp(tx, row.id)
  return { booking, touched, bookings: [...changed.filter(({ id }) => id !== row.id), booking] }
}

const NOTHING = { keptMinor: 0, touched: [], bookings: [] }

async function keepWhatIsDue(
  tx: Tx,
  payment: PaymentRow,
  row: BookingRow,
  now: Millis,
): Promise<Settled & { keptMinor: number }> {
  if (payment.currency !== row.currency) return NOTHING
  if (row.status === 'held' || row.status === 'expired') {
    const before = row.paidMinor - row.refundedMinor - payment.receivedMinor
    const due = dueToStand(row) - before
    if (due <= 0 || payment.receivedMinor < due) return NOTHING
    const { taken, ...settled } = await takeTime(tx, row, now)
    if (!taken) return { ...settled, keptMinor: 0 }
    const balanceDueMinor = row.priceMinor - dueToStand(row)
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
  return { ...NOTHING, keptMinor }
}

const PAYMENT = { kind: 'payment' } as const
const CLOCK = { kind: 'clock' } as const

/** Where a booking goes once what is due for it was paid. */
const statusOncePaid = (_row: BookingRow) => 'confirmed' as const

/** Makes a paid hold a booking; one that has ended gets its time back where any unit of it is free. */
async function takeTime(tx: Tx, row: BookingRow, now: Millis): Promise<Settled & { taken: boolean }> {
  const runs = row.status === 'held' && row.holdExpiresAt && row.holdExpiresAt.getTime() > now
  if (runs) return { ...(await moveUnderLock(tx, PAYMENT, row, statusOncePaid(row), now)), taken: true }

  const ended = row.status === 'held' ? await moveUnderLock(tx, CLOCK, row, 'expired', now) : undefined
  const { unit, expired } = await freeUnitAgain(tx, row, now)
  const touched = [
    ...(ended?.touched ?? []),
    ...expired.flatMap((other) =>
      other.spaceId
        ? [{ spaceId: other.spaceId, period: claimedPeriod(other), cause: 'expired' as const }]
        : [],
    ),
  ]
  const lost = row.startsAt.getTime() <= now || (row.spaceId !== null && unit === null)
  if (lost || (await isSpecialistTaken(tx, row))) return { taken: false, touched, bookings: expired }
  const stands = await moveUnderLock(tx, PAYMENT, { ...row, status: 'expired' }, statusOncePaid(row), now)
  return { taken: true, touched: [...touched, ...stands.touched], bookings: [...expired, ...stands.bookings] }
}

const NO_UNIT = { unit: null, expired: [] }

/** Closures that came meanwhile, and a space that went out of use, make a time impossible to get back. */
async function freeUnitAgain(tx: Tx, row: BookingRow, now: Millis) {
  const { spaceId } = row
  if (!spaceId) return NO_UNIT
  const [space] = await tx
    .select({ units: spaces.units })
    .from(spaces)
    .where(and(eq(spaces.id, spaceId), isNull(spaces.removedAt)))
  if (!space) return NO_UNIT
  const claimed = claimedPeriod(row)
  const { rules } = await readCalendar(tx, spaceId, withReach(claimed))
  const time = { from: row.startsAt.getTime(), to: row.endsAt.getTime() }
  if (rules.closures.some((closure) => overlap(closure, time))) return NO_UNIT
  return findUnit(tx, { spaceId, units: space.units, claimed, now, booking: row.id })
}

async function isSpecialistTaken(tx: Tx, row: BookingRow): Promise<boolean> {
  if (!row.specialistId) return false
  const [other] = await tx
    .select({ id: bookings.id })
    .from(bookings)
    .where(
      sql`${bookings.specialistId} = ${row.specialistId} AND ${bookings.status} IN ('held', 'pending', 'confirmed')
        AND ${bookings.claimed} && ${row.claimed}::tstzrange AND ${bookings.id} <> ${row.id}`,
    )
    .limit(1)
  return other !== undefined
}
