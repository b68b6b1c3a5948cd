import { and, eq, sql } from 'drizzle-orm'
import type Stripe from 'stripe'
import type { Context } from '../../context'
import type { Tx } from '../../db/client'
import { type BookingRow, type PaymentRow, payments, type RefundRow, refunds } from '../../db/schema'
import { AppError, notFound } from '../../errors'
import { fromStripeAmount } from '../../lib/money'
import { isStripeDown, isStripeRefusal } from '../../lib/stripe'
import type { Millis } from '../../lib/time'
import { paymentView } from '../../schemas/payments'
import type { CalendarKey } from '../../schemas/slots'
import { topicOf } from '../../schemas/socket-messages'
import { paymentNotifications } from '../bookings/booking-notifications'
import { recalculateTotals } from '../bookings/refunds'
import { withBookingLock } from '../bookings/with-booking-lock'
import type { Outcome } from '../calendar/change-calendars'
import { notify, withdraw } from '../notifications/notify'
import { settlePayment } from './settle-payment'

/** What Stripe holds of one payment at this moment. */
type StripeSnapshot = { intent: Stripe.PaymentIntent; refunds: Stripe.Refund[] }
/** A payment as it stands after Stripe was asked, with its booking; no intent where none was made yet. */
export type PaymentState = { payment: PaymentRow; booking: BookingRow; intent: Stripe.PaymentIntent | null }

type SyncOptions = {
  /** What is to be done at Stripe first; it answers the intent's id where the payment has none yet. It may run again. */
  act?: (payment: PaymentRow, tx: Tx) => Promise<string | null | undefined>
  /** What is to be true exactly where the outcome is. */
  also?: (tx: Tx) => Promise<void>
}

/**
 * The one way to learn and to write down what became of a payment: locks its row, does at Stripe what is to be done, asks
 * Stripe for everything it holds, then locks the calendar of the booking and writes it all down in the same transaction.
 * Idempotent, and never a step backwards: the return page, the webhook, the jobs and the reconciliation all call it.
 * A payment's lock always comes before a calendar's, and Stripe is never waited for under a calendar's.
 * @throws NOT_FOUND, UNAVAILABLE while Stripe does not answer
 */
export async function syncPayment(
  ctx: Context,
  paymentId: string,
  { act, also }: SyncOptions = {},
): Promise<PaymentState> {
  const [seen] = await ctx.db
    .select({ bookingId: payments.bookingId })
    .from(payments)
    .where(eq(payments.id, paymentId))
  if (!seen) throw notFound('payment')
  try {
    const { state, news } = await ctx.stripe.withConcurrencyLimit(() => {
      let asked: { payment: PaymentRow; look: StripeSnapshot | null } | undefined
      const first = async (tx: Tx) => {
        const payment = await lockPayment(tx, paymentId)
        const intentId = (await act?.(payment, tx)) || payment.stripeIntentId
        asked = { payment, look: intentId ? await fetchAndCancel(ctx, payment, intentId) : null }
      }
      return withBookingLock(
        ctx,
        seen.bookingId,
        async (tx, booking, now, locked) => {
          if (!asked) throw new Error('Stripe was not asked')
          await also?.(tx)
          return saveSnapshot(tx, asked.payment, asked.look, booking, { now, locked })
        },
        { first },
      )
    })
    // After the commit: a lost message is healed by the next look at the payment.
    if (news) ctx.publish(topicOf.user(state.booking.userId), { type: 'payment_update', payment: news })
    return state
  } catch (error) {
    if (!isStripeDown(error)) throw error
    throw new AppError('UNAVAILABLE', 'Stripe does not answer. Please try again.', { cause: error })
  }
}

async function lockPayment(tx: Tx, id: string): Promise<PaymentRow> {
  const [payment] = await tx.select().from(payments).where(eq(payments.id, id)).for('no key update')
  if (!payment) throw notFound('payment')
  return payment
}

/** What is over for us is over there: where a server died before it said so, whoever looks next does. */
async function fetchAndCancel(
  ctx: Context,
  { status }: PaymentRow,
  intentId: string,
): Promise<StripeSnapshot> {
  const look = await fetchSnapshot(ctx, intentId)
  if (status !== 'cancelled' || ['canceled', 'succeeded'].includes(look.intent.status)) return look
  await cancelAtStripe(ctx, intentId)
  return fetchSnapshot(ctx, intentId)
}

/** What cannot be cancelled was paid or cancelled before, and the look that follows tells which. */
export async function cancelAtStripe(ctx: Context, intentId: string): Promise<void> {
  try {
    await ctx.stripe.api().paymentIntents.cancel(intentId)
  } catch (error) {
    if (!isStripeRefusal(error)) throw error
  }
}

async function fetchSnapshot(ctx: Context, intentId: string): Promise<StripeSnapshot> {
  const stripe = ctx.stripe.api()
  const intent = await stripe.paymentIntents.retrieve(intentId, { expand: ['latest_charge'] })
  if (intent.status !== 'succeeded') return { intent, refunds: [] }
  const list = stripe.refunds.list({ payment_intent: intentId, limit: 100 })
  return { intent, refunds: await list.autoPagingToArray({ limit: 10_000 }) }
}

type Recorded = { state: PaymentState; news: ReturnType<typeof paymentView> | null }

async function saveSnapshot(
  tx: Tx,
  payment: PaymentRow,
  look: StripeSnapshot | null,
  row: BookingRow,
  { now, locked }: { now: Millis; locked: CalendarKey[] },
): Promise<Outcome<Recorded>> {
  if (!look) return unchanged({ payment, booking: row, intent: null })
  const { intent } = look
  const status = forward(payment.status, statusOf(intent))
  const arrived = status === 'succeeded' && payment.status !== 'succeeded'
  const charge = typeof intent.latest_charge === 'object' ? intent.latest_charge : null
  const [seen] = await tx
    .update(payments)
    .set({
      stripeIntentId: intent.id,
      status,
      receivedMinor: status === 'succeeded' ? fromStripeAmount(intent.amount_received, payment.currency) : 0,
      failureCode: intent.last_payment_error?.decline_code ?? intent.last_payment_error?.code ?? null,
      disputed: payment.disputed || (charge?.disputed ?? false),
      updatedAt: sql`clock_timestamp()`,
    })
    .where(eq(payments.id, payment.id))
    .returning()
  if (!seen) throw notFound('payment')

  const refundsMoved = await saveRefunds(tx, seen, row, look.refunds)
  if (!arrived && !refundsMoved && status === payment.status)
    return unchanged({ payment: seen, booking: await recalculateTotals(tx, row.id), intent })
  const summed = await recalculateTotals(tx, row.id)
  const settled = arrived
    ? await settlePayment(tx, seen, summed, { now, locked })
    : { booking: summed, touched: [], bookings: [summed] }
  const refundedMinor = await refundedOf(tx, seen.id)
  return {
    result: {
      state: { payment: seen, booking: settled.booking, intent },
      news: paymentView({ ...seen, refundedMinor }),
    },
    touched: settled.touched,
    bookings: settled.bookings,
  }
}

const unchanged = (state: PaymentState): Outcome<Recorded> => ({
  result: { state, news: null },
  touched: [],
  bookings: [],
})

async function refundedOf(tx: Tx, paymentId: string): Promise<number> {
  const [sum] = await tx
    .select({ minor: sql`coalesce(sum(${refunds.amountMinor}), 0)`.mapWith(Number) })
    .from(refunds)
    .where(and(eq(refunds.paymentId, paymentId), sql`${refunds.status} <> 'failed'`))
  return sum?.minor ?? 0
}

function statusOf(intent: Stripe.PaymentIntent): PaymentRow['status'] {
  switch (intent.status) {
    case 'succeeded':
      return 'succeeded'
    case 'canceled':
      return 'cancelled'
    case 'processing':
    case 'requires_capture':
      return 'processing'
    default:
      return intent.last_payment_error ? 'failed' : 'pending'
  }
}

/** What is paid stays paid, and what is cancelled is over: an answer that was overtaken changes neither. */
function forward(from: PaymentRow['status'], to: PaymentRow['status']): PaymentRow['status'] {
  const rank = (status: PaymentRow['status']) => (status === 'succeeded' ? 2 : status === 'cancelled' ? 1 : 0)
  return rank(to) >= rank(from) ? to : from
}

/** Brings our refunds to what Stripe says of them, and writes down those that were made there. @returns whether any moved */
async function saveRefunds(
  tx: Tx,
  payment: PaymentRow,
  row: BookingRow,
  atStripe: Stripe.Refund[],
): Promise<boolean> {
  const ours = await tx.select().from(refunds).where(eq(refunds.paymentId, payment.id)).orderBy(refunds.id)
  let moved = false
  for (const refund of atStripe) {
    const known = ours.find(({ stripeRefundId }) => stripeRefundId === refund.id)
    const asked = ours.find(({ id, stripeRefundId }) => id === refund.metadata?.refundId && !stripeRefundId)
    const status = refundStatusOf(refund)
    const now = known ?? asked
    const seen = { status, stripeRefundId: refund.id, failureCode: refund.failure_reason ?? null }
    if (!now) {
      const amountMinor = fromStripeAmount(refund.amount, payment.currency)
      ours.push(
        ...(await tx
          .insert(refunds)
          .values({ ...seen, paymentId: payment.id, amountMinor, reason: 'made at Stripe' })
          .returning()),
      )
    } else if ((now.status !== status && now.status !== 'failed') || !now.stripeRefundId) {
      await tx
        .update(refunds)
        .set({ ...seen, updatedAt: sql`clock_timestamp()` })
        .where(eq(refunds.id, now.id))
      Object.assign(now, seen)
    } else continue
    moved = true
    await notifyRefund(tx, payment, row, refund)
  }
  return (await dropImpossible(tx, payment, ours)) || moved
}

/** Of a refund that is on its way nobody hears before it is made, or has failed; then both sides do. */
async function notifyRefund(
  tx: Tx,
  { currency }: PaymentRow,
  row: BookingRow,
  refund: Stripe.Refund,
): Promise<void> {
  const status = refundStatusOf(refund)
  if (status === 'requested') return
  if (status === 'failed') await withdraw(tx, { kind: 'refund_made', source: refund.id, bookingId: row.id })
  await notify(
    tx,
    ...paymentNotifications(row, {
      kind: status === 'failed' ? 'refund_failed' : 'refund_made',
      source: refund.id,
      amountMinor: fromStripeAmount(refund.amount, currency),
      currency,
    }),
  )
}

/** A refund that Stripe has no money left for, since it was made there by hand meanwhile, will never be made. */
async function dropImpossible(tx: Tx, payment: PaymentRow, ours: RefundRow[]): Promise<boolean> {
  const made = ours.filter(({ stripeRefundId, status }) => stripeRefundId && status !== 'failed')
  let left = payment.receivedMinor - made.reduce((sum, { amountMinor }) => sum + amountMinor, 0)
  let dropped = false
  for (const refund of ours.filter(
    ({ stripeRefundId, status }) => !stripeRefundId && status === 'requested',
  )) {
    left -= refund.amountMinor
    if (left >= 0) continue
    left += refund.amountMinor
    dropped = true
    await tx
      .update(refunds)
      .set({ status: 'failed', failureCode: 'already_refunded' })
      .where(eq(refunds.id, refund.id))
  }
  return dropped
}

function refundStatusOf({ status }: Stripe.Refund): RefundRow['status'] {
  if (status === 'succeeded') return 'succeeded'
  return status === 'failed' || status === 'canceled' ? 'failed' : 'requested'
}
