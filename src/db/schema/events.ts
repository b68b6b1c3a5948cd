import { sql } from 'drizzle-orm'
import { boolean, check, index, integer, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { createdAt, id, instant } from './columns'
import { locations } from './locations'
import { type CancellationTier, spaces } from './spaces'
import { users } from './users'

/**
 * What is on at a location. `attending`, `held` and `waiting` are counted by the trigger `event_attendees_count`, which stands in
 * a migration of its own, so that `events_capacity_kept` holds whoever adds an attendee and however.
 */
export const events = pgTable(
  'events',
  {
    id: id(),
    locationId: uuid('location_id')
      .notNull()
      .references(() => locations.id, { onDelete: 'cascade' }),
    spaceId: uuid('space_id').references(() => spaces.id, { onDelete: 'set null' }),
    creatorId: uuid('creator_id').references(() => users.id, { onDelete: 'set null' }),
    title: text('title').notNull(),
    text: text('text').notNull().default(''),
    startsAt: instant('starts_at').notNull(),
    endsAt: instant('ends_at').notNull(),
    /** How many may attend; null is any number. */
    capacity: integer('capacity'),
    priceMinor: integer('price_minor').notNull().default(0),
    currency: text('currency').notNull().default('EUR'),
    /** What of the price goes back to who leaves; frozen on the booking of each place. */
    cancellation: jsonb('cancellation')
      .$type<CancellationTier[]>()
      .notNull()
      .default([{ hoursBefore: 24, refundPercent: 100 }]),
    visibility: text('visibility', { enum: ['public', 'members'] })
      .notNull()
      .default('public'),
    attending: integer('attending').notNull().default(0),
    /** Places that somebody has and has not paid for yet. */
    held: integer('held').notNull().default(0),
    waiting: integer('waiting').notNull().default(0),
    /** Set by the sweep once it has ended, so that it leaves the board of its location by a version, as every change does. */
    over: boolean('over').notNull().default(false),
    createdAt: createdAt(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [
    index('events_location').on(table.locationId, table.endsAt),
    index('events_coming').on(table.locationId, table.startsAt, table.id).where(sql`NOT ${table.over}`),
    index('events_ending').on(table.endsAt).where(sql`NOT ${table.over}`),
    index('events_order').on(table.startsAt, table.id),
    index('events_space').on(table.spaceId),
    index('events_creator').on(table.creatorId),
    check('events_period', sql`${table.startsAt} < ${table.endsAt}`),
    check('events_capacity', sql`${table.capacity} >= 1`),
    check('events_capacity_kept', sql`${table.attending} + ${table.held} <= ${table.capacity}`),
    check('events_counts', sql`${table.attending} >= 0 AND ${table.held} >= 0 AND ${table.waiting} >= 0`),
    check('events_price', sql`${table.priceMinor} >= 0`),
    check('events_visibility_known', sql`${table.visibility} IN ('public', 'members')`),
  ],
)
export type EventRow = typeof events.$inferSelect

/**
 * What is kept for a while of an event that was cancelled, so that whoever has it in a calendar is told there. Nobody can tell from it who would
 * have come.
 */
export const cancelledEvents = pgTable(
  'cancelled_events',
  {
    id: uuid('id').primaryKey(),
    locationId: uuid('location_id')
      .notNull()
      .references(() => locations.id, { onDelete: 'cascade' }),
    title: text('title').notNull(),
    startsAt: instant('starts_at').notNull(),
    endsAt: instant('ends_at').notNull(),
    visibility: text('visibility', { enum: ['public', 'members'] }).notNull(),
    cancelledAt: instant('cancelled_at').notNull().default(sql`clock_timestamp()`),
  },
  (table) => [index('cancelled_events_at').on(table.cancelledAt)],
)
