import { and, desc, eq, lt, sql } from 'drizzle-orm'
import type Stripe from 'stripe'
import type { Context, Deps } from '../../context'
import { bookings, type PaymentRow, payments, type StripeEventRow, stripeEvents } from '../../db/schema'
import { AppError, notFound } from '../../errors'
import { fromStripeAmount } from '../../lib/money'
import { iso, isoOrNull } from '../../lib/time'
import { Id } from '../../schemas/common'
import type { StripeEvent } from '../../schemas/payments'
import { enqueue } from '../jobs/jobs'
import { syncPayment } from './sync-payment'

/**
 * Stores a verified Stripe event and adds its job, in one transaction. A repeated event changes nothing. Its content is not
 * stored, because the job reads the current state from Stripe.
 */
export async function storeEvent({ db }: Pick<Deps, 'db'>, event: Stripe.Event): Promise<void> {
  await db.transaction(async (tx) => {
    const [stored] = await tx
      .insert(stripeEvents)
      .values({ id: event.id, type: event.type, intentId: intentOf(event) })
      .onConflictDoNothing()
      .returning({ id: stripeEvents.id })
    if (stored) await enqueue(tx, 'stripe-event', { eventId: event.id }, { key: `stripe-event:${event.id}` })
  })
}

/** Charges, refunds and disputes contain the id of their intent. */
function intentOf({ data }: Stripe.Event): string | null {
  const object = data.object as { object?: unknown; id?: unknown; payment_intent?: unknown }
  const id = object.object === 'payment_intent' ? object.id : object.payment_intent
  return typeof id === 'string' && /^pi_\w{1,100}$/.test(id) ? id : null
}

/**
 * Processes a stored Stripe event: syncs its intent and marks the event as done in one transaction. Duplicate, out-of-order
 * and unrelated events are harmless.
 */
export async function processEvent(ctx: Context, { eventId }: { eventId: string }): Promise<void> {
  const [event] = await ctx.db.select().from(stripeEvents).where(eq(stripeEvents.id, eventId))
  if (!event || event.state === 'done' || event.state === 'ignored') return
  const finish = (state: 'done' | 'ignored') => ({
    state,
    attempts: sql`${stripeEvents.attempts} + 1`,
    error: null,
    processedAt: sql`clock_timestamp()`,
  })
  try {
    const known = event.intentId
      ? await syncIntent(ctx, event.intentId, async (tx) => {
          await tx.update(stripeEvents).set(finish('done')).where(eq(stripeEvents.id, eventId))
        })
      : false
    if (!known) await ctx.db.update(stripeEvents).set(finish('ignored')).where(eq(stripeEvents.id, eventId))
  } catch (error) {
    const message = error instanceof Error ? error.message.slice(0, 500) : 'unknown'
    await ctx.db
      .update(stripeEvents)
      .set({ state: 'failed', attempts: sql`${stripeEvents.attempts} + 1`, error: message })
      .where(eq(stripeEvents.id, eventId))
    throw error
  }
}

type AlsoWrite = NonNullable<Parameters<typeof syncPayment>[2]>['alsoWrite']

/**
 * Syncs the payment of an intent. Adopts an intent of ours that has no payment because a response was lost: settles it if
 * it was paid, else cancels it.
 * @returns false if the intent is not ours
 */
export async function syncIntent(ctx: Context, intentId: string, alsoWrite?: AlsoWrite): Promise<boolean> {
  const [known] = await ctx.db.select().from(payments).where(eq(payments.stripeIntentId, intentId))
  if (known) {
    await syncPayment(ctx, known.id, { alsoWrite })
    return true
  }
  const intent = await ctx.stripe.api().paymentIntents.retrieve(intentId)
  const expected = await findPayment(ctx, intent.metadata.paymentId)
  if (expected) {
    // The call that created the intent may not have stored it yet; the payment's lock waits for it.
    const { payment } = await syncPayment(ctx, expected.id, {
      callStripe: (row) => Promise.resolve(row.stripeIntentId ?? intentId),
    })
    if (payment.stripeIntentId === intentId) {
      await syncPayment(ctx, expected.id, { alsoWrite })
      return true
    }
  }
  const adopted = await adopt(ctx, intent)
  if (!adopted) return false
  await syncPayment(ctx, adopted.id, { alsoWrite })
  return true
}

async function findPayment(ctx: Context, paymentId: string | undefined): Promise<PaymentRow | undefined> {
  if (!paymentId || !Id.safeParse(paymentId).success) return undefined
  const [row] = await ctx.db.select().from(payments).where(eq(payments.id, paymentId))
  return row
}

/** Added as `cancelled`: the sync that follows cancels the intent, unless it was paid. */
async function adopt(ctx: Context, intent: Stripe.PaymentIntent): Promise<PaymentRow | undefined> {
  const { bookingId, kind } = intent.metadata
  if (!bookingId || !Id.safeParse(bookingId).success) return undefined
  const [booking] = await ctx.db.select({ id: bookings.id }).from(bookings).where(eq(bookings.id, bookingId))
  if (!booking) return undefined
  const currency = intent.currency.toUpperCase()
  const [row] = await ctx.db
    .insert(payments)
    .values({
      bookingId,
      kind: kind === 'deposit' || kind === 'balance' ? kind : 'full',
      status: 'cancelled',
      amountMinor: fromStripeAmount(intent.amount, currency),
      currency,
      stripeIntentId: intent.id,
    })
    .onConflictDoNothing()
    .returning()
  if (row) return row
  const [other] = await ctx.db.select().from(payments).where(eq(payments.stripeIntentId, intent.id))
  return other
}

type ListInput = { limit: number; cursor?: string | undefined; state?: StripeEventRow['state'] | undefined }

export async function listEvents(ctx: Context, { limit, cursor, state }: ListInput) {
  const [after] = cursor ? await ctx.db.select().from(stripeEvents).where(eq(stripeEvents.id, cursor)) : []
  const rows = await ctx.db
    .select()
    .from(stripeEvents)
    .where(
      and(
        state && eq(stripeEvents.state, state),
        after &&
          sql`(${stripeEvents.receivedAt}, ${stripeEvents.id}) < (${iso(after.receivedAt)}, ${after.id})`,
      ),
    )
    .orderBy(desc(stripeEvents.receivedAt), desc(stripeEvents.id))
    .limit(limit + 1)
  const shown = rows.slice(0, limit)
  return { items: shown.map(eventView), nextCursor: rows.length > limit ? (shown.at(-1)?.id ?? null) : null }
}

/** Processes a Stripe event again at once. @throws NOT_FOUND, INVALID_STATE if it is done */
export async function retryEvent(ctx: Context, { id }: { id: string }): Promise<StripeEvent> {
  return ctx.db.transaction(async (tx) => {
    const [event] = await tx.select().from(stripeEvents).where(eq(stripeEvents.id, id)).for('no key update')
    if (!event) throw notFound('event')
    if (event.state === 'done') throw new AppError('INVALID_STATE', 'This Stripe event is already processed.')
    const [row] = await tx
      .update(stripeEvents)
      .set({ state: 'waiting' })
      .where(eq(stripeEvents.id, id))
      .returning()
    await enqueue(tx, 'stripe-event', { eventId: id }, { key: `stripe-event:${id}` })
    return eventView(row ?? event)
  })
}

/** Deletes processed events after 90 days. Stripe does not resend events that old. */
export async function deleteOldEvents({ db }: Pick<Deps, 'db'>): Promise<number> {
  const rows = await db
    .delete(stripeEvents)
    .where(
      and(
        sql`${stripeEvents.state} IN ('done', 'ignored')`,
        lt(stripeEvents.receivedAt, sql`now() - interval '90 days'`),
      ),
    )
    .returning({ id: stripeEvents.id })
  return rows.length
}

const eventView = (row: StripeEventRow): StripeEvent => ({
  id: row.id,
  type: row.type,
  state: row.state,
  intentId: row.intentId,
  attempts: row.attempts,
  error: row.error,
  receivedAt: iso(row.receivedAt),
  processedAt: isoOrNull(row.processedAt),
})
