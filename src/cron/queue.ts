import type { Runner } from 'graphile-worker'
import { z } from 'zod'
import { type Deps, systemContext } from '../context'
import { silentLogger } from '../db/migrate'
import { withTimeout } from '../lib/with-timeout'
import { sendPasswordLink } from '../services/accounts/password-reset'
import { deliverNotification, sendNotification } from '../services/delivery/deliver'
import type { JobName, Jobs } from '../services/jobs/jobs'
import { notifyPoints } from '../services/loyalty/loyalty-notifications'
import { chargeBalance } from '../services/payments/charge-balance'
import { forgetCustomer, reviewPayment } from '../services/payments/payment-intents'
import { processRefund } from '../services/payments/process-refund'
import { processEvent } from '../services/payments/stripe-events'
import { answerUpdate } from '../telegram-bot'

/** Concurrent jobs per queue. Each needs a connection only while it is fetched and completed. */
const CONCURRENCY = 4
const POLL_MS = 1000

type Task<Name extends JobName> = {
  input: z.ZodType<Jobs[Name]>
  run: (ctx: ReturnType<typeof systemContext>, payload: Jobs[Name]) => Promise<unknown>
}

/** Every task is idempotent and may run on two servers at once. */
const TASKS: { [Name in JobName]: Task<Name> } = {
  'stripe-event': { input: z.object({ eventId: z.string() }), run: processEvent },
  'review-payment': { input: z.object({ paymentId: z.string() }), run: reviewPayment },
  'make-refund': { input: z.object({ refundId: z.string() }), run: processRefund },
  'charge-balance': { input: z.object({ bookingId: z.string() }), run: chargeBalance },
  'forget-customer': { input: z.object({ customerId: z.string() }), run: forgetCustomer },
  'tell-of-points': { input: z.object({ entryId: z.string() }), run: notifyPoints },
  'deliver-notification': { input: z.object({ notificationId: z.string() }), run: deliverNotification },
  'send-password-link': { input: z.object({ email: z.string(), until: z.int() }), run: sendPasswordLink },
  'telegram-update': { input: z.object({ botId: z.int(), updateId: z.int() }), run: answerUpdate },
  'send-notification': {
    input: z.object({ notificationId: z.string(), channel: z.enum(['email', 'telegram']) }),
    run: sendNotification,
  },
}

type Queue = { names: JobName[]; connections: number }

/** Jobs that may wait long for a mail server or Telegram. Payments and live messages must not wait behind them. */
const SLOW_QUEUES: Queue[] = [
  { names: ['send-notification', 'send-password-link'], connections: 2 },
  { names: ['telegram-update'], connections: 2 },
]
const MAIN_QUEUE: Queue = {
  names: (Object.keys(TASKS) as JobName[]).filter(
    (name) => !SLOW_QUEUES.some(({ names }) => names.includes(name)),
  ),
  connections: 3,
}

const START_RETRY_MS = 1000

/**
 * Starts the queues in the background and retries until they run. A failed job is logged and retried with growing delays.
 */
export function startQueue(deps: Deps, databaseUrl: string): { stop(): Promise<void> } {
  const stopping = Promise.withResolvers<void>()
  let stopped = false
  async function start(): Promise<Runner[]> {
    while (!stopped) {
      try {
        return await runTasks(deps, databaseUrl)
      } catch (error) {
        deps.log.error({ error }, 'queue start failed; it will be retried')
        await withTimeout(stopping.promise, START_RETRY_MS, () => undefined)
      }
    }
    return []
  }
  const started = start()
  return {
    async stop() {
      stopped = true
      stopping.resolve()
      await Promise.all((await started).map((runner) => runner.stop().catch(() => undefined)))
    },
  }
}

async function runTasks(deps: Deps, databaseUrl: string): Promise<Runner[]> {
  const { run } = await import('graphile-worker')
  const logger = await silentLogger()
  const start = ({ names, connections }: Queue): Promise<Runner> =>
    run({
      connectionString: databaseUrl,
      maxPoolSize: connections,
      concurrency: CONCURRENCY,
      pollInterval: POLL_MS,
      noHandleSignals: true,
      logger,
      taskList: Object.fromEntries(names.map((name) => [name, handlerOf(deps, name)])),
    })
  const runners: Runner[] = []
  try {
    for (const queue of [MAIN_QUEUE, ...SLOW_QUEUES]) runners.push(await start(queue))
    return runners
  } catch (error) {
    // Otherwise the queues that did start would continue beside those of the next attempt.
    await Promise.all(runners.map((runner) => runner.stop().catch(() => undefined)))
    throw error
  }
}

function handlerOf<Name extends JobName>(deps: Deps, name: Name) {
  const { input, run: work }: Task<Name> = TASKS[name]
  return async (payload: unknown, { job }: { job: { attempts: number; max_attempts: number } }) => {
    try {
      await work(systemContext(deps, 'payment'), input.parse(payload))
    } catch (error) {
      const last = job.attempts >= job.max_attempts
      deps.log[last ? 'error' : 'warn'](
        { error, job: name, attempt: job.attempts },
        last ? 'job given up' : 'job failed; it will be retried',
      )
      throw error
    }
  }
}
