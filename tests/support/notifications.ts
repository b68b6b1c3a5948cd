import { asc, eq, sql } from 'drizzle-orm'
import { notifications } from '../../src/db/schema'
import type { RunningServer } from '../../src/server'
import { until } from './world'

/** Until everything that people are to be told was told: the queue has nothing of it left to do now. */
export const untilTold = ({ deps }: RunningServer): Promise<unknown> =>
  until(async () => {
    const [left] = await deps.db.execute<{ jobs: number }>(sql`
      SELECT count(*)::int AS jobs FROM graphile_worker.jobs
      WHERE task_identifier IN ('tell-of-points', 'deliver-notification', 'send-notification') AND attempts < max_attempts`)
    return left?.jobs === 0
  }, 30_000)

/** What somebody was told, or is to be, in the order in which it was written. */
export const rowsFor = ({ deps }: RunningServer, person: { id: string }) =>
  deps.db
    .select()
    .from(notifications)
    .where(eq(notifications.userId, person.id))
    .orderBy(asc(notifications.id))
