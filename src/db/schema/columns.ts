import { timestamp, uuid } from 'drizzle-orm/pg-core'

/** UUIDv7: ids sort by time of creation, which the pages of lists rely on. */
export const id = () =>
  uuid('id')
    .primaryKey()
    .$defaultFn(() => Bun.randomUUIDv7())

export const instant = (name: string) => timestamp(name, { withTimezone: true, mode: 'date' })
export const createdAt = () => instant('created_at').notNull().defaultNow()
