import { sql } from 'drizzle-orm'
import { boolean, check, index, integer, pgTable, text, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bookings } from './bookings'
import { createdAt, id, instant } from './columns'

export const PAYMENT_KINDS = ['full', 'deposit', 'balance'] as const
export const PAYMENT_STATUSES = ['pending', 'processing', 'succeeded', 'failed', 'cancelled'] as const
export const REFUND_STATUSES = ['requested', 'succeeded', 'failed'] as const
export const STRIPE_EVENT_STATES = ['waiting', 'done', 'ignored', 'failed'] as const

/**
 * One payment intent of Stripe's, and what we last saw of it. `failed` means that the last attempt was declined: the same
 * intent may still be paid. A row is changed only under a lock on it, after Stripe was asked under that lock.
 */
export const payments = pgTable(
  'payments',
  {
    id: id(),
    bookingId: uuid('booking_id')
      .notNull()
      .references(() => bookings.id),
    kind: text('kind', { enum: PAYMENT_KINDS }).notNull(),
    status: text('status', { enum: PAYMENT_STATUSES }).notNull().default('pending'),
    amountMinor: integer('amount_minor').notNull(),
    receivedMinor: integer('received_minor').notNull().default(0),
    currency: text('currency').notNull(),
    /** Part of the idempotency keys: another attempt is another request to Stripe. */
    attempt: integer('attempt').notNull().default(1),
    stripeIntentId: text('stripe_intent_id'),
    /** Why the last attempt was declined, in Stripe's code. */
    failureCode: text('failure_code'),
    disputed: boolean('disputed').notNull().default(false),
    createdAt: createdAt(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [
    unique('payments_intent_key').on(table.stripeIntentId),
    index('payments_booking').on(table.bookingId),
    uniqueIndex('payments_one_open')
      .on(table.bookingId, table.kind)
      .where(sql`${table.status} IN ('pending', 'processing', 'failed')`),
    check('payments_kind_known', sql`${table.kind} IN ('full', 'deposit', 'balance')`),
    check(
      'payments_status_known',
      sql`${table.status} IN ('pending', 'processing', 'succeeded', 'failed', 'cancelled')`,
    ),
    check('payments_amount', sql`${table.amountMinor} > 0 AND ${table.receivedMinor} >= 0`),
  ],
)
export type PaymentRow = typeof payments.$inferSelect

/**
 * Money that goes back. A row is written under the lock of the booking's calendar, where it counts at once; the queue
 * makes the refund at Stripe. One that was made at Stripe by hand is written down when it is first seen.
 */
export const refunds = pgTable(
  'refunds',
  {
    id: id(),
    paymentId: uuid('payment_id')
      .notNull()
      .references(() => payments.id),
    amountMinor: integer('amount_minor').notNull(),
    status: text('status', { enum: REFUND_STATUSES }).notNull().default('requested'),
    reason: text('reason'),
    attempt: integer('attempt').notNull().default(1),
    stripeRefundId: text('stripe_refund_id'),
    failureCode: text('failure_code'),
    createdAt: createdAt(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [
    unique('refunds_stripe_key').on(table.stripeRefundId),
    index('refunds_payment').on(table.paymentId),
    index('refunds_requested').on(table.createdAt).where(sql`${table.status} = 'requested'`),
    check('refunds_status_known', sql`${table.status} IN ('requested', 'succeeded', 'failed')`),
    check('refunds_amount', sql`${table.amountMinor} > 0`),
  ],
)
export type RefundRow = typeof refunds.$inferSelect

/**
 * The inbox of Stripe's events, by their own ids. It keeps what they are about and nothing that they say, since Stripe is
 * asked for that, and since events carry people's names and the last digits of their cards.
 */
export const stripeEvents = pgTable(
  'stripe_events',
  {
    id: text('id').primaryKey(),
    type: text('type').notNull(),
    intentId: text('intent_id'),
    state: text('state', { enum: STRIPE_EVENT_STATES }).notNull().default('waiting'),
    attempts: integer('attempts').notNull().default(0),
    error: text('error'),
    receivedAt: instant('received_at').notNull().defaultNow(),
    processedAt: instant('processed_at'),
  },
  (table) => [
    index('stripe_events_received').on(table.receivedAt),
    index('stripe_events_unfinished').on(table.state).where(sql`${table.state} IN ('waiting', 'failed')`),
    check('stripe_events_state_known', sql`${table.state} IN ('waiting', 'done', 'ignored', 'failed')`),
  ],
)
export type StripeEventRow = typeof stripeEvents.$inferSelect
