import { and, eq, gte, inArray, isNull, lt, or, sql } from 'drizzle-orm'
import type { Context } from '../../context'
import { bookings, payments, refunds } from '../../db/schema'
import { iso } from '../../lib/time'
import { enqueue } from '../jobs/jobs'
import type { Correct, Difference, Period } from './difference'
import { reviewPayment } from './payment-intents'
import { syncPayment } from './sync-payment'

/** Finds open payments whose booking no longer needs them, including those that never reached Stripe. */
export async function leftOpen(
  ctx: Context,
  { from, until }: Period,
  correct: Correct,
): Promise<Difference[]> {
  const rows = await ctx.db
    .select({ payment: payments, status: bookings.status })
    .from(payments)
    .innerJoin(bookings, eq(bookings.id, payments.bookingId))
    .where(
      and(
        inArray(payments.status, ['pending', 'processing', 'failed']),
        or(sql`${bookings.status} <> 'held'`, sql`${bookings.holdExpiresAt} < clock_timestamp()`),
        or(sql`${payments.kind} <> 'balance'`, eq(bookings.balanceDueMinor, 0)),
        gte(payments.createdAt, from),
        lt(payments.createdAt, until),
      ),
    )
  const differences: Difference[] = []
  for (const { payment, status } of rows) {
    const { id: paymentId, bookingId, stripeIntentId: stripeId } = payment
    const difference = {
      kind: 'payment_left_open' as const,
      bookingId,
      paymentId,
      stripeId,
      ours: payment.status,
      stripes: `the booking is ${status}`,
    }
    differences.push(await correct(difference, () => reviewPayment(ctx, { paymentId })))
  }
  return differences
}

/** Finds requested refunds that were never created at Stripe. */
export async function waitingRefunds(
  ctx: Context,
  { from, until }: Period,
  correct: Correct,
): Promise<Difference[]> {
  const rows = await ctx.db
    .select({ refund: refunds, bookingId: payments.bookingId })
    .from(refunds)
    .innerJoin(payments, eq(payments.id, refunds.paymentId))
    .where(
      and(
        eq(refunds.status, 'requested'),
        isNull(refunds.stripeRefundId),
        gte(refunds.createdAt, from),
        lt(refunds.createdAt, until),
      ),
    )
  const differences: Difference[] = []
  for (const { refund, bookingId } of rows) {
    const difference = {
      kind: 'refund_waits' as const,
      bookingId,
      paymentId: refund.paymentId,
      stripeId: null,
      ours: `requested ${refund.amountMinor}`,
      stripes: 'nothing',
    }
    const requeue = () =>
      enqueue(ctx.db, 'make-refund', { refundId: refund.id }, { key: `make-refund:${refund.id}` })
    differences.push(await correct(difference, requeue))
  }
  return differences
}

/** Finds bookings whose totals differ from the sums of their payments and refunds. */
export async function wrongSums(
  ctx: Context,
  { from, until }: Period,
  correct: Correct,
): Promise<Difference[]> {
  const rows = await ctx.db.execute<{ id: string; payment: string; ours: string; sums: string }>(sql`
    SELECT b.id, s.payment, b.paid_minor || ' paid, ' || b.refunded_minor || ' refunded' AS ours,
           s.paid || ' paid, ' || s.back || ' refunded' AS sums
    FROM bookings b
    JOIN LATERAL (
      SELECT min(p.id::text) AS payment, coalesce(sum(p.received_minor), 0) AS paid,
             coalesce(sum((SELECT sum(r.amount_minor) FROM refunds r WHERE r.payment_id = p.id AND r.status <> 'failed')), 0) AS back
      FROM payments p WHERE p.booking_id = b.id AND p.currency = b.currency) s ON s.payment IS NOT NULL
    WHERE b.id IN (SELECT booking_id FROM payments WHERE created_at >= ${iso(from)} AND created_at < ${iso(until)})
      AND (b.paid_minor, b.refunded_minor) IS DISTINCT FROM (s.paid, s.back)`)
  const differences: Difference[] = []
  for (const { id, payment, ours, sums } of rows) {
    const difference = {
      kind: 'sums_differ' as const,
      bookingId: id,
      paymentId: payment,
      stripeId: null,
      ours,
      stripes: sums,
    }
    differences.push(await correct(difference, () => syncPayment(ctx, payment)))
  }
  return differences
}
