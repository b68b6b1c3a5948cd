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
 * Syncs a booking's payment with Stripe and returns both, for the page that the user returns to. The webhook does the same,
 * in either order.
 * @throws NOT_FOUND, PAYMENT_REQUIRED if it is not paid, PAYMENT_FAILED if the card was declined, HOLD_EXPIRED if the hold
 *   ended first, UNAVAILABLE if Stripe does not respond
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
      // Open payments first, then succeeded ones; a cancelled one only if there is no other.
      sql`${payments.status} = 'cancelled', ${payments.status} = 'succeeded', ${payments.id} DESC`,
    )
    .limit(1)
  if (!latest) throw new AppError('PAYMENT_REQUIRED', 'No payment was started for this booking.')
  const { payment, booking } = await syncPayment(ctx, latest.id)
  if (payment.status === 'pending')
    throw new AppError('PAYMENT_REQUIRED', 'This booking has not been paid yet.')
  if (payment.status === 'failed')
    throw new AppError('PAYMENT_FAILED', 'The card was declined. Try again or use another card.')
  if (payment.status === 'cancelled') {
    if (booking.status === 'expired') throw holdExpired()
    throw new AppError('PAYMENT_REQUIRED', 'This payment was cancelled. Start a new one.')
  }
  const [shown] = await selectPayments(ctx, eq(payments.id, payment.id), 1)
  if (!shown) throw notFound('payment')
  return { booking: bookingView(booking), payment: paymentView(shown) }
}

type RefundInput = { bookingId: string; amountMinor?: number | undefined; reason?: string | undefined }

/**
 * Refunds a booking. An admin refunds any part, by default all that is left, and the booking stays as it is. For other users
 * it cancels the booking, and the policy decides the refund.
 * @param amountMinor in minor units, for admins only
 * @throws NOT_FOUND, NOT_ALLOWED if a user gives an amount, NOT_CANCELLABLE, NOT_REFUNDABLE if less is left
 */
export async function refundBooking(
  ctx: SignedInContext,
  { bookingId, amountMinor, reason }: RefundInput,
): Promise<{ booking: Booking; refunds: Refund[] }> {
  if (ctx.actor.role !== 'admin') {
    if (amountMinor !== undefined)
      throw new AppError('NOT_ALLOWED', 'The cancellation policy sets the amount. Leave out amountMinor.')
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
    if (left === 0) throw new AppError('NOT_REFUNDABLE', 'Nothing is left to refund for this booking.')
    if (amount > left)
      throw new AppError('NOT_REFUNDABLE', `At most ${left} minor units can be refunded for this booking.`)
    const requested = await requestRefunds(tx, row, amount, reason ?? null)
    const booking = await recalculateTotals(tx, row.id)
    return {
      result: { booking: bookingView(booking), refunds: requested.map(refundView) },
      touched: [],
      bookings: [booking],
    }
  })
}

/** Lists payments, newest first: the caller's own, or all of them for an admin. */
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
        // A literal: a prepared statement cannot use a partial index for a parameter.
        input.status ? eq(refunds.status, input.status).inlineParams() : undefined,
        input.cursor ? lt(refunds.id, input.cursor) : undefined,
      ),
    )
    .orderBy(desc(refunds.id))
    .limit(input.limit + 1)
  return pageOf(rows, input, listedRefundView)
}
