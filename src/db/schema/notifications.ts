import { sql } from 'drizzle-orm'
import {
  boolean,
  check,
  index,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core'
import { bookings } from './bookings'
import { createdAt, id, instant } from './columns'
import { users } from './users'

export const CHANNELS = ['app', 'email', 'telegram'] as const
export type ChannelName = (typeof CHANNELS)[number]

/**
 * The content of a notification, frozen when it is created, so that a later rename or deletion does not change it. Names of
 * users are left out, because they must disappear with the account.
 */
export type NotificationFacts = {
  /** The reader's side of the booking. */
  side?: 'customer' | 'specialist'
  space?: string | null
  service?: string | null
  location?: string | null
  timeZone?: string | null
  /** Instants in milliseconds since 1970. */
  startsAt?: number
  endsAt?: number
  answerBy?: number | null
  formerly?: number
  by?: 'customer' | 'specialist' | 'operator' | 'clock'
  title?: string | null
  amountMinor?: number
  currency?: string
  /** The points earned, and the balance with them. */
  points?: number
  total?: number
  tier?: 'bronze' | 'silver' | 'gold'
  discountPercent?: number
  extraNoticeDays?: number
  [more: string]: unknown
}

/**
 * Inserted by the transaction that causes the notification; `source` prevents duplicates. A notification outlives its event,
 * so `event_id` is not a foreign key.
 */
export const notifications = pgTable(
  'notifications',
  {
    id: id(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    kind: text('kind').notNull(),
    bookingId: uuid('booking_id').references(() => bookings.id, { onDelete: 'set null' }),
    eventId: uuid('event_id'),
    source: text('source').notNull(),
    facts: jsonb('facts').$type<NotificationFacts>().notNull().default({}),
    readAt: instant('read_at'),
    /** When it was handed to the user's channels. */
    toldAt: instant('told_at'),
    /** Set if it became false before delivery. It is then never delivered or listed. */
    withdrawnAt: instant('withdrawn_at'),
    createdAt: createdAt(),
  },
  (table) => [
    index('notifications_user').on(table.userId, table.id),
    index('notifications_booking').on(table.bookingId),
    uniqueIndex('notifications_once').on(table.userId, table.kind, table.source),
    index('notifications_unread')
      .on(table.userId)
      .where(sql`${table.readAt} IS NULL AND ${table.withdrawnAt} IS NULL`),
    index('notifications_untold')
      .on(table.createdAt)
      .where(sql`${table.toldAt} IS NULL AND ${table.withdrawnAt} IS NULL`),
    index('notifications_created').on(table.createdAt),
  ],
)
export type NotificationRow = typeof notifications.$inferSelect

/** The delivery of a notification by email or Telegram: waiting until `sentAt` or `refused` is set. */
export const notificationDeliveries = pgTable(
  'notification_deliveries',
  {
    notificationId: uuid('notification_id')
      .notNull()
      .references(() => notifications.id, { onDelete: 'cascade' }),
    channel: text('channel', { enum: CHANNELS }).notNull(),
    sentAt: instant('sent_at'),
    refused: text('refused'),
    createdAt: createdAt(),
  },
  (table) => [
    primaryKey({ name: 'notification_deliveries_pkey', columns: [table.notificationId, table.channel] }),
    check('notification_deliveries_channel_known', sql`${table.channel} IN ('app', 'email', 'telegram')`),
    index('notification_deliveries_waiting')
      .on(table.createdAt)
      .where(sql`${table.sentAt} IS NULL AND ${table.refused} IS NULL`),
  ],
)

/** A user's deviations from the default channels of each kind. */
export const notificationPreferences = pgTable(
  'notification_preferences',
  {
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    kind: text('kind').notNull(),
    channel: text('channel', { enum: CHANNELS }).notNull(),
    wanted: boolean('wanted').notNull(),
  },
  (table) => [
    primaryKey({ name: 'notification_preferences_pkey', columns: [table.userId, table.kind, table.channel] }),
    check('notification_preferences_channel_known', sql`${table.channel} IN ('app', 'email', 'telegram')`),
  ],
)
