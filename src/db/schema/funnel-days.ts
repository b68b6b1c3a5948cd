import { sql } from 'drizzle-orm'
import { check, date, integer, pgTable, text, unique, uuid } from 'drizzle-orm/pg-core'
import { SOURCES } from './activity'
import { locations } from './locations'

/**
 * Daily totals of the ended holds that retention has deleted. Analytics adds them to the holds that are still rows. `day` is
 * the date on which the hold was made, in the time zone that the location had when the hold was deleted.
 */
export const funnelDays = pgTable(
  'funnel_days',
  {
    locationId: uuid('location_id')
      .notNull()
      .references(() => locations.id),
    day: date('day').notNull(),
    kind: text('kind', { enum: ['booking', 'attendance'] }).notNull(),
    /** Like those of `activity`, the ids of spaces and specialists are not foreign keys. */
    spaceId: uuid('space_id'),
    specialistId: uuid('specialist_id'),
    source: text('source', { enum: SOURCES }).notNull(),
    released: integer('released').notNull(),
    expired: integer('expired').notNull(),
  },
  (table) => [
    unique('funnel_days_key')
      .on(table.locationId, table.day, table.kind, table.spaceId, table.specialistId, table.source)
      .nullsNotDistinct(),
    check('funnel_days_counts', sql`${table.released} >= 0 AND ${table.expired} >= 0`),
  ],
)
