import { createReadStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type postgres from 'postgres'
import type { z } from 'zod'
import {
  BackupError,
  describeTables,
  END_OF_TABLE,
  EndSchema,
  emptyTables,
  type Manifest,
  ManifestSchema,
  type OnProgress,
  openClient,
  quoted,
  type Table,
  TableSchema,
  target,
} from './backup'
import { readSchemaState } from './migrate'

/**
 * Restores a backup into an empty database in one transaction. Foreign keys are dropped during the copy and added again,
 * which checks every row; triggers are disabled during the copy.
 * @param options.empty deletes the existing data first, in the same transaction
 * @throws {BackupError} if the file is damaged or of another schema, or the database is not empty
 */
export async function restoreDatabase(
  url: string,
  file: string,
  { empty = false, onProgress }: { empty?: boolean; onProgress?: OnProgress } = {},
): Promise<Manifest> {
  const { schema } = await readSchemaState(url)
  const lines = readLines(file)
  const manifest = await readManifest(lines)
  if (manifest.schema !== schema) {
    throw new BackupError(
      `This backup has schema ${manifest.schema}, the database ${schema}. Restore it with the version that created it.`,
    )
  }
  const client = openClient(url)
  try {
    await client.begin(async (tx) => {
      const tables = await describeTables(tx)
      if (empty) await emptyTables(tx, tables)
      else if (tables.some(({ rows }) => rows > 0))
        throw new BackupError('The database is not empty. Add --reset --yes to delete its data.')
      const constraints = await suspendConstraints(tx)
      let rows = 0
      for (const table of manifest.tables) rows += await copyIn(tx, table, lines, onProgress)
      await expectEnd(lines, rows)
      await restoreConstraints(tx, constraints)
      await advanceSequences(tx)
    })
    return manifest
  } finally {
    await client.end({ timeout: 5 })
  }
}

type Lines = AsyncIterator<string>

function readLines(file: string): Lines {
  const unpacked = createReadStream(file).on('error', forward).pipe(createGunzip())
  function forward(error: Error) {
    unpacked.destroy(error)
  }
  // Not node:readline: it also splits at Unicode line separators, which rows may contain.
  return splitLines(unpacked)[Symbol.asyncIterator]()
}

async function* splitLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest: Buffer = Buffer.alloc(0)
  for await (const chunk of chunks) {
    let from = 0
    const all = rest.length > 0 ? Buffer.concat([rest, chunk]) : chunk
    for (let at = all.indexOf(10, from); at >= 0; at = all.indexOf(10, from)) {
      yield all.toString('utf8', from, at)
      from = at + 1
    }
    rest = all.subarray(from)
  }
  if (rest.length > 0) yield rest.toString('utf8')
}

const damaged = () => new BackupError('The backup is truncated or damaged.')

async function nextLine(lines: Lines): Promise<string> {
  const { value, done } = await lines.next().catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') throw new BackupError('File not found.')
    throw damaged()
  })
  if (done) throw damaged()
  return value
}

async function readManifest(lines: Lines): Promise<Manifest> {
  const manifest = parseLine(ManifestSchema, await nextLine(lines))
  if (!manifest) throw new BackupError('This file is not a CoworkSpace backup.')
  return manifest
}

function parseLine<T>(schema: z.ZodType<T>, line: string): T | undefined {
  try {
    return schema.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}

async function copyIn(
  tx: postgres.TransactionSql,
  table: Table,
  lines: Lines,
  onProgress?: OnProgress,
): Promise<number> {
  const head = parseLine(TableSchema, await nextLine(lines))
  if (head?.table !== table.table) throw damaged()
  let passed = 0
  async function* rows() {
    for (let line = await nextLine(lines); line !== END_OF_TABLE; line = await nextLine(lines)) {
      passed += 1
      if (passed % 1000 === 0) onProgress?.({ table: table.table, rows: passed, of: table.rows })
      yield `${line}\n`
    }
  }
  await pipeline(Readable.from(rows()), await tx.unsafe(`COPY ${target(table)} FROM STDIN`).writable())
  onProgress?.({ table: table.table, rows: passed, of: table.rows })
  if (passed !== table.rows) throw damaged()
  return passed
}

async function expectEnd(lines: Lines, rows: number): Promise<void> {
  const end = parseLine(EndSchema, await nextLine(lines))
  if (end?.rows !== rows) throw damaged()
}

type Constraint = { table: string; name: string; definition: string }

async function suspendConstraints(tx: postgres.TransactionSql): Promise<Constraint[]> {
  const constraints = await tx<Constraint[]>`
    SELECT c.relname AS table, k.conname AS name, pg_get_constraintdef(k.oid) AS definition
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    WHERE k.contype = 'f' AND c.relnamespace = 'public'::regnamespace ORDER BY c.relname, k.conname`
  for (const { table, name } of constraints)
    await tx.unsafe(`ALTER TABLE ${quoted(table)} DROP CONSTRAINT ${quoted(name)}`)
  for (const { table } of await describeTables(tx))
    await tx.unsafe(`ALTER TABLE ${quoted(table)} DISABLE TRIGGER USER`)
  return constraints
}

async function restoreConstraints(tx: postgres.TransactionSql, constraints: Constraint[]): Promise<void> {
  for (const { table, name, definition } of constraints)
    await tx.unsafe(`ALTER TABLE ${quoted(table)} ADD CONSTRAINT ${quoted(name)} ${definition}`)
  for (const { table } of await describeTables(tx))
    await tx.unsafe(`ALTER TABLE ${quoted(table)} ENABLE TRIGGER USER`)
}

/** Continues identity columns after the restored values. */
async function advanceSequences(tx: postgres.TransactionSql): Promise<void> {
  const counted = await tx<{ table: string; column: string; sequence: string }[]>`
    SELECT c.relname AS table, a.attname AS column, pg_get_serial_sequence(quote_ident(c.relname), a.attname) AS sequence
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'
      AND pg_get_serial_sequence(quote_ident(c.relname), a.attname) IS NOT NULL`
  for (const { table, column, sequence } of counted)
    await tx`SELECT setval(${sequence}, coalesce(max(${tx(column)}), 0) + 1, false) FROM ${tx(table)}`
}
