import { type Runner, run } from 'graphile-worker'
import { z } from 'zod'
import { answerUpdate } from '../bot'
import { type Deps, systemContext } from '../context'
import { silentLogger } from '../db/migrate'
import { chargeBalance } from '../services/balances'
import { deliverNotification, sendNotification } from '../services/deliveries'
import { forgetCustomer, reviewPayment } from '../services/intents'
import type { JobName, Jobs } from '../services/jobs'
import { tellOfPoints } from '../services/loyaltyNotices'
import { makeRefund } from '../services/refundJobs'
import { processEvent } from '../services/stripeEvents'

/** Jobs at once in each server, each with a connection of the queue's own pool while it is taken and given back. */
const CONCURRENCY = 4
const CONNECTIONS = 3
const POLL_MS = 1000

type Task<Name extends JobName> = {
  input: z.ZodType<Jobs[Name]>
  run: (ctx: ReturnType<typeof systemContext>, payload: Jobs[Name]) => Promise<unknown>
}

/** What does each job. Every one is idempotent, and may run on two servers at once. */
const TASKS: { [Name in JobName]: Task<Name> } = {
  'stripe-event': { input: z.object({ eventId: z.string() }), run: processEvent },
  'review-payment': { input: z.object({ paymentId: z.string() }), run: reviewPayment },
  'make-refund': { input: z.object({ refundId: z.string() }), run: makeRefund },
  'charge-balance': { input: z.object({ bookingId: z.string() }), run: chargeBalance },
  'forget-customer': { input: z.object({ customerId: z.string() }), run: forgetCustomer },
  'tell-of-points': { input: z.object({ entryId: z.string() }), run: tellOfPoints },
  'deliver-notification': { input: z.object({ notificationId: z.string() }), run: deliverNotification },
  'telegram-update': { input: z.object({ botId: z.int(), updateId: z.int() }), run: answerUpdate },
  'send-notification': {
    input: z.object({ notificationId: z.string(), channel: z.enum(['email', 'telegram']) }),
    run: sendNotification,
  },
}

/** What waits for somebody else's server for a long time, so that money and live pushes do not wait behind it. */
const SLOW: readonly JobName[] = ['send-notification', 'telegram-update']

/** Starts to work on the queue. A job that throws is logged and tried again, with growing pauses. */
export async function startQueue(deps: Deps, databaseUrl: string): Promise<{ stop(): Promise<void> }> {
  const work = (names: JobName[]): Promise<Runner> =>
    run({
      connectionString: databaseUrl,
      maxPoolSize: CONNECTIONS,
      concurrency: CONCURRENCY,
      pollInterval: POLL_MS,
      noHandleSignals: true,
      logger: silentLogger,
      taskList: Object.fromEntries(names.map((name) => [name, handlerOf(deps, name)])),
    })
  const names = Object.keys(TASKS) as JobName[]
  const [slow = [], fast = []] = [true, false].map((is) => names.filter((name) => SLOW.includes(name) === is))
  const runners = await Promise.all([work(fast), work(slow)])
  return {
    async stop() {
      await Promise.all(runners.map((runner) => runner.stop().catch(() => undefined)))
    },
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
