import { sql } from 'drizzle-orm'
import {
  bigint,
  check,
  index,
  pgTable,
  primaryKey,
  smallint,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { bookings } from './bookings'
import { createdAt } from './columns'
import { events } from './events'
import { users } from './users'

/** The attendees, unpaid seats and waitlist of an event, ordered by `position`. A seat with a price follows its booking. */
export const eventAttendees = pgTable(
  'event_attendees',
  {
    eventId: uuid('event_id')
      .notNull()
      .references(() => events.id, { onDelete: 'cascade' }),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    status: text('status', { enum: ['attending', 'held', 'waiting'] }).notNull(),
    /** The booking that pays for the seat; null if the seat is free of charge. */
    bookingId: uuid('booking_id').references(() => bookings.id, { onDelete: 'cascade' }),
    position: bigint('position', { mode: 'number' }).notNull().generatedAlwaysAsIdentity(),
    remindedHours: smallint('reminded_hours'),
    createdAt: createdAt(),
  },
  (table) => [
    primaryKey({ name: 'event_attendees_pkey', columns: [table.eventId, table.userId] }),
    index('event_attendees_user').on(table.userId),
    index('event_attendees_waiting')
      .on(table.eventId, table.position)
      .where(sql`${table.status} = 'waiting'`),
    uniqueIndex('event_attendees_booking').on(table.bookingId),
    check('event_attendees_status_known', sql`${table.status} IN ('attending', 'held', 'waiting')`),
    check(
      'event_attendees_paid_by',
      sql`CASE ${table.status} WHEN 'held' THEN ${table.bookingId} IS NOT NULL WHEN 'waiting' THEN ${table.bookingId} IS NULL ELSE true END`,
    ),
  ],
)
export type EventAttendeeRow = typeof eventAttendees.$inferSelect
