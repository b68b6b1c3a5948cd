import { sql } from 'drizzle-orm'
import { check, index, integer, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core'
import { id, instant } from './columns'
import { users } from './users'

export const LOYALTY_KINDS = [
  'earned',
  'reviewed',
  'clawed_back',
  'redeemed',
  'given_back',
  'correction',
] as const

/**
 * The ledger of points: a balance is the sum of a user's entries. Triggers on bookings and reviews write all entries except
 * corrections; the unique `source` prevents duplicates. The trigger `loyalty_entries_stay` rejects updates, and any deletion
 * except that of the user.
 */
export const loyaltyEntries = pgTable(
  'loyalty_entries',
  {
    id: id(),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    points: integer('points').notNull(),
    kind: text('kind', { enum: LOYALTY_KINDS }).notNull(),
    /** Not a foreign key: the entry outlives the booking. */
    bookingId: uuid('booking_id'),
    source: text('source').notNull(),
    reason: text('reason'),
    /** The admin; null on the command line. */
    madeBy: uuid('made_by'),
    createdAt: instant('created_at').notNull().default(sql`clock_timestamp()`),
  },
  (table) => [
    unique('loyalty_entries_source_key').on(table.source),
    index('loyalty_entries_user').on(table.userId, table.id),
    index('loyalty_entries_booking').on(table.bookingId).where(sql`${table.bookingId} IS NOT NULL`),
    check(
      'loyalty_entries_kind_known',
      sql`${table.kind} IN ('earned', 'reviewed', 'clawed_back', 'redeemed', 'given_back', 'correction')`,
    ),
    check(
      'loyalty_entries_sign',
      sql`${table.points} <> 0 AND (${table.kind} = 'correction' OR (${table.points} < 0) = (${table.kind} IN ('clawed_back', 'redeemed')))`,
    ),
    check('loyalty_entries_why', sql`(${table.kind} = 'correction') = (${table.reason} IS NOT NULL)`),
  ],
)
export type LoyaltyEntryRow = typeof loyaltyEntries.$inferSelect
