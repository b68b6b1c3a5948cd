import { sql } from 'drizzle-orm'
import { boolean, check, index, integer, jsonb, pgTable, text, uuid } from 'drizzle-orm/pg-core'
import { createdAt, id, instant } from './columns'
import { locations } from './locations'
import { type CancellationTier, spaces } from './spaces'
import { users } from './users'

/** The trigger `event_attendees_count` counts `attending`, `held` and `waiting`; `events_capacity_kept` prevents overbooking. */
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
    /** The number of seats; null is unlimited. */
    capacity: integer('capacity'),
    priceMinor: integer('price_minor').notNull().default(0),
    currency: text('currency').notNull().default('EUR'),
    /** The refund policy; copied to each seat's booking. */
    cancellation: jsonb('cancellation')
      .$type<CancellationTier[]>()
      .notNull()
      .default([{ hoursBefore: 24, refundPercent: 100 }]),
    visibility: text('visibility', { enum: ['public', 'members'] })
      .notNull()
      .default('public'),
    attending: integer('attending').notNull().default(0),
    held: integer('held').notNull().default(0),
    waiting: integer('waiting').notNull().default(0),
    /** Set by the sweep after the end, so that the removal from live views has a version, like any change. */
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

/** Stored for 30 days so that calendar feeds can report the cancellation. Contains nothing about attendees. */
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
