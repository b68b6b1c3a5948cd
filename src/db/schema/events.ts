import { sql } from 'drizzle-orm'
import { bigint, check, index, integer, pgTable, primaryKey, smallint, text, uuid } from 'drizzle-orm/pg-core'
import { createdAt, id, instant } from './columns'
import { locations } from './locations'
import { spaces } from './spaces'
import { users } from './users'

/**
 * What is on at a location. `attending` and `waiting` are counted by the trigger `event_attendees_count`, which stands in
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
    visibility: text('visibility', { enum: ['public', 'members'] })
      .notNull()
      .default('public'),
    attending: integer('attending').notNull().default(0),
    waiting: integer('waiting').notNull().default(0),
    createdAt: createdAt(),
    updatedAt: instant('updated_at').notNull().defaultNow(),
  },
  (table) => [
    index('events_location').on(table.locationId, table.endsAt),
    index('events_order').on(table.startsAt, table.id),
    index('events_space').on(table.spaceId),
    index('events_creator').on(table.creatorId),
    check('events_period', sql`${table.startsAt} < ${table.endsAt}`),
    check('events_capacity', sql`${table.capacity} >= 1`),
    check('events_capacity_kept', sql`${table.attending} <= ${table.capacity}`),
    check('events_counts', sql`${table.attending} >= 0 AND ${table.waiting} >= 0`),
    check('events_price', sql`${table.priceMinor} >= 0`),
    check('events_visibility_known', sql`${table.visibility} IN ('public', 'members')`),
  ],
)
export type EventRow = typeof events.$inferSelect

/** Who comes to an event, and who waits for a place: in the order of `position`, which the database gives. */
export const eventAttendees = pgTable(
  'event_attendees',
  {
    eventId: uuid('event_id')
      .notNull()
      .references(() => events.id, { onDelete: 'cascade' }),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    status: text('status', { enum: ['attending', 'waiting'] }).notNull(),
    position: bigint('position', { mode: 'number' }).notNull().generatedAlwaysAsIdentity(),
    /** How many hours before the start the last reminder was for. */
    remindedHours: smallint('reminded_hours'),
    createdAt: createdAt(),
  },
  (table) => [
    primaryKey({ name: 'event_attendees_pkey', columns: [table.eventId, table.userId] }),
    index('event_attendees_user').on(table.userId),
    index('event_attendees_waiting')
      .on(table.eventId, table.position)
      .where(sql`${table.status} = 'waiting'`),
    check('event_attendees_status_known', sql`${table.status} IN ('attending', 'waiting')`),
  ],
)
export type EventAttendeeRow = typeof eventAttendees.$inferSelect
