import { sql } from 'drizzle-orm'
import { bigint, check, index, integer, pgTable, pgView, text, uuid } from 'drizzle-orm/pg-core'
import { instant } from './columns'

/** The interface through which a booking was made. `system` is the server itself, such as a seat given to the waitlist. */
export const SOURCES = ['web', 'rest', 'socket', 'telegram', 'admin', 'system'] as const
export type Source = (typeof SOURCES)[number]

/** The kinds stored in this table. The view `happenings` derives the others from the bookings. */
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
 * An append-only log, written by triggers. Holds, releases and expiries are too frequent to store: the view `happenings`
 * derives them from the bookings. Rows outlive the rows they refer to, so there are no foreign keys.
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
    /** Never negative; `kind` gives the direction. */
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

/** All of `activity`, and `held`, `released` and `expired`, which are derived from the bookings. */
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
