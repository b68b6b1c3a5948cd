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

/** `from` is the status before; `own` means that the customer cancels. */
type Cancellation = { from: BookingStatus; own: boolean; now: Millis }

/**
 * Refunds a cancelled or declined booking and clears its balance due. The booking's cancellation policy applies if its customer
 * cancels; a hold and a cancellation by anyone else are refunded in full, a no-show not at all. The same share of the
 * redeemed points is returned. The calendar must be locked.
 * @returns the booking with its new totals
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
    const points = pointsLeft(row, back)
    await tx
      .update(bookings)
      .set({ balanceDueMinor: 0, ...points })
      .where(eq(bookings.id, row.id))
  }
  return left > 0 || back > 0 || row.balanceDueMinor > 0 ? recalculateTotals(tx, row.id) : row
}

/** The refund, in minor units, if the booking is cancelled or declined now. */
export function cancellationRefund(row: BookingRow, { from, own, now }: Cancellation): number {
  const left = row.paidMinor - row.refundedMinor
  return from === 'held' || !own ? left : left - retainedByPolicy(row, now)
}

/** The points that are returned if the booking is cancelled or declined now. */
export function cancellationPoints(row: BookingRow, { from, own, now }: Cancellation): number {
  if (from === 'held' || !own) return row.redeemedPoints
  return Math.round((row.redeemedPoints * percentNow(row, now)) / 100)
}

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
 * The amount that the policy retains; earlier refunds count as part of its refund. The policy does not apply to a surplus, such
 * as a payment for a part that points had already paid.
 */
function retainedByPolicy(row: BookingRow, now: Millis): number {
  const cost = Math.min(row.paidMinor, row.priceMinor - row.pointsMinor - row.balanceDueMinor)
  const excess = row.paidMinor - cost
  const back = shareOf(cost, percentNow(row, now), row.currency)
  return Math.max(0, cost - Math.max(back, row.refundedMinor - excess))
}

const percentNow = ({ cancellation, firstStartsAt }: BookingRow, now: Millis) =>
  refundPercent(cancellation, (firstStartsAt.getTime() - now) / HOUR)

/** The matching tier with the most hours applies; without a match, the refund is 0 percent. */
export function refundPercent(tiers: CancellationTier[], hoursBefore: number): number {
  const matching = tiers.filter((tier) => hoursBefore >= tier.hoursBefore)
  const [best] = matching.sort((a, b) => b.hoursBefore - a.hoursBefore)
  return best?.refundPercent ?? 0
}

/** Spreads a refund over the booking's payments, latest first. @returns the requested refunds, which sum to the amount */
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
  if (left > 0) throw new Error(`booking ${row.id}: refund exceeds its payments by ${left}`)
  return requested
}

/** Writes a refund of one payment and adds the job that processes it. The booking's calendar must be locked. */
export async function requestRefund(
  tx: Tx,
  payment: Pick<PaymentRow, 'id'>,
  amountMinor: number,
  reason: string | null,
): Promise<RefundRow> {
  const [refund] = await tx.insert(refunds).values({ paymentId: payment.id, amountMinor, reason }).returning()
  if (!refund) throw new Error('refund insert returned no row')
  await enqueue(tx, 'make-refund', { refundId: refund.id }, { key: `make-refund:${refund.id}` })
  return refund
}

export const refundedOf = sql`coalesce((
  SELECT sum(r.amount_minor)::int FROM refunds r WHERE r.payment_id = ${payments.id} AND r.status <> 'failed'), 0)`.mapWith(
  Number,
)

/** Recalculates the paid and refunded totals of a booking. The calendar must be locked. */
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
  if (!row) throw new Error(`booking ${bookingId} not found`)
  return row
}
