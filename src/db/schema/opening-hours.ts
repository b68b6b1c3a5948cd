import { sql } from 'drizzle-orm'
import { check, index, pgTable, smallint, text, uuid } from 'drizzle-orm/pg-core'
import { createdAt, id, instant } from './columns'
import { locations } from './locations'
import { spaces } from './spaces'
import { specialists } from './specialists'

/** Weekly hours of a location, of a space with its own hours, or of a specialist, in the location's local time. */
export const openingHours = pgTable(
  'opening_hours',
  {
    id: id(),
    locationId: uuid('location_id').references(() => locations.id, { onDelete: 'cascade' }),
    spaceId: uuid('space_id').references(() => spaces.id, { onDelete: 'cascade' }),
    specialistId: uuid('specialist_id').references(() => specialists.id, { onDelete: 'cascade' }),
    weekday: smallint('weekday').notNull(),
    opensAt: text('opens_at').notNull(),
    closesAt: text('closes_at').notNull(),
  },
  (table) => [
    index('opening_hours_location').on(table.locationId),
    index('opening_hours_space').on(table.spaceId),
    index('opening_hours_specialist').on(table.specialistId),
    check(
      'opening_hours_one_owner',
      sql`num_nonnulls(${table.locationId}, ${table.spaceId}, ${table.specialistId}) = 1`,
    ),
    check('opening_hours_weekday', sql`${table.weekday} BETWEEN 1 AND 7`),
    check('opening_hours_opens', sql`${table.opensAt} ~ '^([01][0-9]|2[0-3]):[0-5][0-9]$'`),
    check('opening_hours_closes', sql`${table.closesAt} ~ '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$'`),
  ],
)

/** Closes a whole location, one space or one specialist. Existing bookings remain. */
export const closures = pgTable(
  'closures',
  {
    id: id(),
    locationId: uuid('location_id')
      .notNull()
      .references(() => locations.id, { onDelete: 'cascade' }),
    spaceId: uuid('space_id').references(() => spaces.id, { onDelete: 'cascade' }),
    specialistId: uuid('specialist_id').references(() => specialists.id, { onDelete: 'cascade' }),
    startsAt: instant('starts_at').notNull(),
    endsAt: instant('ends_at').notNull(),
    reason: text('reason').notNull().default(''),
    createdAt: createdAt(),
  },
  (table) => [
    index('closures_location').on(table.locationId, table.endsAt),
    index('closures_space').on(table.spaceId),
    index('closures_specialist').on(table.specialistId),
    check('closures_one_calendar', sql`num_nonnulls(${table.spaceId}, ${table.specialistId}) <= 1`),
    check('closures_period', sql`${table.startsAt} < ${table.endsAt}`),
  ],
)
export type ClosureRow = typeof closures.$inferSelect
