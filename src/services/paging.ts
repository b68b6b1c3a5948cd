import type { Page } from '../shapes/common'

/**
 * One page of a list that is ordered by id: ask the database for one row more than the page holds, and the last row
 * shown is where the next page begins.
 */
export function pageOf<Row extends { id: string }, Item>(
  rows: Row[],
  { limit }: Page,
  view: (row: Row) => Item,
): { items: Item[]; nextCursor: string | null } {
  const shown = rows.slice(0, limit)
  return { items: shown.map(view), nextCursor: rows.length > limit ? (shown.at(-1)?.id ?? null) : null }
}
