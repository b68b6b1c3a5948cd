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

/** How often a card that declines is tried, a day apart; after that the person pays by hand. */
const ATTEMPTS = 4

/**
 * Charges what a completed booking still owes to the card that its deposit saved, without the person. The intent is made
 * and written down first and confirmed after that, so that it is charged once whatever is lost on the way. A card that
 * declines leaves `balanceDueMinor` as it is, both sides are told, and it is tried again.
 */
export async function chargeBalance(ctx: Context, { bookingId }: { bookingId: string }): Promise<void> {
  const [booking] = await ctx.db.select().from(bookings).where(eq(bookings.id, bookingId))
  if (booking?.status !== 'completed' || booking.balanceDueMinor === 0) return
  const deposit = await paidDeposit(ctx, bookingId)
  // Somebody who has left took the card along.
  if (!deposit?.stripeIntentId || !(await hasCustomer(ctx, booking.userId))) return
  const { payment } = await beginPayment(ctx, bookingId)
  if (!payment) return
  await ensureIntent(ctx, payment.id)
  const savedFrom = deposit.stripeIntentId
  const { payment: tried } = await syncPayment(ctx, payment.id, {
    act: async (locked) => {
      if (locked.stripeIntentId && isOpen(locked))
        await confirmOffSession(ctx, locked, locked.stripeIntentId, savedFrom)
    },
  })
  if (tried.status === 'failed') await declinedBalance(ctx, tried, booking)
}

async function hasCustomer({ db }: Context, userId: string): Promise<boolean> {
  const [person] = await db
    .select({ customer: users.stripeCustomerId })
    .from(users)
    .where(eq(users.id, userId))
  return Boolean(person?.customer)
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
  if (!card) throw new AppError('PAYMENT_FAILED', 'The deposit has left no card behind.')
  try {
    await stripe.paymentIntents.confirm(
      intentId,
      { payment_method: card, off_session: true },
      { idempotencyKey: `balance:${payment.id}:${payment.attempt}` },
    )
  } catch (error) {
    // The intent itself tells of it, in the look that follows.
    if (!isDecline(error)) throw error
  }
}

async function declinedBalance(ctx: Context, payment: PaymentRow, booking: BookingRow): Promise<void> {
  const { bookingId, amountMinor, currency, attempt } = payment
  await ctx.db.transaction(async (tx) => {
    const source = `${payment.id}:${attempt}`
    await notify(
      tx,
      ...paymentNotifications(booking, { kind: 'balance_declined', source, amountMinor, currency }),
    )
    await nextAttempt(tx, payment.id)
    if (attempt < ATTEMPTS) {
      const at = new Date(Date.now() + DAY)
      await enqueue(tx, 'charge-balance', { bookingId }, { key: `charge-balance:${bookingId}`, at })
    }
  })
}
