import { fileURLToPath } from 'node:url'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import { Logger, runMigrations } from 'graphile-worker'
import postgres from 'postgres'
import journal from './migrations/meta/_journal.json'

/** One number for everyone who changes the schema: servers that start at once wait for each other here. */
const MIGRATION_LOCK = 7_261_054_918

/** The queue says much and nothing that a log needs; what fails is thrown. */
export const silentLogger = new Logger(() => () => {})

/** Brings the schema and the queue's own up to date, under an advisory lock of the database; does nothing where it is. */
export async function migrateDatabase(url: string): Promise<void> {
  const client = postgres(url, { max: 1, connect_timeout: 5, onnotice() {}, connection: { TimeZone: 'UTC' } })
  try {
    await client`SELECT pg_advisory_lock(${MIGRATION_LOCK})`
    await migrate(drizzle(client), {
      migrationsFolder: fileURLToPath(new URL('./migrations', import.meta.url)),
    })
    await runMigrations({ connectionString: url, logger: silentLogger })
  } finally {
    await client.end({ timeout: 5 })
  }
}

export type SchemaState = {
  /** The name of the last migration that was made here; empty where there is no schema yet. */
  schema: string
  /** Migrations that this version brings and the database has not. */
  pending: string[]
  /** Migrations that the database has and this version does not know: a later version was here. */
  unknown: number
}

/** Compares the schema of a database with what this version expects. Changes nothing. */
export async function readSchemaState(url: string): Promise<SchemaState> {
  const client = postgres(url, { max: 1, connect_timeout: 5, onnotice() {} })
  try {
    const [there] = await client`SELECT to_regclass('drizzle.__drizzle_migrations') AS name`
    const rows = there?.name ? await client`SELECT created_at FROM drizzle.__drizzle_migrations` : []
    const made = new Set(rows.map(({ created_at }) => Number(created_at)))
    const known = journal.entries.filter(({ when }) => made.has(when))
    return {
      schema: known.at(-1)?.tag ?? '',
      pending: journal.entries.filter(({ when }) => !made.has(when)).map(({ tag }) => tag),
      unknown: made.size - known.length,
    }
  } finally {
    await client.end({ timeout: 5 })
  }
}
