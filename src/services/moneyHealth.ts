import { sql } from 'drizzle-orm'
import type { Deps } from '../context'

export type MoneyTroubles = {
  failedEvents: number
  failedJobs: number
  waitingRefunds: number
  disputes: number
}

/** What of payments somebody should look at where it does not go away by itself. */
export async function countTroubles({ db }: Pick<Deps, 'db'>): Promise<MoneyTroubles> {
  const [row] = await db.execute<MoneyTroubles>(sql`
    SELECT (SELECT count(*)::int FROM stripe_events WHERE state = 'failed') AS "failedEvents",
           (SELECT count(*)::int FROM graphile_worker.jobs WHERE last_error IS NOT NULL) AS "failedJobs",
           (SELECT count(*)::int FROM refunds WHERE status = 'requested' AND created_at < now() - interval '10 minutes') AS "waitingRefunds",
           (SELECT count(*)::int FROM payments WHERE disputed) AS disputes`)
  if (!row) throw new Error('the payments were not counted')
  return row
}
