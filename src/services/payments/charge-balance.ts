import { and, eq } from 'drizzle-orm'
import type { Context } from '../../context'
import { type BookingRow, bookings, type PaymentRow, payments, users } from '../../db/schema'
import { AppError } from '../../errors'
import { isDecline } from '../../lib/stripe'
import { DAY } from '../../lib/time'
import { paymentNotifications } from '../bookings/booking-notifications'
import { enqueue } from '../jobs/jobs'
import { notify } from '../notifications/notify'
import { beginPayment } from './begin-payment'
import { ensureIntent, isOpen, nextAttempt } from './payment-intents'
import { syncPayment } from './sync-payment'

/** A day apart. After the last one the user must pay with another card. */
const MAX_ATTEMPTS = 4

/**
 * Charges the balance of a completed booking to the card that paid the deposit. The intent is stored before it is confirmed,
 * so that a crash cannot charge twice. If the card is declined, notifies both sides and tries again a day later.
 */
export async function chargeBalance(ctx: Context, { bookingId }: { bookingId: string }): Promise<void> {
  const [booking] = await ctx.db.select().from(bookings).where(eq(bookings.id, bookingId))
  if (booking?.status !== 'completed' || booking.balanceDueMinor === 0) return
  const deposit = await paidDeposit(ctx, bookingId)
  // Deleting an account also deletes the customer at Stripe, and the card with it.
  if (!deposit?.stripeIntentId || !(await hasCustomer(ctx, booking.userId))) return
  const { payment } = await beginPayment(ctx, bookingId)
  if (!payment) return
  await ensureIntent(ctx, payment.id)
  const savedFrom = deposit.stripeIntentId
  const { payment: charged } = await syncPayment(ctx, payment.id, {
    callStripe: async (locked) => {
      if (locked.stripeIntentId && isOpen(locked))
        await confirmOffSession(ctx, locked, locked.stripeIntentId, savedFrom)
    },
  })
  if (charged.status === 'failed') await handleDecline(ctx, charged, booking)
}

async function hasCustomer({ db }: Context, userId: string): Promise<boolean> {
  const [user] = await db.select({ customer: users.stripeCustomerId }).from(users).where(eq(users.id, userId))
  return Boolean(user?.customer)
}

async function paidDeposit(ctx: Context, bookingId: string): Promise<PaymentRow | undefined> {
  const [row] = await ctx.db
    .select()
    .from(payments)
    .where(
      and(eq(payments.bookingId, bookingId), eq(payments.kind, 'deposit'), eq(payments.status, 'succeeded')),
    )
  return row
}

async function confirmOffSession(
  ctx: Context,
  payment: PaymentRow,
  intentId: string,
  depositIntentId: string,
): Promise<void> {
  const stripe = ctx.stripe.api()
  const intent = await stripe.paymentIntents.retrieve(intentId)
  if (!['requires_payment_method', 'requires_confirmation', 'requires_action'].includes(intent.status)) return
  const { payment_method } = await stripe.paymentIntents.retrieve(depositIntentId)
  const card = typeof payment_method === 'string' ? payment_method : payment_method?.id
  if (!card) throw new AppError('PAYMENT_FAILED', 'The deposit did not save a card.')
  try {
    await stripe.paymentIntents.confirm(
      intentId,
      { payment_method: card, off_session: true },
      { idempotencyKey: `balance:${payment.id}:${payment.attempt}` },
    )
  } catch (error) {
    // The sync that follows reads the decline from the intent.
    if (!isDecline(error)) throw error
  }
}

async function handleDecline(ctx: Context, payment: PaymentRow, booking: BookingRow): Promise<void> {
  const { bookingId, amountMinor, currency, attempt } = payment
  await ctx.db.transaction(async (tx) => {
    const source = `${payment.id}:${attempt}`
    await notify(
      tx,
      ...paymentNotifications(booking, { kind: 'balance_declined', source, amountMinor, currency }),
    )
    await nextAttempt(tx, payment.id)
    if (attempt < MAX_ATTEMPTS) {
      const at = new Date(Date.now() + DAY)
      await enqueue(tx, 'charge-balance', { bookingId }, { key: `charge-balance:${bookingId}`, at })
    }
  })
}
