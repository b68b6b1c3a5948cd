import { and, desc, eq, getTableColumns, lt, type SQL, sql } from 'drizzle-orm'
import type { Context, SignedInContext } from '../../context'
import { bookings, payments, refunds, users } from '../../db/schema'
import { AppError, notFound } from '../../errors'
import { type Booking, bookingView } from '../../schemas/bookings'
import type { Page } from '../../schemas/common'
import { listedRefundView, type Payment, paymentView, type Refund, refundView } from '../../schemas/payments'
import { holdExpired } from '../bookings/hold'
import { recalculateTotals, refundedOf, requestRefunds } from '../bookings/refunds'
import { rolesInBooking, transition } from '../bookings/transitions'
import { withBookingLock } from '../bookings/with-booking-lock'
import { pageOf } from '../shared/paging'
import { syncPayment } from './sync-payment'

/**
 * Asks Stripe what became of the payment of a booking, and answers with both as they stand then: for the page that a
 * person comes back to. It does what the webhook does, whichever comes first.
 * @throws NOT_FOUND, PAYMENT_REQUIRED while it is not paid, PAYMENT_FAILED where the card was declined, HOLD_EXPIRED where
 *   the hold ended before it was paid, UNAVAILABLE
 */
export async function confirmPayment(
  ctx: SignedInContext,
  { bookingId }: { bookingId: string },
): Promise<{ booking: Booking; payment: Payment }> {
  const [row] = await ctx.db.select().from(bookings).where(eq(bookings.id, bookingId))
  if (!row || (row.userId !== ctx.actor.id && ctx.actor.role !== 'admin')) throw notFound('booking')
  const [latest] = await ctx.db
    .select({ id: payments.id })
    .from(payments)
    .where(eq(payments.bookingId, bookingId))
    .orderBy(
      // One that was cancelled says nothing where another was paid, or may still be.
      sql`${payments.status} = 'cancelled', ${payments.status} = 'succeeded', ${payments.id} DESC`,
    )
    .limit(1)
  if (!latest) throw new AppError('PAYMENT_REQUIRED', 'No payment of this booking was begun.')
  const { payment, booking } = await syncPayment(ctx, latest.id)
  if (payment.status === 'pending') throw new AppError('PAYMENT_REQUIRED', 'This booking is not paid yet.')
  if (payment.status === 'failed')
    throw new AppError('PAYMENT_FAILED', 'The card was declined. Please try again, or another card.')
  if (payment.status === 'cancelled') {
    if (booking.status === 'expired') throw holdExpired()
    throw new AppError('PAYMENT_REQUIRED', 'This payment was ended before it was made.')
  }
  const [shown] = await selectPayments(ctx, eq(payments.id, payment.id), 1)
  if (!shown) throw notFound('payment')
  return { booking: bookingView(booking), payment: paymentView(shown) }
}

type RefundInput = { bookingId: string; amountMinor?: number | undefined; reason?: string | undefined }

/**
 * Gives money back. An admin: any part of what is left of it, all where no amount is named, and the booking stays as it is.
 * Its owner: what the policy gives, by cancelling it.
 * @throws NOT_FOUND, NOT_ALLOWED where an owner names an amount, NOT_CANCELLABLE, NOT_REFUNDABLE where less is left
 */
export async function refundBooking(
  ctx: SignedInContext,
  { bookingId, amountMinor, reason }: RefundInput,
): Promise<{ booking: Booking; refunds: Refund[] }> {
  if (ctx.actor.role !== 'admin') {
    if (amountMinor !== undefined)
      throw new AppError('NOT_ALLOWED', 'How much is given back follows from the cancellation policy.')
    const booking = await transition(ctx, bookingId, 'cancelled')
    const rows = await ctx.db
      .select({ refund: refunds })
      .from(refunds)
      .innerJoin(payments, eq(payments.id, refunds.paymentId))
      .where(eq(payments.bookingId, bookingId))
      .orderBy(desc(refunds.id))
    return { booking, refunds: rows.map(({ refund }) => refundView(refund)) }
  }
  return withBookingLock(ctx, bookingId, async (tx, row) => {
    if (rolesInBooking(ctx.actor, row).length === 0) throw notFound('booking')
    const left = row.paidMinor - row.refundedMinor
    const amount = amountMinor ?? left
    if (left === 0) throw new AppError('NOT_REFUNDABLE', 'Nothing that was paid for this booking is left.')
    if (amount > left)
      throw new AppError(
        'NOT_REFUNDABLE',
        `Only ${left} of what was paid for this booking is left, in minor units.`,
      )
    const requested = await requestRefunds(tx, row, amount, reason ?? null)
    const booking = await recalculateTotals(tx, row.id)
    return {
      result: { booking: bookingView(booking), refunds: requested.map(refundView) },
      touched: [],
      bookings: [booking],
    }
  })
}

/** Payments, the newest first: one's own, or for an admin everyone's. */
export async function listPayments(
  ctx: SignedInContext,
  input: Page & { bookingId?: string | undefined; as?: 'customer' | undefined },
) {
  const where = and(
    ctx.actor.role === 'admin' && input.as !== 'customer' ? undefined : eq(bookings.userId, ctx.actor.id),
    input.bookingId ? eq(payments.bookingId, input.bookingId) : undefined,
    input.cursor ? lt(payments.id, input.cursor) : undefined,
  )
  return pageOf(await selectPayments(ctx, where, input.limit + 1), input, (row) => ({
    ...paymentView(row),
    customerName: row.customerName,
  }))
}

function selectPayments(ctx: Context, where: SQL | undefined, limit: number) {
  return ctx.db
    .select({ ...getTableColumns(payments), refundedMinor: refundedOf, customerName: users.name })
    .from(payments)
    .innerJoin(bookings, eq(bookings.id, payments.bookingId))
    .innerJoin(users, eq(users.id, bookings.userId))
    .where(where)
    .orderBy(desc(payments.id))
    .limit(limit)
}

/** Money that was given back, or that could not be, the newest first. */
export async function listRefunds(ctx: Context, input: Page & { status?: Refund['status'] | undefined }) {
  const rows = await ctx.db
    .select({
      ...getTableColumns(refunds),
      bookingId: payments.bookingId,
      currency: payments.currency,
      customerName: users.name,
    })
    .from(refunds)
    .innerJoin(payments, eq(payments.id, refunds.paymentId))
    .innerJoin(bookings, eq(bookings.id, payments.bookingId))
    .innerJoin(users, eq(users.id, bookings.userId))
    .where(
      and(
        input.status ? eq(refunds.status, input.status) : undefined,
        input.cursor ? lt(refunds.id, input.cursor) : undefined,
      ),
    )
    .orderBy(desc(refunds.id))
    .limit(input.limit + 1)
  return pageOf(rows, input, listedRefundView)
}
