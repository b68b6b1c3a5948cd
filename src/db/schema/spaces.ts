import { boolean, index, integer, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { createdAt, id, instant } from './columns'
import { locations } from './locations'

/** The refund for a cancellation at least `hoursBefore` the start. The tier with the most hours that applies is used. */
export type CancellationTier = { hoursBefore: number; refundPercent: number }

export const SPACE_KINDS = ['desk', 'meeting_room', 'private_office', 'event_hall', 'phone_booth'] as const

/**
 * A calendar of `units` identical desks or rooms. `version` counts changes of the calendar and `rulesVersion` those of its
 * rules, both under a lock on this row.
 */
export const spaces = pgTable(
  'spaces',
  {
    id: id(),
    locationId: uuid('location_id')
      .notNull()
      .references(() => locations.id),
    name: text('name').notNull(),
    kind: text('kind', { enum: SPACE_KINDS }).notNull(),
    capacity: integer('capacity').notNull().default(1),
    units: integer('units').notNull().default(1),
    slotMinutes: integer('slot_minutes').notNull().default(60),
    bufferMinutes: integer('buffer_minutes').notNull().default(0),
    priceMinor: integer('price_minor').notNull().default(0),
    currency: text('currency').notNull().default('EUR'),
    minNoticeMinutes: integer('min_notice_minutes').notNull().default(0),
    maxNoticeDays: integer('max_notice_days').notNull().default(90),
    maxSlots: integer('max_slots').notNull().default(8),
    /** Minutes after the start at which a booking without an arrival becomes a no-show; null is never. */
    arrivalGraceMinutes: integer('arrival_grace_minutes'),
    ownHours: boolean('own_hours').notNull().default(false),
    cancellation: jsonb('cancellation')
      .$type<CancellationTier[]>()
      .notNull()
      .default([{ hoursBefore: 24, refundPercent: 100 }]),
    ratingSum: integer('rating_sum').notNull().default(0),
    reviewCount: integer('review_count').notNull().default(0),
    version: integer('version').notNull().default(1),
    rulesVersion: integer('rules_version').notNull().default(1),
    removedAt: instant('removed_at'),
    createdAt: createdAt(),
  },
  (table) => [
    index('spaces_location').on(table.locationId),
    // The trigger spaces_guard checks the settings: a CHECK would cost every hold, which raises the version.
  ],
)
export type SpaceRow = typeof spaces.$inferSelect
