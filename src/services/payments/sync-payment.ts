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

type StripeSnapshot = { intent: Stripe.PaymentIntent; refunds: Stripe.Refund[] }
export type PaymentState = { payment: PaymentRow; booking: BookingRow; intent: Stripe.PaymentIntent | null }

type SyncOptions = {
  /** Runs first, under the payment's lock, and may return a new intent id. Must be idempotent: it can run again. */
  callStripe?: (payment: PaymentRow, tx: Tx) => Promise<string | null | undefined>
  alsoWrite?: (tx: Tx) => Promise<void>
}

/**
 * Brings a payment, its refunds and its booking to the state that Stripe has now. Idempotent; the return page, the webhook,
 * the jobs and the reconciliation all call it.
 *
 * Lock order: the payment, then the booking's calendars. All calls to Stripe happen before a calendar is locked.
 * @throws NOT_FOUND, UNAVAILABLE if Stripe does not respond
 */
export async function syncPayment(
  ctx: Context,
  paymentId: string,
  { callStripe, alsoWrite }: SyncOptions = {},
): Promise<PaymentState> {
  const [seen] = await ctx.db
    .select({ bookingId: payments.bookingId })
    .from(payments)
    .where(eq(payments.id, paymentId))
  if (!seen) throw notFound('payment')
  try {
    const { state, update } = await ctx.stripe.withConcurrencyLimit(() => {
      let fetched: { payment: PaymentRow; snapshot: StripeSnapshot | null } | undefined
      const first = async (tx: Tx) => {
        const payment = await lockPayment(tx, paymentId)
        const intentId = (await callStripe?.(payment, tx)) || payment.stripeIntentId
        fetched = { payment, snapshot: intentId ? await fetchAndCancel(ctx, payment, intentId) : null }
      }
      return withBookingLock(
        ctx,
        seen.bookingId,
        async (tx, booking, now, locked) => {
          if (!fetched) throw new Error('payment was not fetched from Stripe')
          await alsoWrite?.(tx)
          return saveSnapshot(tx, fetched.payment, fetched.snapshot, booking, { now, locked })
        },
        { first },
      )
    })
    // After commit. A lost message is healed by the next sync.
    if (update) ctx.publish(topicOf.user(state.booking.userId), { type: 'payment_update', payment: update })
    return state
  } catch (error) {
    if (!isStripeDown(error)) throw error
    throw new AppError('UNAVAILABLE', 'Stripe is not responding. Try again.', { cause: error })
  }
}

async function lockPayment(tx: Tx, id: string): Promise<PaymentRow> {
  const [payment] = await tx.select().from(payments).where(eq(payments.id, id)).for('no key update')
  if (!payment) throw notFound('payment')
  return payment
}

/** Repeats the cancellation of a cancelled payment, which a crash may have prevented. */
async function fetchAndCancel(
  ctx: Context,
  { status }: PaymentRow,
  intentId: string,
): Promise<StripeSnapshot> {
  const snapshot = await fetchSnapshot(ctx, intentId)
  if (status !== 'cancelled' || ['canceled', 'succeeded'].includes(snapshot.intent.status)) return snapshot
  await cancelIntent(ctx, intentId)
  return fetchSnapshot(ctx, intentId)
}

/** Ignores a refusal by Stripe: the intent is already paid or cancelled, and the next fetch shows which. */
export async function cancelIntent(ctx: Context, intentId: string): Promise<void> {
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

type Saved = { state: PaymentState; update: ReturnType<typeof paymentView> | null }

async function saveSnapshot(
  tx: Tx,
  payment: PaymentRow,
  snapshot: StripeSnapshot | null,
  row: BookingRow,
  { now, locked }: { now: Millis; locked: CalendarKey[] },
): Promise<Outcome<Saved>> {
  if (!snapshot) return unchanged({ payment, booking: row, intent: null })
  const { intent } = snapshot
  const status = advanceStatus(payment.status, paymentStatusOf(intent))
  const arrived = status === 'succeeded' && payment.status !== 'succeeded'
  const charge = typeof intent.latest_charge === 'object' ? intent.latest_charge : null
  const [saved] = await tx
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
  if (!saved) throw notFound('payment')

  const refundsChanged = await saveRefunds(tx, saved, row, snapshot.refunds)
  if (!arrived && !refundsChanged && status === payment.status)
    return unchanged({ payment: saved, booking: await recalculateTotals(tx, row.id), intent })
  const totalled = await recalculateTotals(tx, row.id)
  const settled = arrived
    ? await settlePayment(tx, saved, totalled, { now, locked })
    : { booking: totalled, touched: [], bookings: [totalled] }
  const refundedMinor = await sumRefunds(tx, saved.id)
  return {
    result: {
      state: { payment: saved, booking: settled.booking, intent },
      update: paymentView({ ...saved, refundedMinor }),
    },
    touched: settled.touched,
    bookings: settled.bookings,
  }
}

const unchanged = (state: PaymentState): Outcome<Saved> => ({
  result: { state, update: null },
  touched: [],
  bookings: [],
})

async function sumRefunds(tx: Tx, paymentId: string): Promise<number> {
  const [sum] = await tx
    .select({ minor: sql`coalesce(sum(${refunds.amountMinor}), 0)`.mapWith(Number) })
    .from(refunds)
    .where(and(eq(refunds.paymentId, paymentId), sql`${refunds.status} <> 'failed'`))
  return sum?.minor ?? 0
}

function paymentStatusOf(intent: Stripe.PaymentIntent): PaymentRow['status'] {
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

/** Never goes backwards: an outdated answer cannot reopen a payment that succeeded or was cancelled. */
function advanceStatus(from: PaymentRow['status'], to: PaymentRow['status']): PaymentRow['status'] {
  const rank = (status: PaymentRow['status']) => (status === 'succeeded' ? 2 : status === 'cancelled' ? 1 : 0)
  return rank(to) >= rank(from) ? to : from
}

async function saveRefunds(
  tx: Tx,
  payment: PaymentRow,
  row: BookingRow,
  atStripe: Stripe.Refund[],
): Promise<boolean> {
  const ours = await tx.select().from(refunds).where(eq(refunds.paymentId, payment.id)).orderBy(refunds.id)
  let changed = false
  for (const refund of atStripe) {
    const known = ours.find(({ stripeRefundId }) => stripeRefundId === refund.id)
    const requested = ours.find(
      ({ id, stripeRefundId }) => id === refund.metadata?.refundId && !stripeRefundId,
    )
    const status = refundStatusOf(refund)
    const current = known ?? requested
    const values = { status, stripeRefundId: refund.id, failureCode: refund.failure_reason ?? null }
    if (!current) {
      const amountMinor = fromStripeAmount(refund.amount, payment.currency)
      ours.push(
        ...(await tx
          .insert(refunds)
          .values({ ...values, paymentId: payment.id, amountMinor, reason: 'made at Stripe' })
          .returning()),
      )
    } else if ((current.status !== status && current.status !== 'failed') || !current.stripeRefundId) {
      await tx
        .update(refunds)
        .set({ ...values, updatedAt: sql`clock_timestamp()` })
        .where(eq(refunds.id, current.id))
      Object.assign(current, values)
    } else continue
    changed = true
    await notifyRefund(tx, payment, row, refund)
  }
  return (await failUnfundedRefunds(tx, payment, ours)) || changed
}

/** Notifies both sides once the refund succeeds or fails, not while it is pending. */
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

/** Fails requested refunds that the payment can no longer cover because of refunds made directly at Stripe. */
async function failUnfundedRefunds(tx: Tx, payment: PaymentRow, ours: RefundRow[]): Promise<boolean> {
  const made = ours.filter(({ stripeRefundId, status }) => stripeRefundId && status !== 'failed')
  let left = payment.receivedMinor - made.reduce((sum, { amountMinor }) => sum + amountMinor, 0)
  let changed = false
  for (const refund of ours.filter(
    ({ stripeRefundId, status }) => !stripeRefundId && status === 'requested',
  )) {
    left -= refund.amountMinor
    if (left >= 0) continue
    left += refund.amountMinor
    changed = true
    await tx
      .update(refunds)
      .set({ status: 'failed', failureCode: 'already_refunded' })
      .where(eq(refunds.id, refund.id))
  }
  return changed
}

function refundStatusOf({ status }: Stripe.Refund): RefundRow['status'] {
  if (status === 'succeeded') return 'succeeded'
  return status === 'failed' || status === 'canceled' ? 'failed' : 'requested'
}
