import { eq, sql } from 'drizzle-orm'
import type { Context } from '../../context'
import type { Db } from '../../db/client'
import { type BookingRow, bookings, type PaymentRow, payments, users } from '../../db/schema'
import { toStripeAmount } from '../../lib/money'
import { isStripeRefusal, isStuckOnKey } from '../../lib/stripe'
import { amountToConfirm } from '../bookings/transitions'
import { cancelAtStripe, type PaymentState, syncPayment } from './sync-payment'

/**
 * The intent of a payment, made at Stripe where there is none yet. The key is our row and its attempt, so that whatever
 * was lost on the way, one row has one intent.
 */
export async function ensureIntent(ctx: Context, paymentId: string): Promise<PaymentState> {
  return withIdempotencyKey(ctx, paymentId, () =>
    syncPayment(ctx, paymentId, { act: (payment, tx) => createIntentAtStripe(ctx, payment, tx) }),
  )
}

async function createIntentAtStripe(ctx: Context, payment: PaymentRow, tx: Db): Promise<string> {
  if (payment.stripeIntentId) return payment.stripeIntentId
  const [person] = await tx
    .select({ customer: users.stripeCustomerId })
    .from(bookings)
    .innerJoin(users, eq(users.id, bookings.userId))
    .where(eq(bookings.id, payment.bookingId))
  const customer = payment.kind === 'full' ? null : (person?.customer ?? null)
  const intent = await ctx.stripe.api().paymentIntents.create(
    {
      amount: toStripeAmount(payment.amountMinor, payment.currency),
      currency: payment.currency.toLowerCase(),
      // Cards, and the wallets that hold them: what settles in days does not fit a hold of minutes.
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

/** Stripe gives a failure again for the same key: the next try, which looks first, needs another. */
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
 * Cancels an intent at Stripe that nobody shall pay any more: the hold has ended, or another amount is due. Where it was
 * paid meanwhile, that is learned and settled here.
 */
export async function reviewPayment(
  ctx: Context,
  { paymentId }: { paymentId: string },
): Promise<PaymentState> {
  await ensureIntent(ctx, paymentId)
  return syncPayment(ctx, paymentId, {
    act: async (payment, tx) => {
      if (!payment.stripeIntentId || !isOpen(payment) || (await isWanted(tx, payment))) return
      await cancelAtStripe(ctx, payment.stripeIntentId)
    },
  })
}

/** Cancels a payment whatever may be due. Money that came first is settled instead. */
export async function withdrawPayment(ctx: Context, paymentId: string): Promise<PaymentState> {
  await ensureIntent(ctx, paymentId)
  return syncPayment(ctx, paymentId, {
    act: async (payment) => {
      if (payment.stripeIntentId && isOpen(payment)) await cancelAtStripe(ctx, payment.stripeIntentId)
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

/** What is still to be paid before a hold can stand. */
export const dueOf = (
  row: Parameters<typeof amountToConfirm>[0] & Pick<BookingRow, 'paidMinor' | 'refundedMinor'>,
): number => amountToConfirm(row) - (row.paidMinor - row.refundedMinor)

/** The person's customer at Stripe, which keeps the card of a deposit for the balance. */
export async function ensureCustomer(ctx: Context, userId: string): Promise<string> {
  const [person] = await ctx.db.select().from(users).where(eq(users.id, userId))
  if (person?.stripeCustomerId) return person.stripeCustomerId
  const customer = await ctx.stripe
    .api()
    .customers.create({ metadata: { userId } }, { idempotencyKey: `customer:${userId}` })
  await ctx.db.update(users).set({ stripeCustomerId: customer.id }).where(eq(users.id, userId))
  return customer.id
}

/** Lets Stripe forget a person who has left, with the card that it kept. One that is gone already is forgotten. */
export async function forgetCustomer(ctx: Context, { customerId }: { customerId: string }): Promise<void> {
  try {
    await ctx.stripe.api().customers.del(customerId)
  } catch (error) {
    if (!isStripeRefusal(error)) throw error
  }
}
