import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Context } from '../../context'
import { type RefundRow, refunds } from '../../db/schema'
import { toStripeAmount } from '../../lib/money'
import { isStripeRefusal, isStuckOnKey } from '../../lib/stripe'
import { syncPayment } from './sync-payment'

/**
 * Creates a requested refund at Stripe. Searches Stripe for our refund id first, because idempotency keys expire there
 * after a day. Safe to run any number of times, on any number of servers.
 */
export async function processRefund(ctx: Context, { refundId }: { refundId: string }): Promise<void> {
  const [requested] = await ctx.db.select().from(refunds).where(eq(refunds.id, refundId))
  if (requested?.status !== 'requested' || requested.stripeRefundId) return
  try {
    await syncPayment(ctx, requested.paymentId, {
      callStripe: async (payment, tx) => {
        const [refund] = await tx
          .select()
          .from(refunds)
          .where(
            and(eq(refunds.id, refundId), eq(refunds.status, 'requested'), isNull(refunds.stripeRefundId)),
          )
        if (!refund || !payment.stripeIntentId || (await isCreated(ctx, payment.stripeIntentId, refundId)))
          return
        const failureCode = await createAtStripe(ctx, payment.stripeIntentId, refund, payment.currency)
        if (failureCode)
          await tx.update(refunds).set({ status: 'failed', failureCode }).where(eq(refunds.id, refundId))
      },
    })
  } catch (error) {
    // Stripe replays some errors for the same idempotency key.
    if (error instanceof Error && (isStuckOnKey(error) || isStuckOnKey(error.cause)))
      await ctx.db
        .update(refunds)
        .set({ attempt: sql`${refunds.attempt} + 1` })
        .where(eq(refunds.id, refundId))
    throw error
  }
  const [after] = await ctx.db.select().from(refunds).where(eq(refunds.id, refundId))
  if (after?.status === 'requested' && !after.stripeRefundId)
    throw new Error('refund was not created at Stripe')
}

async function isCreated(ctx: Context, intentId: string, refundId: string): Promise<boolean> {
  for await (const refund of ctx.stripe.api().refunds.list({ payment_intent: intentId, limit: 100 }))
    if (refund.metadata?.refundId === refundId) return true
  return false
}

/** @returns the code of a permanent failure. null if the sync that follows will find or fail the refund. */
async function createAtStripe(
  ctx: Context,
  intentId: string,
  refund: RefundRow,
  currency: string,
): Promise<string | null> {
  try {
    await ctx.stripe.api().refunds.create(
      {
        payment_intent: intentId,
        amount: toStripeAmount(refund.amountMinor, currency),
        metadata: { refundId: refund.id },
      },
      { idempotencyKey: `refund:${refund.id}:${refund.attempt}` },
    )
    return null
  } catch (error) {
    if (!isStripeRefusal(error)) throw error
    ctx.log.error({ error, refundId: refund.id }, 'refund refused by Stripe')
    if (error.code === 'charge_disputed') return error.code
    if (error.code === 'charge_already_refunded' || error.param === 'amount') return null
    throw error
  }
}
