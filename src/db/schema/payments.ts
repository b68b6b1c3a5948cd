import { sql } from 'drizzle-orm'
import { boolean, check, index, integer, pgTable, text, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bookings } from './bookings'
import { createdAt, id, instant } from './columns'

export const PAYMENT_KINDS = ['full', 'deposit', 'balance'] as const
export const PAYMENT_STATUSES = ['pending', 'processing', 'succeeded', 'failed', 'cancelled'] as const
export const REFUND_STATUSES = ['requested', 'succeeded', 'failed'] as const
export const STRIPE_EVENT_STATES = ['waiting', 'done', 'ignored', 'failed'] as const

/**
 * A Stripe PaymentIntent in its last known state. `failed` is a declined attempt: the intent can still be paid. A row may
 * only be updated from a state that was read from Stripe under a lock on the row.
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
    /** Part of the idempotency keys: Stripe treats another attempt as a new request. */
    attempt: integer('attempt').notNull().default(1),
    stripeIntentId: text('stripe_intent_id'),
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
    index('payments_disputed').on(table.id).where(sql`${table.disputed}`),
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
 * A row counts as refunded from the moment it is inserted; a job then creates the refund at Stripe. A refund created directly
 * at Stripe is added by the next sync.
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
    index('refunds_failed').on(table.id).where(sql`${table.status} = 'failed'`),
    check('refunds_status_known', sql`${table.status} IN ('requested', 'succeeded', 'failed')`),
    check('refunds_amount', sql`${table.amountMinor} > 0`),
  ],
)
export type RefundRow = typeof refunds.$inferSelect

/** Stripe events by their ids. Their content is not stored: it includes names and card digits, and is read from Stripe. */
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
