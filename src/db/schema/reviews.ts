import { sql } from 'drizzle-orm'
import { check, index, integer, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core'
import { bookings } from './bookings'
import { id, instant } from './columns'
import { spaces } from './spaces'
import { specialists } from './specialists'
import { users } from './users'

/**
 * A review of a completed booking: of its specialist if it has one, else of its space. The trigger `reviews_count` updates
 * `ratingSum` and `reviewCount` of the reviewed row.
 */
export const reviews = pgTable(
  'reviews',
  {
    id: id(),
    bookingId: uuid('booking_id')
      .notNull()
      .references(() => bookings.id, { onDelete: 'cascade' }),
    userId: uuid('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    spaceId: uuid('space_id').references(() => spaces.id),
    specialistId: uuid('specialist_id').references(() => specialists.id),
    rating: integer('rating').notNull(),
    comment: text('comment'),
    answer: text('answer'),
    hiddenAt: instant('hidden_at'),
    hiddenReason: text('hidden_reason'),
    createdAt: instant('created_at').notNull().default(sql`clock_timestamp()`),
  },
  (table) => [
    unique('reviews_booking_key').on(table.bookingId),
    index('reviews_user').on(table.userId),
    index('reviews_space').on(table.spaceId, table.id),
    index('reviews_specialist').on(table.specialistId, table.id),
    check('reviews_rating', sql`${table.rating} BETWEEN 1 AND 5`),
    check('reviews_one_subject', sql`num_nonnulls(${table.spaceId}, ${table.specialistId}) = 1`),
    check('reviews_hidden_why', sql`(${table.hiddenAt} IS NULL) = (${table.hiddenReason} IS NULL)`),
  ],
)
export type ReviewRow = typeof reviews.$inferSelect
