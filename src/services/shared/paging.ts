import { type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { iso } from '../../lib/time'
import { readStartCursor } from '../../schemas/common'

/**
 * One page of a list: ask the database for one row more than the page holds, and the last row shown is where the next page
 * begins; by its id, unless the list is in another order.
 */
export function pageOf<Row extends { id: string }, Item>(
  rows: Row[],
  { limit }: { limit: number },
  view: (row: Row) => Item,
  cursorOf: (row: Row) => string = ({ id }) => id,
): { items: Item[]; nextCursor: string | null } {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return { items: shown.map(view), nextCursor: last && rows.length > limit ? cursorOf(last) : null }
}

/** What comes behind a cursor in a list that is ordered by start and id. */
export function isBehindStart({ startsAt, id }: { startsAt: PgColumn; id: PgColumn }, cursor: string): SQL {
  const last = readStartCursor(cursor)
  return sql`(${startsAt}, ${id}) > (${iso(last.startsAt)}::timestamptz, ${last.id}::uuid)`
}
