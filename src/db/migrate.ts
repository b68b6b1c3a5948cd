import path from 'node:path'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'
import { dependencies } from '../../package.json'
import { root } from '../lib/project-root'
import journal from './migrations/meta/_journal.json'

/** Advisory lock: servers that start at the same time migrate one after the other. */
const MIGRATION_LOCK = 7_261_054_918

/** Migrates the schema and the queue's schema under an advisory lock. Does nothing if both are up to date. */
export async function migrateDatabase(url: string): Promise<void> {
  const client = postgres(url, { max: 1, connect_timeout: 5, onnotice() {}, connection: { TimeZone: 'UTC' } })
  try {
    if (await isUpToDate(client)) return
    await client`SELECT pg_advisory_lock(${MIGRATION_LOCK})`
    await migrate(drizzle(client), {
      migrationsFolder: path.join(root, 'src/db/migrations'),
    })
    const { runMigrations } = await import('graphile-worker')
    await runMigrations({ connectionString: url, logger: await silentLogger() })
    await client`SELECT set_config('coworkspace.mark', ${queueMark}, false)`
    await client`DO $$ BEGIN EXECUTE format('COMMENT ON SCHEMA graphile_worker IS %L', current_setting('coworkspace.mark')); END $$`
  } finally {
    await client.end({ timeout: 5 })
  }
}

/** Silences the queue's verbose logger. Its failures are thrown. */
export async function silentLogger() {
  const { Logger } = await import('graphile-worker')
  return new Logger(() => () => {})
}

/** Comment on the migrated queue schema. Loading the queue only to compare versions would take most of a start. */
const queueMark = `graphile-worker ${dependencies['graphile-worker']}`

async function isUpToDate(client: postgres.Sql): Promise<boolean> {
  const [found] = await client<[{ schema: boolean; mark: string | null }]>`
    SELECT to_regclass('drizzle.__drizzle_migrations') IS NOT NULL AS schema,
      (SELECT obj_description(oid, 'pg_namespace') FROM pg_namespace WHERE nspname = 'graphile_worker') AS mark`
  if (!found.schema || found.mark !== queueMark) return false
  const [last] =
    await client`SELECT max(created_at)::bigint::text AS latest FROM drizzle.__drizzle_migrations`
  return Number(last?.latest) >= Math.max(...journal.entries.map(({ when }) => when))
}

export type SchemaState = {
  /** Name of the last applied migration, or empty if there is none. */
  schema: string
  /** Migrations of this version that are not applied. */
  pending: string[]
  /** Number of applied migrations that this version does not know, from a later version. */
  unknown: number
}

/** Compares the applied migrations with those of this version. Read-only. */
export async function readSchemaState(url: string): Promise<SchemaState> {
  const client = postgres(url, { max: 1, connect_timeout: 5, onnotice() {} })
  try {
    const [table] = await client`SELECT to_regclass('drizzle.__drizzle_migrations') AS name`
    const rows = table?.name ? await client`SELECT created_at FROM drizzle.__drizzle_migrations` : []
    const applied = new Set(rows.map(({ created_at }) => Number(created_at)))
    const known = journal.entries.filter(({ when }) => applied.has(when))
    return {
      schema: known.at(-1)?.tag ?? '',
      pending: journal.entries.filter(({ when }) => !applied.has(when)).map(({ tag }) => tag),
      unknown: applied.size - known.length,
    }
  } finally {
    await client.end({ timeout: 5 })
  }
}
