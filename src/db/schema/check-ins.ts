import { sql } from 'drizzle-orm'
import { check, index, pgTable, text, unique, uniqueIndex, uuid } from 'drizzle-orm/pg-core'
import { bookings } from './bookings'
import { createdAt, id, instant } from './columns'
import { locations } from './locations'
import { users } from './users'

export const CHECK_IN_WAYS = ['hand', 'door', 'booking'] as const

/** A check-in without `until` is current. A user has at most one current check-in. */
export const checkIns = pgTable(
  'check_ins',
  {
    id: id(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    locationId: uuid('location_id')
      .notNull()
      .references(() => locations.id, { onDelete: 'cascade' }),
    bookingId: uuid('booking_id').references(() => bookings.id, { onDelete: 'set null' }),
    way: text('way', { enum: CHECK_IN_WAYS }).notNull(),
    note: text('note'),
    since: instant('since').notNull().default(sql`clock_timestamp()`),
    until: instant('until'),
  },
  (table) => [
    uniqueIndex('check_ins_current').on(table.userId).where(sql`${table.until} IS NULL`),
    index('check_ins_present').on(table.locationId).where(sql`${table.until} IS NULL`),
    index('check_ins_user').on(table.userId),
    index('check_ins_booking').on(table.bookingId).where(sql`${table.bookingId} IS NOT NULL`),
    check('check_ins_way_known', sql`${table.way} IN ('hand', 'door', 'booking')`),
    check('check_ins_period', sql`${table.since} <= ${table.until}`),
  ],
)
export type CheckInRow = typeof checkIns.$inferSelect

/** The secret of a location's door screen, which is not signed in. Only the hash is stored; a new secret replaces the old. */
export const doorScreens = pgTable(
  'door_screens',
  {
    locationId: uuid('location_id')
      .primaryKey()
      .references(() => locations.id, { onDelete: 'cascade' }),
    secretHash: text('secret_hash').notNull(),
    createdAt: createdAt(),
  },
  (table) => [unique('door_screens_hash_key').on(table.secretHash)],
)
