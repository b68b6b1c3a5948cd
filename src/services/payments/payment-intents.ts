import { eq, sql } from 'drizzle-orm'
import type { Context } from '../../context'
import type { Db } from '../../db/client'
import { type BookingRow, bookings, type PaymentRow, payments, users } from '../../db/schema'
import { toStripeAmount } from '../../lib/money'
import { isStripeRefusal, isStuckOnKey } from '../../lib/stripe'
import { amountToConfirm } from '../bookings/transitions'
import { cancelIntent, type PaymentState, syncPayment } from './sync-payment'

/**
 * Creates the payment's intent at Stripe if it has none. The idempotency key is the payment's id and attempt, so a lost
 * response does not create a second intent.
 * @throws NOT_FOUND, UNAVAILABLE if Stripe does not respond
 */
export async function ensureIntent(ctx: Context, paymentId: string): Promise<PaymentState> {
  return withIdempotencyKey(ctx, paymentId, () =>
    syncPayment(ctx, paymentId, { callStripe: (payment, tx) => createStripeIntent(ctx, payment, tx) }),
  )
}

async function createStripeIntent(ctx: Context, payment: PaymentRow, tx: Db): Promise<string> {
  if (payment.stripeIntentId) return payment.stripeIntentId
  const [user] = await tx
    .select({ customer: users.stripeCustomerId })
    .from(bookings)
    .innerJoin(users, eq(users.id, bookings.userId))
    .where(eq(bookings.id, payment.bookingId))
  const customer = payment.kind === 'full' ? null : (user?.customer ?? null)
  const intent = await ctx.stripe.api().paymentIntents.create(
    {
      amount: toStripeAmount(payment.amountMinor, payment.currency),
      currency: payment.currency.toLowerCase(),
      // Cards and wallets only: other methods settle in days, but a hold lasts minutes.
      allowed_payment_method_types: ['card'],
      automatic_payment_methods: { enabled: true, allow_redirects: 'never' },
      capture_method: 'automatic',
      metadata: { bookingId: payment.bookingId, paymentId: payment.id, kind: payment.kind },
      ...(customer && { customer }),
      ...(payment.kind === 'deposit' && { setup_future_usage: 'off_session' as const }),
    },
    { idempotencyKey: `intent:${payment.id}:${payment.attempt}` },
  )
  return intent.id
}

/** Stripe replays some errors for the same idempotency key, so the next try needs another one. */
async function withIdempotencyKey<T>(ctx: Context, paymentId: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (isStuckOnKey(error) || (error instanceof Error && isStuckOnKey(error.cause)))
      await nextAttempt(ctx.db, paymentId)
    throw error
  }
}

export const nextAttempt = (db: Db, paymentId: string) =>
  db
    .update(payments)
    .set({ attempt: sql`${payments.attempt} + 1` })
    .where(eq(payments.id, paymentId))

/**
 * Cancels a payment at Stripe if its hold has ended or another amount is due. Settles it if it was paid in the meantime.
 * @throws NOT_FOUND, UNAVAILABLE if Stripe does not respond
 */
export async function reviewPayment(
  ctx: Context,
  { paymentId }: { paymentId: string },
): Promise<PaymentState> {
  await ensureIntent(ctx, paymentId)
  return syncPayment(ctx, paymentId, {
    callStripe: async (payment, tx) => {
      if (!payment.stripeIntentId || !isOpen(payment) || (await isWanted(tx, payment))) return
      await cancelIntent(ctx, payment.stripeIntentId)
    },
  })
}

/** Cancels a payment at Stripe even if its amount is still due. Settles it if it was paid first. */
export async function withdrawPayment(ctx: Context, paymentId: string): Promise<PaymentState> {
  await ensureIntent(ctx, paymentId)
  return syncPayment(ctx, paymentId, {
    callStripe: async (payment) => {
      if (payment.stripeIntentId && isOpen(payment)) await cancelIntent(ctx, payment.stripeIntentId)
    },
  })
}

export const isOpen = ({ status }: Pick<PaymentRow, 'status'>) =>
  status === 'pending' || status === 'processing' || status === 'failed'

async function isWanted(db: Db, payment: PaymentRow): Promise<boolean> {
  const [found] = await db
    .select({ row: bookings, live: sql<boolean>`${bookings.holdExpiresAt} > clock_timestamp()` })
    .from(bookings)
    .where(eq(bookings.id, payment.bookingId))
  if (!found || found.row.currency !== payment.currency) return false
  if (payment.kind === 'balance') return found.row.balanceDueMinor === payment.amountMinor
  return found.row.status === 'held' && found.live && dueOf(found.row) === payment.amountMinor
}

/** The amount still to pay before a hold can be confirmed, in minor units. */
export const dueOf = (
  row: Parameters<typeof amountToConfirm>[0] & Pick<BookingRow, 'paidMinor' | 'refundedMinor'>,
): number => amountToConfirm(row) - (row.paidMinor - row.refundedMinor)

/** Finds or creates the user's customer at Stripe, which stores a deposit's card for the balance. */
export async function ensureCustomer(ctx: Context, userId: string): Promise<string> {
  const [user] = await ctx.db.select().from(users).where(eq(users.id, userId))
  if (user?.stripeCustomerId) return user.stripeCustomerId
  const customer = await ctx.stripe
    .api()
    .customers.create({ metadata: { userId } }, { idempotencyKey: `customer:${userId}` })
  await ctx.db.update(users).set({ stripeCustomerId: customer.id }).where(eq(users.id, userId))
  return customer.id
}

/** Deletes a customer and the saved card at Stripe. Ignores a customer that is already deleted. */
export async function forgetCustomer(ctx: Context, { customerId }: { customerId: string }): Promise<void> {
  try {
    await ctx.stripe.api().customers.del(customerId)
  } catch (error) {
    if (!isStripeRefusal(error)) throw error
  }
}
