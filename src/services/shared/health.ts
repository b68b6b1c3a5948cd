import { sql } from 'drizzle-orm'
import type { Deps } from '../../context'
import { withTimeout } from '../../lib/with-timeout'

const PATIENCE_MS = 2000

/** Pings the database. `ok` is false if it does not respond within two seconds. */
export async function pingDatabase({
  db,
  log,
}: Pick<Deps, 'db' | 'log'>): Promise<{ ok: boolean; latencyMs: number }> {
  const started = performance.now()
  const ok = await withTimeout(
    db.execute(sql`SELECT 1`).then(
      () => true,
      (error) => {
        log.warn({ error }, 'database ping failed')
        return false
      },
    ),
    PATIENCE_MS,
    () => false,
  )
  return { ok, latencyMs: Math.round((performance.now() - started) * 100) / 100 }
}

/** Counts the database connections of all servers by state. Throws after two seconds. */
export async function countConnections({
  db,
}: Pick<Deps, 'db'>): Promise<{ state: string; count: number }[]> {
  const query = db.execute<{ state: string; count: number }>(sql`
    SELECT coalesce(state, 'unknown') AS state, count(*)::int AS count FROM pg_stat_activity
    WHERE datname = current_database() AND application_name = 'coworkspace' GROUP BY 1`)
  const rows = await withTimeout(query, PATIENCE_MS, () => {
    throw new Error('database did not respond within two seconds')
  })
  return [...rows]
}
