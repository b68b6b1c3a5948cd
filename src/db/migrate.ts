import { fileURLToPath } from 'node:url'
import { drizzle } from 'drizzle-orm/postgres-js'
import { migrate } from 'drizzle-orm/postgres-js/migrator'
import postgres from 'postgres'

/** One number for everyone who changes the schema: servers that start at once wait for each other here. */
const MIGRATION_LOCK = 7_261_054_918

/** Brings the schema up to date, under an advisory lock of the database; does nothing where it is. */
export async function migrateDatabase(url: string): Promise<void> {
  const client = postgres(url, { max: 1, connect_timeout: 5, onnotice() {}, connection: { TimeZone: 'UTC' } })
  try {
    await client`SELECT pg_advisory_lock(${MIGRATION_LOCK})`
    await migrate(drizzle(client), {
      migrationsFolder: fileURLToPath(new URL('./migrations', import.meta.url)),
    })
  } finally {
    await client.end({ timeout: 5 })
  }
}
