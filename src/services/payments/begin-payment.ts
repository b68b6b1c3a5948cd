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
 * The intent with which a hold is paid, or what a booking still owes. Asked again it is the same one, as long as the same
 * amount is due; the first time extends the hold by PAYMENT_GRACE_SECONDS. Points may pay for a part of a hold, or for all
 * of it, which then needs no intent and is a booking at once.
 * @throws NOT_FOUND, HOLD_EXPIRED, INVALID_STATE where nothing is to be paid, or points for a balance, NOT_ENOUGH_POINTS,
 *   UNAVAILABLE while Stripe does not answer
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
    const { intent, payment: now } = await ensureIntent(ctx, payment.id)
    if (now.status === 'succeeded') throw new AppError('INVALID_STATE', 'This booking is paid already.')
    if (!intent?.client_secret || !isOpen(now)) continue
    return { paymentId: payment.id, clientSecret: intent.client_secret, publishableKey, ...due }
  }
  throw new AppError('IN_PROGRESS', 'Another payment of this booking is being ended. Please try again.')
}

/** What is due now, and the payment that is open for it; none where points have paid all of it. */
type Begun = Pick<Intent, 'amountMinor' | 'currency' | 'redeemedPoints' | 'pointsMinor'> & {
  payment: PaymentRow | null
}

const begun = (
  { currency, redeemedPoints, pointsMinor }: BookingRow,
  amountMinor: number,
  payment: PaymentRow | null,
): Begun => ({ payment, amountMinor, currency, redeemedPoints, pointsMinor })

/** The open payment of a booking, begun where there is none, and what is due now. */
export const beginPayment = (ctx: Context, bookingId: string, redeemPoints?: number): Promise<Begun> =>
  withBookingLock(
    ctx,
    bookingId,
    async (tx, seen, now, locked): Promise<Outcome<Begun>> => {
      if (ctx.actor.kind === 'user' && seen.userId !== ctx.actor.id) throw notFound('booking')
      if (redeemPoints && isPaidByPoints(seen)) return noChanges(begun(seen, 0, null))
      const row = redeemPoints === undefined ? seen : await redeem(tx, seen, redeemPoints, now)
      if (row.status === 'held' && isPaidByPoints(row)) return bookPaidByPoints(tx, ctx, row, now, locked)
      const { kind, amountMinor } = amountDue(row, now)
      const changed = row === seen ? [] : [row]
      const open = await openPayment(tx, row.id, kind)
      if (open) return { ...noChanges(begun(row, amountMinor, open)), bookings: changed }
      const extended = await extendHoldOnce(tx, row, ctx.env.PAYMENT_GRACE_SECONDS)
      const { currency } = row
      const [payment] = await tx
        .insert(payments)
        .values({ bookingId: row.id, kind, amountMinor, currency })
        .returning()
      if (!payment) throw new Error('the payment was not inserted')
      return {
        ...noChanges(begun(row, amountMinor, payment)),
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
    throw new AppError('INVALID_STATE', 'Points pay for what one holds, not for what a booking still owes.')
  return spendPoints(tx, row, points)
}

/** A hold that points pay for whole is a booking; what may have been begun with a card is not to be paid any more. */
async function bookPaidByPoints(
  tx: Tx,
  ctx: Context,
  row: BookingRow,
  now: Millis,
  locked: CalendarKey[],
): Promise<Outcome<Begun>> {
  const outcome = await applyTransition(tx, ctx.actor, row, 'confirmed', now, locked)
  const begunBefore = await tx.select().from(payments).where(eq(payments.bookingId, row.id))
  for (const { id: paymentId } of begunBefore.filter(isOpen))
    await enqueue(tx, 'review-payment', { paymentId }, { key: `review-payment:${paymentId}` })
  return { ...outcome, result: begun(row, 0, null) }
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
  throw new AppError('INVALID_STATE', 'There is nothing to pay for this booking.')
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

/** The first payment of a hold gives its owner time to look for the card; a second one does not. */
async function extendHoldOnce(tx: Tx, row: BookingRow, graceSeconds: number): Promise<BookingRow[]> {
  if (row.status !== 'held') return []
  const [before] = await tx
    .select({ id: payments.id })
    .from(payments)
    .where(eq(payments.bookingId, row.id))
    .limit(1)
  if (before) return []
  // Nobody pays for a place at an event that has begun.
  const latest = sql`CASE WHEN ${bookings.kind} = 'attendance' THEN ${bookings.startsAt} END`
  return tx
    .update(bookings)
    .set({
      holdExpiresAt: sql`least(${bookings.holdExpiresAt} + make_interval(secs => ${graceSeconds}), ${latest})`,
    })
    .where(eq(bookings.id, row.id))
    .returning()
}
