import { sql } from 'drizzle-orm'
import type { Db } from '../../db/client'

export type Jobs = {
  'stripe-event': { eventId: string }
  'review-payment': { paymentId: string }
  'make-refund': { refundId: string }
  'charge-balance': { bookingId: string }
  'forget-customer': { customerId: string }
  'tell-of-points': { entryId: string }
  'deliver-notification': { notificationId: string }
  'send-password-link': { email: string; until: number }
  'telegram-update': { botId: number; updateId: number }
  'send-notification': { notificationId: string; channel: 'email' | 'telegram' }
}
export type JobName = keyof Jobs

/**
 * Adds a job. Inside a transaction, the job exists only if the transaction commits. A failed job is retried with growing
 * delays for about three days.
 * @param key replaces a waiting job that has the same key
 */
export async function enqueue<Name extends JobName>(
  db: Db,
  name: Name,
  payload: Jobs[Name],
  { key, at }: { key?: string; at?: Date } = {},
): Promise<void> {
  await db.execute(
    sql`SELECT graphile_worker.add_job(${name}::text, ${JSON.stringify(payload)}::text::json,
      run_at := ${at?.toISOString() ?? null}::timestamptz, job_key := ${key ?? null}::text)`,
  )
}

export type JobReport = {
  name: string
  /** Such as `make-refund:<refund id>`. */
  key: string | null
  attempts: number
  givenUp: boolean
  lastError: string | null
  runAt: Date
}

/** Lists unfinished jobs that have failed at least once, including those with no attempts left. */
export async function listFailedJobs(db: Db): Promise<JobReport[]> {
  const rows = await db.execute<{
    name: string
    key: string | null
    attempts: number
    given_up: boolean
    last_error: string | null
    run_at: string
  }>(
    sql`SELECT task_identifier AS name, key, attempts::int, attempts >= max_attempts AS given_up, last_error, run_at
        FROM graphile_worker.jobs
        WHERE attempts > 0 AND last_error IS NOT NULL ORDER BY id`,
  )
  return rows.map((row) => ({
    name: row.name,
    key: row.key,
    attempts: row.attempts,
    givenUp: row.given_up,
    lastError: row.last_error,
    runAt: new Date(row.run_at),
  }))
}

/**
 * Unlocks the jobs of dead servers. Every external call times out, so a job locked for 3 minutes has lost its server. If
 * that server is alive after all, the job runs twice, which is safe.
 * @returns how many
 */
export async function rescueJobs(db: Db): Promise<number> {
  const [row] = await db.execute<{ rescued: number }>(
    sql`WITH dead AS (
          SELECT array_agg(locked_by) AS workers, count(*)::int AS jobs FROM graphile_worker.jobs
          WHERE locked_at < now() - interval '3 minutes')
        SELECT jobs AS rescued, graphile_worker.force_unlock_workers(workers) FROM dead WHERE jobs > 0`,
  )
  return row?.rescued ?? 0
}

/**
 * Adds jobs for refunds, Stripe events and notifications that wait without one, because the job ran out of attempts or was
 * lost when a backup was restored.
 * @returns how many
 */
export async function requeueLostWork(db: Db): Promise<number> {
  const lost = (kind: string, id: ReturnType<typeof sql>) => sql`NOT EXISTS (
    SELECT FROM graphile_worker.jobs j WHERE j.key = ${kind} || ':' || ${id} AND j.attempts < j.max_attempts)`
  const added = await db.execute(sql`
    SELECT graphile_worker.add_job('make-refund', json_build_object('refundId', r.id), job_key := 'make-refund:' || r.id)
    FROM refunds r
    WHERE r.status = 'requested' AND r.stripe_refund_id IS NULL AND r.created_at < now() - interval '10 minutes'
      AND ${lost('make-refund', sql`r.id`)}
    UNION ALL
    SELECT graphile_worker.add_job('stripe-event', json_build_object('eventId', e.id), job_key := 'stripe-event:' || e.id)
    FROM stripe_events e
    WHERE e.state IN ('waiting', 'failed') AND e.received_at BETWEEN now() - interval '7 days' AND now() - interval '10 minutes'
      AND ${lost('stripe-event', sql`e.id`)}
    UNION ALL
    SELECT graphile_worker.add_job('deliver-notification', json_build_object('notificationId', n.id), job_key := 'deliver-notification:' || n.id)
    FROM notifications n
    WHERE n.told_at IS NULL AND n.withdrawn_at IS NULL AND n.created_at BETWEEN now() - interval '7 days' AND now() - interval '10 minutes'
      AND ${lost('deliver-notification', sql`n.id`)}
    UNION ALL
    SELECT graphile_worker.add_job('send-notification', json_build_object('notificationId', d.notification_id, 'channel', d.channel),
      job_key := 'send-notification:' || d.channel || ':' || d.notification_id)
    FROM notification_deliveries d
    WHERE d.sent_at IS NULL AND d.refused IS NULL AND d.created_at BETWEEN now() - interval '7 days' AND now() - interval '10 minutes'
      AND ${lost('send-notification', sql`d.channel || ':' || d.notification_id`)}`)
  return added.length
}
