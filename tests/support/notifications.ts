import { asc, eq, sql } from 'drizzle-orm'
import { notifications } from '../../src/db/schema'
import type { RunningServer } from '../../src/server'
import { until } from './world'

/** Waits until the queue has delivered all notifications. */
export const untilTold = ({ deps }: RunningServer): Promise<unknown> =>
  until(async () => {
    const [left] = await deps.db.execute<{ jobs: number }>(sql`
      SELECT count(*)::int AS jobs FROM graphile_worker.jobs
      WHERE task_identifier IN ('tell-of-points', 'deliver-notification', 'send-notification') AND attempts < max_attempts`)
    return left?.jobs === 0
  }, 30_000)

/** The notifications of a user, delivered or not, in order of creation. */
export const rowsFor = ({ deps }: RunningServer, person: { id: string }) =>
  deps.db
    .select()
    .from(notifications)
    .where(eq(notifications.userId, person.id))
    .orderBy(asc(notifications.id))
