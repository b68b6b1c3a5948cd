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

/** The ways in which a person may be reached. */
export const CHANNELS = ['app', 'email', 'telegram'] as const
export type ChannelName = (typeof CHANNELS)[number]

/**
 * What a notification speaks of, as it was when it became true: a space that has another name since, or a booking that is
 * gone, leaves the sentence as it was. Names of people are no part of it, so that they go with their account.
 */
export type NotificationFacts = {
  /** On which side of the booking its reader is. */
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
  /** Of the event that it is about, or at which the booking is a place. */
  title?: string | null
  amountMinor?: number
  currency?: string
  /** Points that were earned, and how many there are then. */
  points?: number
  total?: number
  tier?: 'bronze' | 'silver' | 'gold'
  discountPercent?: number
  extraNoticeDays?: number
  [more: string]: unknown
}

/**
 * What a person is told, written by the transaction that makes it true. `source` keeps it from being told twice. An event
 * that is gone is still spoken of, so `event_id` refers to nothing.
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
    /** When it was pushed, and handed to whichever further channels its person wants. */
    toldAt: instant('told_at'),
    /** When it turned out, before it was told, that it was not so any more: nobody hears or reads of it. */
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

/** A notification on its way through a channel outside of here: sent, refused for good, or neither yet. */
export const notificationDeliveries = pgTable(
  'notification_deliveries',
  {
    notificationId: uuid('notification_id')
      .notNull()
      .references(() => notifications.id, { onDelete: 'cascade' }),
    channel: text('channel', { enum: CHANNELS }).notNull(),
    sentAt: instant('sent_at'),
    /** Why it will never be sent. */
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

/** Where a person wishes otherwise than a kind's defaults. */
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
