import type { Runner } from 'graphile-worker'
import { z } from 'zod'
import { type Deps, systemContext } from '../context'
import { silentLogger } from '../db/migrate'
import { sendPasswordLink } from '../services/accounts/password-reset'
import { deliverNotification, sendNotification } from '../services/delivery/deliver'
import type { JobName, Jobs } from '../services/jobs/jobs'
import { notifyPoints } from '../services/loyalty/loyalty-notifications'
import { chargeBalance } from '../services/payments/charge-balance'
import { forgetCustomer, reviewPayment } from '../services/payments/payment-intents'
import { processRefund } from '../services/payments/process-refund'
import { processEvent } from '../services/payments/stripe-events'
import { answerUpdate } from '../telegram-bot'

/** Jobs at once in each part of a server's queue, each with a connection of its pool while it is taken and given back. */
const CONCURRENCY = 4
const POLL_MS = 1000

type Task<Name extends JobName> = {
  input: z.ZodType<Jobs[Name]>
  run: (ctx: ReturnType<typeof systemContext>, payload: Jobs[Name]) => Promise<unknown>
}

/** What does each job. Every one is idempotent, and may run on two servers at once. */
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

type Part = { names: JobName[]; connections: number }

/**
 * What may wait for somebody else's server for a long time is worked on apart: money and live pushes do not wait behind it, nor
 * does whoever talks to the bot wait behind a mail server that says nothing.
 */
const APART: Part[] = [
  { names: ['send-notification', 'send-password-link'], connections: 2 },
  { names: ['telegram-update'], connections: 2 },
]
const REST: Part = {
  names: (Object.keys(TASKS) as JobName[]).filter((name) => !APART.some(({ names }) => names.includes(name))),
  connections: 3,
}

/** How long a queue that could not start waits before it tries again. */
const RETRY_MS = 1000

/**
 * Starts to work on the queue, beside everything else: what is asked meanwhile is answered, and what waits for the queue is
 * taken up once it is there. A job that throws is logged and tried again, with growing pauses.
 */
export function startQueue(deps: Deps, databaseUrl: string): { stop(): Promise<void> } {
  const stopping = Promise.withResolvers<void>()
  let stopped = false
  async function start(): Promise<Runner[]> {
    while (!stopped) {
      try {
        return await runTasks(deps, databaseUrl)
      } catch (error) {
        deps.log.error({ error }, 'the queue could not start; it will try again')
        await Promise.race([Bun.sleep(RETRY_MS), stopping.promise])
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
  const work = ({ names, connections }: Part): Promise<Runner> =>
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
    for (const part of [REST, ...APART]) runners.push(await work(part))
    return runners
  } catch (error) {
    // A part of a queue would go on beside the next one, and nobody would stop it.
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
        last ? 'a job was given up' : 'a job failed; it will run again',
      )
      throw error
    }
  }
}
