import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import type { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import postgres from 'postgres'
import { z } from 'zod'
import { readSchemaState } from './migrate'

/**
 * A backup is one gzipped text file: a manifest (one line of JSON), then for each table a header (one line of JSON) and
 * its rows in COPY's text format, ended by `\.`, then a line with the number of rows. Without that last line it is truncated.
 */
export const TableSchema = z.object({ table: z.string(), columns: z.array(z.string()), rows: z.int() })
export const ManifestSchema = z.object({
  format: z.literal('coworkspace-backup'),
  version: z.literal(1),
  createdAt: z.string(),
  /** Name of the last migration. */
  schema: z.string(),
  tables: z.array(TableSchema),
})
export const EndSchema = z.object({ end: z.literal(true), rows: z.int() })
export type Manifest = z.infer<typeof ManifestSchema>
export type Table = z.infer<typeof TableSchema>

export type OnProgress = (progress: { table: string; rows: number; of: number }) => void

/** A problem with a backup or its target. The message is for the operator. */
export class BackupError extends Error {}

export const END_OF_TABLE = '\\.'

/** Writes a consistent copy of all data to one file without blocking writers. The file appears once it is complete. */
export async function backUpDatabase(url: string, file: string, onProgress?: OnProgress): Promise<Manifest> {
  const { schema } = await readSchemaState(url)
  const client = openClient(url)
  const unfinished = `${file}.unfinished`
  try {
    const manifest = await client.begin('ISOLATION LEVEL REPEATABLE READ READ ONLY', async (tx) => {
      const tables = await describeTables(tx)
      const createdAt = new Date().toISOString()
      const content: Manifest = { format: 'coworkspace-backup', version: 1, createdAt, schema, tables }
      const packed = createGzip()
      const written = pipeline(packed, createWriteStream(unfinished, { mode: 0o600 }))
      written.catch(() => undefined)
      await write(packed, `${JSON.stringify(content)}\n`)
      for (const table of tables) await copyOut(tx, table, packed, onProgress)
      const rows = tables.reduce((sum, table) => sum + table.rows, 0)
      packed.end(`${JSON.stringify({ end: true, rows })}\n`)
      await written
      return content
    })
    await rename(unfinished, file)
    return manifest
  } catch (error) {
    await rm(unfinished, { force: true })
    throw error
  } finally {
    await client.end({ timeout: 5 })
  }
}

async function copyOut(
  tx: postgres.TransactionSql,
  table: Table,
  to: Writable,
  onProgress?: OnProgress,
): Promise<void> {
  await write(to, `${JSON.stringify(table)}\n`)
  const rows = await tx.unsafe(`COPY ${target(table)} TO STDOUT`).readable()
  let passed = 0
  for await (const chunk of rows as AsyncIterable<Buffer>) {
    for (const byte of chunk) if (byte === 10) passed += 1
    onProgress?.({ table: table.table, rows: passed, of: table.rows })
    await write(to, chunk)
  }
  // The driver pauses its socket while the reader is behind, and nothing else resumes it after the last row.
  rows._read(0)
  await write(to, `${END_OF_TABLE}\n`)
}

async function write(stream: Writable, content: string | Buffer): Promise<void> {
  if (!stream.write(content)) await once(stream, 'drain')
}

export const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`
export const target = ({ table, columns }: Table) => `${quoted(table)} (${columns.map(quoted).join(', ')})`

/** Lists all tables with their columns, except generated ones, and their number of rows. */
export async function describeTables(tx: postgres.TransactionSql): Promise<Table[]> {
  const found = await tx<{ table: string; columns: string[] }[]>`
    SELECT c.relname AS table, array_agg(a.attname::text ORDER BY a.attnum) AS columns
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
    GROUP BY c.relname ORDER BY c.relname`
  const tables: Table[] = []
  for (const { table, columns } of found) {
    const [row] = await tx<{ rows: number }[]>`SELECT count(*)::int AS rows FROM ${tx(table)}`
    tables.push({ table, columns, rows: row?.rows ?? 0 })
  }
  return tables
}

/** Deletes all data in one transaction and keeps the schema. */
export async function resetDatabase(url: string): Promise<{ rows: number }> {
  const client = openClient(url)
  try {
    return await client.begin(async (tx) => {
      const tables = await describeTables(tx)
      await emptyTables(tx, tables)
      return { rows: tables.reduce((sum, { rows }) => sum + rows, 0) }
    })
  } finally {
    await client.end({ timeout: 5 })
  }
}

export async function emptyTables(tx: postgres.TransactionSql, tables: Table[]): Promise<void> {
  if (tables.length === 0) return
  await tx.unsafe(`TRUNCATE ${tables.map(({ table }) => quoted(table)).join(', ')} RESTART IDENTITY`)
}

export const openClient = (url: string) =>
  postgres(url, {
    max: 1,
    connect_timeout: 5,
    onnotice() {},
    connection: { application_name: 'coworkspace backup', TimeZone: 'UTC', lock_timeout: 30_000 },
  })
