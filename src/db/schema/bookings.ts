import { sql } from 'drizzle-orm'
import { customType, index, integer, jsonb, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { SOURCES } from './activity'
import { createdAt, id, instant } from './columns'
import { events } from './events'
import { locations } from './locations'
import { type CancellationTier, spaces } from './spaces'
import { services, specialists } from './specialists'
import { users } from './users'

const period = customType<{ data: string }>({ dataType: () => 'tstzrange' })

export const BOOKING_STATUSES = [
  'held',
  'pending',
  'confirmed',
  'completed',
  'cancelled',
  'expired',
  'declined',
  'no_show',
] as const
export type BookingStatus = (typeof BOOKING_STATUSES)[number]

/**
 * `kind` is one of:
 * - `booking`: one row for its whole life, from the hold on
 * - `event`: the claim of an event on one unit of its space; deleted with the event
 * - `attendance`: a seat with a price; claims no calendar, and outlives its event because of its payments
 *
 * A held, pending or confirmed row of the first two kinds claims `claimed`, its time plus the buffer. Drizzle cannot express
 * the exclusion constraints `bookings_space_claim` and `bookings_specialist_claim` or the trigger `bookings_guard`, which
 * checks transitions: migrations create them.
 */
export const bookings = pgTable(
  'bookings',
  {
    id: id(),
    kind: text('kind', { enum: ['booking', 'event', 'attendance'] })
      .notNull()
      .default('booking'),
    eventId: uuid('event_id').references(() => events.id, { onDelete: 'cascade' }),
    /** The event of a seat. */
    attendsEventId: uuid('attends_event_id').references(() => events.id, { onDelete: 'set null' }),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id),
    status: text('status', { enum: BOOKING_STATUSES }).notNull(),
    locationId: uuid('location_id')
      .notNull()
      .references(() => locations.id),
    spaceId: uuid('space_id').references(() => spaces.id),
    unit: integer('unit'),
    specialistId: uuid('specialist_id').references(() => specialists.id),
    /** The specialist's user at the time of booking. */
    specialistUserId: uuid('specialist_user_id').references(() => users.id, { onDelete: 'set null' }),
    serviceId: uuid('service_id').references(() => services.id),
    startsAt: instant('starts_at').notNull(),
    endsAt: instant('ends_at').notNull(),
    claimed: period('claimed').notNull(),
    /** The earliest start that the booking ever had. The cancellation policy counts from it. */
    firstStartsAt: instant('first_starts_at').notNull(),
    holdExpiresAt: instant('hold_expires_at'),
    arrivedAt: instant('arrived_at'),
    /** How long the specialist has to approve, in hours; null if no approval is needed. */
    answerHours: integer('answer_hours'),
    answerBy: instant('answer_by'),
    priceMinor: integer('price_minor').notNull(),
    /** The tier discount that `priceMinor` already includes. */
    discountMinor: integer('discount_minor').notNull().default(0),
    depositMinor: integer('deposit_minor').notNull().default(0),
    paidMinor: integer('paid_minor').notNull().default(0),
    refundedMinor: integer('refunded_minor').notNull().default(0),
    balanceDueMinor: integer('balance_due_minor').notNull().default(0),
    /** The points used, and the part of the price that they pay. A trigger updates the ledger. */
    redeemedPoints: integer('redeemed_points').notNull().default(0),
    pointsMinor: integer('points_minor').notNull().default(0),
    currency: text('currency').notNull(),
    cancellation: jsonb('cancellation').$type<CancellationTier[]>().notNull(),
    notes: text('notes'),
    source: text('source', { enum: SOURCES }).notNull().default('system'),
    /** When the hold became pending or confirmed; set by the trigger `bookings_guard`. */
    bookedAt: instant('booked_at'),
    createdAt: createdAt(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [
    index('bookings_user').on(table.userId, table.id),
    index('bookings_event').on(table.eventId).where(sql`${table.eventId} IS NOT NULL`),
    index('bookings_attends').on(table.attendsEventId).where(sql`${table.attendsEventId} IS NOT NULL`),
    uniqueIndex('bookings_one_place')
      .on(table.attendsEventId, table.userId)
      .where(sql`${table.attendsEventId} IS NOT NULL AND ${table.status} IN ('held', 'confirmed')`),
    index('bookings_user_holds').on(table.userId).where(sql`${table.status} = 'held'`),
    index('bookings_location').on(table.locationId, table.startsAt),
    index('bookings_specialist_user')
      .on(table.specialistUserId, table.id)
      .where(sql`${table.specialistUserId} IS NOT NULL`),
    index('bookings_specialist_start')
      .on(table.specialistUserId, table.startsAt)
      .where(sql`${table.specialistUserId} IS NOT NULL`),
    index('bookings_answer').on(table.answerBy).where(sql`${table.status} = 'pending'`),
    // Rows are stored in order of creation, so BRIN is small and adds almost no cost to a hold.
    index('bookings_created').using('brin', table.createdAt),
    index('bookings_hold_expiry').on(table.holdExpiresAt).where(sql`${table.status} = 'held'`),
    index('bookings_confirmed_end').on(table.endsAt).where(sql`${table.status} = 'confirmed'`),
    // These hold rare rows only, and never the hold of a slot of at most a day.
    index('bookings_long')
      .on(table.startsAt, table.endsAt)
      .where(sql`${table.endsAt} - ${table.startsAt} > interval '1 day'`),
    index('bookings_rare').on(table.status, table.id).where(sql`${table.status} IN ('declined', 'no_show')`),
    index('bookings_attendance').on(table.id).where(sql`${table.kind} = 'attendance'`),
    index('bookings_attendance_start').on(table.startsAt, table.id).where(sql`${table.kind} = 'attendance'`),
    // The trigger bookings_guard checks what a row may hold: a CHECK costs each statement more.
  ],
)
export type BookingRow = typeof bookings.$inferSelect
