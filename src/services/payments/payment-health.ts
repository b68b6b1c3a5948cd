import { sql } from 'drizzle-orm'
import type { Deps } from '../../context'
import type { JobName } from '../jobs/jobs'

export type PaymentProblems = {
  /** Stripe events not processed within a minute. */
  waitingEvents: number
  failedEvents: number
  /** Due for a minute, but not taken by a server. */
  waitingJobs: number
  /** Failed at least once, including those given up. */
  failedJobs: number
  givenUpJobs: number
  waitingRefunds: number
  disputes: number
}

const MONEY_JOBS: JobName[] = [
  'stripe-event',
  'review-payment',
  'make-refund',
  'charge-balance',
  'forget-customer',
]

/** Counts late and failed payment work, and disputes, for the metrics and `doctor`. */
export async function countPaymentProblems({ db }: Pick<Deps, 'db'>): Promise<PaymentProblems> {
  const [row] = await db.execute<PaymentProblems>(sql`
    WITH jobs AS (SELECT * FROM graphile_worker.jobs WHERE task_identifier = ANY(${`{${MONEY_JOBS.join()}}`}::text[]))
    SELECT (SELECT count(*)::int FROM stripe_events
             WHERE state = 'waiting' AND received_at < now() - interval '1 minute') AS "waitingEvents",
           (SELECT count(*)::int FROM stripe_events WHERE state = 'failed') AS "failedEvents",
           (SELECT count(*)::int FROM jobs
             WHERE locked_at IS NULL AND attempts < max_attempts AND run_at < now() - interval '1 minute') AS "waitingJobs",
           (SELECT count(*)::int FROM jobs WHERE last_error IS NOT NULL) AS "failedJobs",
           (SELECT count(*)::int FROM jobs WHERE attempts >= max_attempts) AS "givenUpJobs",
           (SELECT count(*)::int FROM refunds WHERE status = 'requested' AND created_at < now() - interval '10 minutes') AS "waitingRefunds",
           (SELECT count(*)::int FROM payments WHERE disputed) AS disputes`)
  if (!row) throw new Error('payment problem query returned no row')
  return row
}
