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

/**
 * Who comes to an event, who holds a place that is to be paid for, and who waits: in the order of `position`, which the
 * database gives. Where an event has a price, the place follows its booking.
 */
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
    /** By which the place is paid for; null where it costs nothing. */
    bookingId: uuid('booking_id').references(() => bookings.id, { onDelete: 'cascade' }),
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
    uniqueIndex('event_attendees_booking').on(table.bookingId),
    check('event_attendees_status_known', sql`${table.status} IN ('attending', 'held', 'waiting')`),
    check(
      'event_attendees_paid_by',
      sql`CASE ${table.status} WHEN 'held' THEN ${table.bookingId} IS NOT NULL WHEN 'waiting' THEN ${table.bookingId} IS NULL ELSE true END`,
    ),
  ],
)
export type EventAttendeeRow = typeof eventAttendees.$inferSelect
