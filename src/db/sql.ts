import { getTableColumns, sql } from 'drizzle-orm'
import type { PgColumn, PgTable } from 'drizzle-orm/pg-core'
import { iso, type Millis, type Period } from '../lib/time'

const columns = new WeakMap<PgTable, [string, PgColumn][]>()

const columnsOf = (table: PgTable) =>
  columns.getOrInsertComputed(table, () => Object.entries(getTableColumns(table)))

/** Maps a row that a SQL function returns as `to_jsonb` with the column types of the Drizzle schema. */
export function rowFromJson<Row>(table: PgTable, json: Record<string, unknown>): Row {
  return rowFromValues(
    table,
    columnsOf(table).map(([, { name }]) => json[name]),
  )
}

/** Maps the values of all columns, in the order of `columnNames`. */
export function rowFromValues<Row>(table: PgTable, values: unknown[]): Row {
  const row: Record<string, unknown> = {}
  columnsOf(table).forEach(([key, column], index) => {
    const value = values[index] ?? null
    row[key] = value === null ? null : column.mapFromDriverValue(value)
  })
  return row as Row
}

export const columnNames = (table: PgTable): string[] => columnsOf(table).map(([, { name }]) => name)

export const range = ({ from, to }: Period): string => `[${iso(from)},${iso(to)})`

export const multirange = (periods: Period[]): string => `{${periods.map(range).join()}}`

export const uuidArray = (ids: string[]) => sql`${`{${ids.join()}}`}::uuid[]`

/** Parses a bound of a range such as `"2027-01-04 09:00:00+00"`. Sessions use UTC. */
export const instantInRange = (text: string): Millis =>
  Date.parse(`${text.replaceAll('"', '').replace(' ', 'T').replace(/\+00$/, '')}Z`)
