import { and, desc, eq, sql } from 'drizzle-orm'
import type { Tx } from '../../db/client'
import type { RefundRow } from '../../db/schema'
import {
  type BookingRow,
  type BookingStatus,
  bookings,
  type CancellationTier,
  type PaymentRow,
  payments,
  refunds,
} from '../../db/schema'
import { shareOf } from '../../lib/money'
import type { Millis } from '../../lib/time'
import { enqueue } from '../jobs/jobs'

const HOUR: Millis = 3_600_000

type Cancellation = { from: BookingStatus; own: boolean; now: Millis }

/**
 * What a booking's end means for its money, written by the transaction that ends it: a refund by the policy frozen on it
 * where its owner cancels, of everything where somebody else does, and nothing is owed any more. A hold gives back whatever
 * had arrived for it. Points go back by the same share as money does. The calendar must be locked.
 * @param ending from which state it was moved, and whether by its owner
 * @returns the booking as it stands then
 */
export async function applyCancellation(
  tx: Tx,
  row: BookingRow,
  { from, own, now }: Cancellation,
): Promise<BookingRow> {
  if (!['cancelled', 'declined', 'no_show'].includes(row.status)) return row
  const left = row.paidMinor - row.refundedMinor
  const refundable = row.status === 'no_show' ? 0 : cancellationRefund(row, { from, own, now })
  if (refundable > 0) await requestRefunds(tx, row, refundable, cancellationReason(row.status, own))
  const back = row.status === 'no_show' ? 0 : cancellationPoints(row, { from, own, now })
  if (row.balanceDueMinor > 0 || back > 0) {
    const kept = pointsLeft(row, back)
    await tx
      .update(bookings)
      .set({ balanceDueMinor: 0, ...kept })
      .where(eq(bookings.id, row.id))
  }
  return left > 0 || back > 0 || row.balanceDueMinor > 0 ? recalculateTotals(tx, row.id) : row
}

/** What comes back where a booking is cancelled or declined now. */
export function cancellationRefund(row: BookingRow, { from, own, now }: Cancellation): number {
  const left = row.paidMinor - row.refundedMinor
  return from === 'held' || !own ? left : left - retainedByPolicy(row, now)
}

/** How many of the points that pay for a booking come back where it is cancelled or declined now. */
export function cancellationPoints(row: BookingRow, { from, own, now }: Cancellation): number {
  if (from === 'held' || !own) return row.redeemedPoints
  return Math.round((row.redeemedPoints * percentNow(row, now)) / 100)
}

/** What points still pay for where so many of them go back. */
function pointsLeft({ redeemedPoints, pointsMinor }: BookingRow, back: number) {
  const left = redeemedPoints - back
  return {
    redeemedPoints: left,
    pointsMinor: redeemedPoints > 0 ? Math.floor((pointsMinor * left) / redeemedPoints) : 0,
  }
}

const cancellationReason = (status: BookingStatus, own: boolean) =>
  status === 'declined'
    ? 'the booking was declined'
    : own
      ? 'cancelled by the customer'
      : 'cancelled for the customer'

/**
 * How much of what was paid stays, when its owner cancels now; what was given back before counts against it. What came in
 * excess of what the booking cost, such as money for what points have paid meanwhile, is none of the policy's.
 */
function retainedByPolicy(row: BookingRow, now: Millis): number {
  const cost = Math.min(row.paidMinor, row.priceMinor - row.pointsMinor - row.balanceDueMinor)
  const excess = row.paidMinor - cost
  const back = shareOf(cost, percentNow(row, now), row.currency)
  return Math.max(0, cost - Math.max(back, row.refundedMinor - excess))
}

const percentNow = ({ cancellation, firstStartsAt }: BookingRow, now: Millis) =>
  refundPercent(cancellation, (firstStartsAt.getTime() - now) / HOUR)

/** The tier with the most hours that still fits counts; where none does, nothing is given back. */
export function refundPercent(tiers: CancellationTier[], hoursBefore: number): number {
  const fitting = tiers.filter((tier) => hoursBefore >= tier.hoursBefore)
  const [best] = fitting.sort((a, b) => b.hoursBefore - a.hoursBefore)
  return best?.refundPercent ?? 0
}

/** Spreads a refund over what was paid, the last payment first. @returns what was requested, which sums to the amount */
export async function requestRefunds(
  tx: Tx,
  row: BookingRow,
  amountMinor: number,
  reason: string | null,
): Promise<RefundRow[]> {
  const paid = await tx
    .select({ payment: payments, refunded: refundedOf })
    .from(payments)
    .where(
      and(
        eq(payments.bookingId, row.id),
        eq(payments.currency, row.currency),
        sql`${payments.receivedMinor} > 0`,
      ),
    )
    .orderBy(desc(payments.id))
  const requested: RefundRow[] = []
  let left = amountMinor
  for (const { payment, refunded } of paid) {
    const part = Math.min(left, payment.receivedMinor - refunded)
    if (part <= 0) continue
    requested.push(await requestRefund(tx, payment, part, reason))
    left -= part
  }
  if (left > 0) throw new Error(`the booking ${row.id} has ${left} less to give back than it says`)
  return requested
}

/** Writes down a refund of one payment and the job that makes it. The calendar of its booking must be locked. */
export async function requestRefund(
  tx: Tx,
  payment: Pick<PaymentRow, 'id'>,
  amountMinor: number,
  reason: string | null,
): Promise<RefundRow> {
  const [refund] = await tx.insert(refunds).values({ paymentId: payment.id, amountMinor, reason }).returning()
  if (!refund) throw new Error('the refund was not inserted')
  await enqueue(tx, 'make-refund', { refundId: refund.id }, { key: `make-refund:${refund.id}` })
  return refund
}

/** What of a payment has gone back, or is on its way. */
export const refundedOf = sql`coalesce((
  SELECT sum(r.amount_minor)::int FROM refunds r WHERE r.payment_id = ${payments.id} AND r.status <> 'failed'), 0)`.mapWith(
  Number,
)

/** Writes on the booking what its payments and refunds sum to. The calendar must be locked. */
export async function recalculateTotals(tx: Tx, bookingId: string): Promise<BookingRow> {
  const [row] = await tx
    .update(bookings)
    .set({
      paidMinor: sql`(SELECT coalesce(sum(p.received_minor), 0) FROM payments p
        WHERE p.booking_id = ${bookings.id} AND p.currency = ${bookings.currency})`,
      refundedMinor: sql`(SELECT coalesce(sum(r.amount_minor), 0) FROM refunds r JOIN payments p ON p.id = r.payment_id
        WHERE p.booking_id = ${bookings.id} AND p.currency = ${bookings.currency} AND r.status <> 'failed')`,
    })
    .where(eq(bookings.id, bookingId))
    .returning()
  if (!row) throw new Error('the booking of a payment is gone')
  return row
}
