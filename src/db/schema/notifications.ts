import { sql } from 'drizzle-orm'
import { index, integer, pgTable, text, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bookings } from './bookings'
import { createdAt, id, instant } from './columns'
import { users } from './users'

/** What a person is to be told, written by the transaction that makes it true. `source` keeps it from being told twice. */
export const notifications = pgTable(
  'notifications',
  {
    id: id(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    kind: text('kind').notNull(),
    bookingId: uuid('booking_id').references(() => bookings.id, { onDelete: 'cascade' }),
    source: text('source').notNull(),
    amountMinor: integer('amount_minor'),
    currency: text('currency'),
    readAt: instant('read_at'),
    createdAt: createdAt(),
  },
  (table) => [
    index('notifications_user').on(table.userId, table.id),
    index('notifications_booking').on(table.bookingId),
    uniqueIndex('notifications_once').on(table.kind, table.source),
    index('notifications_unread').on(table.userId).where(sql`${table.readAt} IS NULL`),
  ],
)
export type NotificationRow = typeof notifications.$inferSelect
