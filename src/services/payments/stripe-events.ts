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
 * Puts a verified event into the inbox, and asks for its work, in one transaction; the same event again changes nothing.
 * What it says is not kept: Stripe is asked for the present state when the event is worked on.
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

/** The intent that an event is about; charges, refunds and disputes name theirs. */
function intentOf({ data }: Stripe.Event): string | null {
  const object = data.object as { object?: unknown; id?: unknown; payment_intent?: unknown }
  const id = object.object === 'payment_intent' ? object.id : object.payment_intent
  return typeof id === 'string' && /^pi_\w{1,100}$/.test(id) ? id : null
}

/**
 * Works on one event of the inbox: what it is about is asked for at Stripe and written down with the event in one
 * transaction. Duplicates, events out of order and those about nothing of ours are harmless.
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

type AlsoWrite = NonNullable<Parameters<typeof syncPayment>[2]>['also']

/**
 * Brings whatever we have of an intent to what Stripe has. An intent of ours that no row knows (our call was cut off, or
 * it was made twice) is adopted: money that came for it is settled, and it is cancelled where none did.
 * @returns false where it is nothing of ours
 */
export async function syncIntent(ctx: Context, intentId: string, also?: AlsoWrite): Promise<boolean> {
  const [known] = await ctx.db.select().from(payments).where(eq(payments.stripeIntentId, intentId))
  if (known) {
    await syncPayment(ctx, known.id, { also })
    return true
  }
  const intent = await ctx.stripe.api().paymentIntents.retrieve(intentId)
  const expected = await rowOf(ctx, intent.metadata.paymentId)
  if (expected) {
    // Our own call may be about to write it down: the lock waits for that.
    const { payment } = await syncPayment(ctx, expected.id, {
      act: (row) => Promise.resolve(row.stripeIntentId ?? intentId),
    })
    if (payment.stripeIntentId === intentId) {
      await syncPayment(ctx, expected.id, { also })
      return true
    }
  }
  const adopted = await adopt(ctx, intent)
  if (!adopted) return false
  await syncPayment(ctx, adopted.id, { also })
  return true
}

async function rowOf(ctx: Context, paymentId: string | undefined): Promise<PaymentRow | undefined> {
  if (!paymentId || !Id.safeParse(paymentId).success) return undefined
  const [row] = await ctx.db.select().from(payments).where(eq(payments.id, paymentId))
  return row
}

/** Written down as cancelled, which it becomes by the look that follows unless money came for it. */
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

/** Events of the inbox, the newest first. */
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

/** Works on an event again, now. @throws NOT_FOUND, INVALID_STATE where it is done */
export async function retryEvent(ctx: Context, { id }: { id: string }): Promise<StripeEvent> {
  return ctx.db.transaction(async (tx) => {
    const [event] = await tx.select().from(stripeEvents).where(eq(stripeEvents.id, id)).for('no key update')
    if (!event) throw notFound('event')
    if (event.state === 'done') throw new AppError('INVALID_STATE', 'This event was worked on already.')
    const [row] = await tx
      .update(stripeEvents)
      .set({ state: 'waiting' })
      .where(eq(stripeEvents.id, id))
      .returning()
    await enqueue(tx, 'stripe-event', { eventId: id }, { key: `stripe-event:${id}` })
    return eventView(row ?? event)
  })
}

/** Forgets events that were done with long ago; Stripe sends none again after that. */
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
