import { getTableColumns, sql } from 'drizzle-orm'
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core'
import { iso, type Millis, type Period } from '../lib/time'

const columns = new WeakMap<PgTable, [string, PgColumn][]>()

const columnsOf = (table: PgTable) =>
  columns.getOrInsertComputed(table, () => Object.entries(getTableColumns(table)))

/**
 * A row as the database writes it in JSON (`to_jsonb`), read as Drizzle would read it: what a function of the database
 * gives back keeps the one mapping that the schema defines.
 */
export function rowFromJson<Row>(table: PgTable, json: Record<string, unknown>): Row {
  const row: Record<string, unknown> = {}
  for (const [key, column] of columnsOf(table)) {
    const value = json[column.name] ?? null
    row[key] = value === null ? null : column.mapFromDriverValue(value)
  }
  return row as Row
}

export const range = ({ from, to }: Period): string => `[${iso(from)},${iso(to)})`

export const multirange = (periods: Period[]): string => `{${periods.map(range).join()}}`

export const uuidArray = (ids: string[]) => sql`${`{${ids.join()}}`}::uuid[]`

/** PostgreSQL writes `"2027-01-04 09:00:00+00"` inside a range, in the zone of the connection, which is UTC. */
export const instantInRange = (text: string): Millis =>
  Date.parse(`${text.replaceAll('"', '').replace(' ', 'T').replace(/\+00$/, '')}Z`)
