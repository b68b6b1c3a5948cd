import { integer, pgTable, text } from 'drizzle-orm/pg-core'
import { createdAt, id, instant } from './columns'

/** `version` counts changes of check-ins and events at the location, under a lock on this row. */
export const locations = pgTable('locations', {
  id: id(),
  name: text('name').notNull(),
  address: text('address').notNull().default(''),
  city: text('city').notNull().default(''),
  timeZone: text('time_zone').notNull(),
  version: integer('version').notNull().default(1),
  removedAt: instant('removed_at'),
  createdAt: createdAt(),
})
export type LocationRow = typeof locations.$inferSelect
