import { and, eq, sql } from 'drizzle-orm'
import type { Context, SignedInContext } from '../../context'
import type { Tx } from '../../db/client'
import { type BookingRow, bookings, type PaymentRow, payments } from '../../db/schema'
import { AppError, notFound } from '../../errors'
import type { Millis } from '../../lib/time'
import type { Intent } from '../../schemas/payments'
import type { CalendarKey } from '../../schemas/slots'
import { holdExpired } from '../bookings/hold'
import { applyTransition } from '../bookings/transitions'
import { withBookingLock } from '../bookings/with-booking-lock'
import type { Outcome } from '../calendar/change-calendars'
import { enqueue } from '../jobs/jobs'
import { spendPoints } from '../loyalty/redeem-points'
import { dueOf, ensureCustomer, ensureIntent, isOpen, withdrawPayment } from './payment-intents'

/**
 * Creates the intent for a hold or a balance. A repeated call returns the same intent while the same amount is due; the
 * first one extends the hold by PAYMENT_GRACE_SECONDS. If points pay for all of it, confirms the hold without an intent.
 * @throws NOT_FOUND, HOLD_EXPIRED, INVALID_STATE if nothing is due or points are used for a balance, NOT_ENOUGH_POINTS,
 *   IN_PROGRESS, UNAVAILABLE if Stripe does not respond
 */
export async function createIntent(
  ctx: SignedInContext,
  { bookingId, redeemPoints }: { bookingId: string; redeemPoints?: number | undefined },
): Promise<Intent> {
  const { publishableKey } = ctx.stripe
  for (let attempt = 1; attempt <= 3; attempt++) {
    const { payment, ...due } = await beginPayment(ctx, bookingId, redeemPoints)
    if (!payment) return { paymentId: '', clientSecret: '', publishableKey, ...due }
    if (payment.amountMinor !== due.amountMinor || payment.currency !== due.currency) {
      await withdrawPayment(ctx, payment.id)
      continue
    }
    if (payment.kind === 'deposit') await ensureCustomer(ctx, ctx.actor.id)
    const { intent, payment: current } = await ensureIntent(ctx, payment.id)
    if (current.status === 'succeeded') throw new AppError('INVALID_STATE', 'This booking is already paid.')
    if (!intent?.client_secret || !isOpen(current)) continue
    return { paymentId: payment.id, clientSecret: intent.client_secret, publishableKey, ...due }
  }
  throw new AppError('IN_PROGRESS', 'Another payment is being cancelled. Try again.')
}

/** The amount due now and the open payment, null if points pay for everything. */
type DuePayment = Pick<Intent, 'amountMinor' | 'currency' | 'redeemedPoints' | 'pointsMinor'> & {
  payment: PaymentRow | null
}

const duePayment = (
  { currency, redeemedPoints, pointsMinor }: BookingRow,
  amountMinor: number,
  payment: PaymentRow | null,
): DuePayment => ({ payment, amountMinor, currency, redeemedPoints, pointsMinor })

/** Finds or adds the open payment. The amount of an existing one can differ from the amount due now. */
export const beginPayment = (ctx: Context, bookingId: string, redeemPoints?: number): Promise<DuePayment> =>
  withBookingLock(
    ctx,
    bookingId,
    async (tx, seen, now, locked): Promise<Outcome<DuePayment>> => {
      if (ctx.actor.kind === 'user' && seen.userId !== ctx.actor.id) throw notFound('booking')
      if (redeemPoints && isPaidByPoints(seen)) return noChanges(duePayment(seen, 0, null))
      const row = redeemPoints === undefined ? seen : await redeem(tx, seen, redeemPoints, now)
      if (row.status === 'held' && isPaidByPoints(row)) return bookPaidByPoints(tx, ctx, row, now, locked)
      const { kind, amountMinor } = amountDue(row, now)
      const changed = row === seen ? [] : [row]
      const open = await openPayment(tx, row.id, kind)
      if (open) return { ...noChanges(duePayment(row, amountMinor, open)), bookings: changed }
      const extended = await extendHoldOnce(tx, row, ctx.env.PAYMENT_GRACE_SECONDS)
      const { currency } = row
      const [payment] = await tx
        .insert(payments)
        .values({ bookingId: row.id, kind, amountMinor, currency })
        .returning()
      if (!payment) throw new Error('payment was not inserted')
      return {
        ...noChanges(duePayment(row, amountMinor, payment)),
        bookings: extended.length > 0 ? extended : changed,
      }
    },
    { lockOwner: redeemPoints !== undefined },
  )

const noChanges = <T>(result: T): Outcome<T> => ({ result, touched: [], bookings: [] })

const isPaidByPoints = ({ status, priceMinor, pointsMinor }: BookingRow) =>
  ['held', 'pending', 'confirmed'].includes(status) && pointsMinor > 0 && pointsMinor === priceMinor

async function redeem(tx: Tx, row: BookingRow, points: number, now: Millis): Promise<BookingRow> {
  if (amountDue(row, now).kind === 'balance')
    throw new AppError('INVALID_STATE', 'Points cannot pay a balance. Pay it by card.')
  return spendPoints(tx, row, points)
}

/** Also reviews the payments that were started by card, which cancels them. */
async function bookPaidByPoints(
  tx: Tx,
  ctx: Context,
  row: BookingRow,
  now: Millis,
  locked: CalendarKey[],
): Promise<Outcome<DuePayment>> {
  const outcome = await applyTransition(tx, ctx.actor, row, 'confirmed', now, locked)
  const started = await tx.select().from(payments).where(eq(payments.bookingId, row.id))
  for (const { id: paymentId } of started.filter(isOpen))
    await enqueue(tx, 'review-payment', { paymentId }, { key: `review-payment:${paymentId}` })
  return { ...outcome, result: duePayment(row, 0, null) }
}

function amountDue(row: BookingRow, now: Millis): { kind: PaymentRow['kind']; amountMinor: number } {
  if (
    row.status === 'expired' ||
    (row.status === 'held' && row.holdExpiresAt && row.holdExpiresAt.getTime() <= now)
  )
    throw holdExpired()
  if (row.status === 'held' && dueOf(row) > 0)
    return { kind: row.depositMinor > 0 ? 'deposit' : 'full', amountMinor: dueOf(row) }
  if (row.balanceDueMinor > 0) return { kind: 'balance', amountMinor: row.balanceDueMinor }
  throw new AppError('INVALID_STATE', 'Nothing is due for this booking.')
}

async function openPayment(
  tx: Tx,
  bookingId: string,
  kind: PaymentRow['kind'],
): Promise<PaymentRow | undefined> {
  const rows = await tx
    .select()
    .from(payments)
    .where(and(eq(payments.bookingId, bookingId), eq(payments.kind, kind)))
  return rows.find(isOpen)
}

/** Extends a hold for its first payment only, so that repeated payments cannot prolong it. */
async function extendHoldOnce(tx: Tx, row: BookingRow, graceSeconds: number): Promise<BookingRow[]> {
  if (row.status !== 'held') return []
  const [before] = await tx
    .select({ id: payments.id })
    .from(payments)
    .where(eq(payments.bookingId, row.id))
    .limit(1)
  if (before) return []
  // A seat is not sold after the event has started. least() ignores NULL.
  const latest = sql`CASE WHEN ${bookings.kind} = 'attendance' THEN ${bookings.startsAt} END`
  return tx
    .update(bookings)
    .set({
      holdExpiresAt: sql`least(${bookings.holdExpiresAt} + make_interval(secs => ${graceSeconds}), ${latest})`,
    })
    .where(eq(bookings.id, row.id))
    .returning()
}
