import { eq } from 'drizzle-orm'
import type Stripe from 'stripe'
import type { Context } from '../../context'
import { bookings, type PaymentRow, payments, refunds } from '../../db/schema'
import { fromStripeAmount } from '../../lib/money'
import { iso } from '../../lib/time'
import { Id } from '../../schemas/common'
import type { Correct, Difference, Period } from './difference'
import { leftOpen, waitingRefunds, wrongSums } from './reconcile-local'
import { syncIntent } from './stripe-events'
import { syncPayment } from './sync-payment'

export type Reconciliation = {
  from: string
  to: string
  intents: number
  refunds: number
  differences: Difference[]
}

/** Younger records may still be processed by webhooks and jobs. */
const SETTLED_AFTER_MS = 120_000

/**
 * Compares a period with Stripe: intents and amounts received, refunds, disputes, refunds never made, payments left open,
 * and the totals of bookings. With `fix`, corrects everything except disputes, with the same code as the webhook.
 * @param options `from` and `to` compare creation times; records younger than `graceMs` are skipped
 */
export async function reconcile(
  ctx: Context,
  { from, to, fix, graceMs = SETTLED_AFTER_MS }: { from: Date; to: Date; fix: boolean; graceMs?: number },
): Promise<Reconciliation> {
  const until = new Date(Math.min(to.getTime(), Date.now() - graceMs))
  const correct = async (
    difference: Omit<Difference, 'mended'>,
    run: () => Promise<unknown>,
  ): Promise<Difference> => {
    if (!fix) return { ...difference, mended: false }
    try {
      await run()
      return { ...difference, mended: true }
    } catch (error) {
      ctx.log.error({ error, difference }, 'payment difference correction failed')
      return { ...difference, mended: false }
    }
  }
  const period = { from, until }
  const intents = await walkIntents(ctx, period, correct)
  const refunded = await walkRefunds(ctx, period, correct)
  const own = [...(await leftOpen(ctx, period, correct)), ...(await waitingRefunds(ctx, period, correct))]
  const disputes = await walkDisputes(ctx, period)
  const sums = await wrongSums(ctx, period, correct)
  return {
    from: iso(from),
    to: iso(to),
    intents: intents.count,
    refunds: refunded.count,
    differences: [...intents.differences, ...refunded.differences, ...own, ...disputes, ...sums],
  }
}

const createdIn = ({ from, until }: Period) => ({
  created: { gte: Math.floor(from.getTime() / 1000), lte: Math.ceil(until.getTime() / 1000) },
  limit: 100,
})

async function walkIntents(ctx: Context, period: Period, correct: Correct) {
  const differences: Difference[] = []
  let count = 0
  for await (const intent of ctx.stripe.api().paymentIntents.list(createdIn(period))) {
    // Other programs may use the same Stripe account.
    if (!intent.metadata.bookingId || !(await isOurs(ctx, intent.metadata.bookingId))) continue
    count += 1
    const [row] = await ctx.db.select().from(payments).where(eq(payments.stripeIntentId, intent.id))
    const ours = row && describePayment(row)
    const stripes = describeIntent(intent)
    if (ours === stripes) continue
    const difference = {
      kind: row ? ('payment_differs' as const) : ('unknown_intent' as const),
      bookingId: intent.metadata.bookingId,
      paymentId: row?.id ?? null,
      stripeId: intent.id,
      ours: ours ?? 'nothing',
      stripes,
    }
    differences.push(await correct(difference, () => syncIntent(ctx, intent.id)))
  }
  return { count, differences }
}

async function isOurs({ db }: Context, bookingId: string): Promise<boolean> {
  if (!Id.safeParse(bookingId).success) return false
  const [row] = await db.select({ id: bookings.id }).from(bookings).where(eq(bookings.id, bookingId))
  return row !== undefined
}

const describePayment = ({ status, receivedMinor, currency }: PaymentRow) =>
  `${status === 'succeeded' || status === 'cancelled' ? status : 'open'} ${receivedMinor} ${currency}`

function describeIntent({ status, amount_received, currency: code }: Stripe.PaymentIntent): string {
  const currency = code.toUpperCase()
  const received = status === 'succeeded' ? fromStripeAmount(amount_received, currency) : 0
  return `${status === 'succeeded' ? 'succeeded' : status === 'canceled' ? 'cancelled' : 'open'} ${received} ${currency}`
}

async function walkRefunds(ctx: Context, period: Period, correct: Correct) {
  const differences: Difference[] = []
  let count = 0
  for await (const refund of ctx.stripe.api().refunds.list(createdIn(period))) {
    const intentId = idOf(refund.payment_intent)
    const [payment] = intentId
      ? await ctx.db.select().from(payments).where(eq(payments.stripeIntentId, intentId))
      : []
    if (!payment) continue
    count += 1
    const [row] = await ctx.db.select().from(refunds).where(eq(refunds.stripeRefundId, refund.id))
    const ours = row ? `${row.status} ${row.amountMinor}` : 'nothing'
    const status =
      refund.status === 'succeeded'
        ? 'succeeded'
        : refund.status === 'failed' || refund.status === 'canceled'
          ? 'failed'
          : 'requested'
    const stripes = `${status} ${fromStripeAmount(refund.amount, payment.currency)}`
    if (ours === stripes) continue
    const { id: paymentId, bookingId } = payment
    const difference = {
      kind: 'refund_differs' as const,
      bookingId,
      paymentId,
      stripeId: refund.id,
      ours,
      stripes,
    }
    differences.push(await correct(difference, () => syncPayment(ctx, paymentId)))
  }
  return { count, differences }
}

const idOf = (value: string | { id: string } | null) =>
  typeof value === 'string' ? value : (value?.id ?? null)

async function walkDisputes(ctx: Context, period: Period): Promise<Difference[]> {
  const differences: Difference[] = []
  for await (const dispute of ctx.stripe.api().disputes.list(createdIn(period))) {
    const intentId = idOf(dispute.payment_intent)
    const [payment] = intentId
      ? await ctx.db.select().from(payments).where(eq(payments.stripeIntentId, intentId))
      : []
    if (!payment) continue
    differences.push({
      kind: 'dispute',
      bookingId: payment.bookingId,
      paymentId: payment.id,
      stripeId: dispute.id,
      ours: `${payment.status} ${payment.receivedMinor}`,
      stripes: `${dispute.status}, ${dispute.reason}`,
      mended: false,
    })
  }
  return differences
}
