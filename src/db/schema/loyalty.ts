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
 * The ledger of points: a balance is the sum of a person's entries. Nothing in it is ever changed, and nothing is deleted
 * but with the person, which the trigger `loyalty_entries_stay` sees to. What follows from bookings and reviews is
 * written by triggers, in the transaction that changes them; `source` names what an entry is for, and keeps it from being
 * written twice. They all stand in a migration of their own.
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
    /** What it is about. No key of another table: the ledger outlives what it tells of. */
    bookingId: uuid('booking_id'),
    source: text('source').notNull(),
    /** Why an operator has corrected, and who it was; null on the command line. */
    reason: text('reason'),
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
