import { type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import { iso } from '../../lib/time'
import { readStartCursor } from '../../schemas/common'

/** Builds a page of a list. The query must read `limit + 1` rows: the extra row shows that another page follows. */
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

/** Matches the rows after a cursor in a list ordered by start and id. */
export function isBehindStart({ startsAt, id }: { startsAt: PgColumn; id: PgColumn }, cursor: string): SQL {
  const last = readStartCursor(cursor)
  return sql`(${startsAt}, ${id}) > (${iso(last.startsAt)}::timestamptz, ${last.id}::uuid)`
}
