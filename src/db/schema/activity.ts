import { sql } from 'drizzle-orm'
import { bigint, check, index, integer, pgTable, pgView, text, uuid } from 'drizzle-orm/pg-core'
import { instant } from './columns'

/** Through which door a booking was made; `system` is whatever is nobody's request. */
export const SOURCES = ['web', 'rest', 'socket', 'telegram', 'admin', 'system'] as const
export type Source = (typeof SOURCES)[number]

/** What is written down as it happens; the other kinds of the view are read off the bookings themselves. */
const RECORDED_KINDS = [
  'pending',
  'confirmed',
  'declined',
  'cancelled',
  'completed',
  'no_show',
  'rescheduled',
  'paid',
  'refunded',
  'refund_failed',
  'reviewed',
  'checked_in',
] as const

/**
 * What happened, when, to whom: written by triggers, in the transaction that makes it happen, and never changed. A hold, its
 * release and its expiry are not here: the booking's row says all of them (`created_at`, `booked_at`, its state), and they are
 * what happens most by far; the view `happenings` has everything. Without foreign keys, since it outlives what it tells of.
 */
export const activity = pgTable(
  'activity',
  {
    id: bigint('id', { mode: 'number' }).primaryKey().generatedAlwaysAsIdentity(),
    kind: text('kind', { enum: RECORDED_KINDS }).notNull(),
    at: instant('at').notNull().default(sql`clock_timestamp()`),
    bookingId: uuid('booking_id'),
    userId: uuid('user_id'),
    locationId: uuid('location_id'),
    spaceId: uuid('space_id'),
    specialistId: uuid('specialist_id'),
    source: text('source', { enum: SOURCES }),
    /** What came in or went out, never negative: the kind says which. */
    amountMinor: integer('amount_minor'),
    currency: text('currency'),
  },
  (table) => [
    index('activity_money').on(table.at).where(sql`${table.amountMinor} IS NOT NULL`),
    index('activity_booking').on(table.bookingId),
    check(
      'activity_kind_known',
      sql`${table.kind} IN ('pending', 'confirmed', 'declined', 'cancelled', 'completed', 'no_show', 'rescheduled', 'paid', 'refunded', 'refund_failed', 'reviewed', 'checked_in')`,
    ),
    check(
      'activity_money_whole',
      sql`(${table.amountMinor} IS NULL) = (${table.currency} IS NULL) AND ${table.amountMinor} >= 0`,
    ),
  ],
)

/** Everything that happened to bookings and people, with `held`, `released` and `expired` besides what is recorded. */
export const happenings = pgView('happenings', {
  kind: text('kind').notNull(),
  at: instant('at').notNull(),
  bookingId: uuid('booking_id'),
  userId: uuid('user_id'),
  locationId: uuid('location_id'),
  spaceId: uuid('space_id'),
  specialistId: uuid('specialist_id'),
  source: text('source', { enum: SOURCES }),
  amountMinor: integer('amount_minor'),
  currency: text('currency'),
}).existing()
