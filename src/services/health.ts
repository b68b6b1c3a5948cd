import { sql } from 'drizzle-orm'
import type { Deps } from '../context'

/** Asks the database for an answer; `ok` is false where there is none within two seconds. */
export async function checkDatabase({
  db,
  log,
}: Pick<Deps, 'db' | 'log'>): Promise<{ ok: boolean; latencyMs: number }> {
  const started = performance.now()
  const ok = await Promise.race([
    db.execute(sql`SELECT 1`).then(
      () => true,
      (error) => {
        log.warn({ error }, 'the database does not answer')
        return false
      },
    ),
    Bun.sleep(2000).then(() => false),
  ])
  return { ok, latencyMs: Math.round((performance.now() - started) * 100) / 100 }
}
