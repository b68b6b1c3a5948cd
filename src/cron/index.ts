import { Cron, type CronOptions } from 'croner'
import { type Deps, systemContext } from '../context'
import { DAY } from '../lib/time'
import type { BoardWatchers } from '../realtime/board-watchers'
import type { LocationWatchers } from '../realtime/location-watchers'
import { deleteDeadTokens } from '../services/accounts/sessions'
import { markMissedArrivals } from '../services/bookings/arrivals'
import { sweepUnpaidSeats } from '../services/bookings/event-seats'
import { remindOfBookings } from '../services/bookings/reminders'
import { completePastBookings, declineUnanswered, sweepExpiredHolds } from '../services/bookings/sweep'
import { checkOutAtClosing } from '../services/check-ins/auto-check-out'
import { remindAttendees } from '../services/events/attendance'
import { forgetCancelledEvents, retirePastEvents } from '../services/events/end-event'
import { requeueLostWork, rescueJobs } from '../services/jobs/jobs'
import { deleteOldUpdates } from '../services/jobs/telegram-updates'
import { deleteOldNotifications } from '../services/notifications/notifications'
import { reconcile } from '../services/payments/reconcile'
import { deleteOldEvents } from '../services/payments/stripe-events'
import { deleteOldRows } from '../services/retention/delete-old-rows'
import { deleteOldKeys } from '../services/shared/idempotency'

type Watched = { boards: BoardWatchers; locations: LocationWatchers }
type Job = { name: string; run: (stopping: AbortSignal) => Promise<unknown> } & (
  | { everySeconds: number }
  | { at: string }
)

/** Every job is safe to run on all servers at once, and to repeat after a failure. */
const jobsOf = (deps: Deps, watched: Watched): Job[] => [
  { name: 'sweep', everySeconds: deps.env.SWEEP_SECONDS, run: () => sweep(deps, watched) },
  { name: 'complete bookings', everySeconds: 60, run: () => completePastBookings(deps) },
  { name: 'mark missed arrivals', everySeconds: 60, run: () => markMissedArrivals(deps) },
  { name: 'check out at closing', everySeconds: 60, run: () => checkOutAtClosing(deps) },
  { name: 'remind attendees', everySeconds: 60, run: () => remindAttendees(deps) },
  { name: 'delete dead tokens', everySeconds: 3600, run: () => deleteDeadTokens(deps) },
  { name: 'decline unanswered bookings', everySeconds: 60, run: () => declineUnanswered(deps) },
  { name: 'remind of bookings', everySeconds: 60, run: () => remindOfBookings(deps) },
  { name: 'rescue jobs of dead servers', everySeconds: 60, run: () => rescueJobs(deps.db) },
  { name: 'requeue lost work', everySeconds: 600, run: () => requeueLostWork(deps.db) },
  { name: 'reconcile payments', at: '0 10 3 * * *', run: () => reconcileRecently(deps) },
  { name: 'delete old rows', at: '0 40 3 * * *', run: (stopping) => deleteOldRows(deps, stopping) },
  { name: 'delete old payment events', everySeconds: 86_400, run: () => deleteOldEvents(deps) },
  { name: 'delete old notifications', everySeconds: 86_400, run: () => deleteOldNotifications(deps) },
  { name: 'forget cancelled events', everySeconds: 86_400, run: () => forgetCancelledEvents(deps) },
  { name: 'delete old Telegram updates', everySeconds: 86_400, run: () => deleteOldUpdates(deps) },
  { name: 'delete old idempotency keys', everySeconds: 3600, run: () => deleteOldKeys(deps) },
]

async function sweep(deps: Deps, { boards, locations }: Watched): Promise<number> {
  try {
    const freed = (await sweepExpiredHolds(deps)) + (await sweepUnpaidSeats(deps))
    await retirePastEvents(deps)
    return freed
  } finally {
    // Also after a failure: the versions show clients whether they have missed a change.
    await boards.tick()
    await locations.tick()
  }
}

const scheduleOf = (when: { everySeconds: number } | { at: string }): [string, CronOptions] =>
  'at' in when
    ? [when.at, { timezone: 'UTC', protect: true }]
    : ['* * * * * *', { interval: when.everySeconds, protect: true }]

const RECONCILED_DAYS = 4

/** Repeats days that are already reconciled, because Stripe may have been down. */
async function reconcileRecently(deps: Deps): Promise<number> {
  const from = new Date(Date.now() - RECONCILED_DAYS * DAY)
  const { differences } = await reconcile(systemContext(deps, 'payment'), { from, to: new Date(), fix: true })
  for (const difference of differences) deps.log.warn({ difference }, 'payment differed from Stripe')
  return differences.length
}

export function startJobs(deps: Deps, watched: Watched): { stop(): Promise<void> } {
  const running = new Set<Promise<unknown>>()
  const stopping = new AbortController()
  const crons = jobsOf(deps, watched).map(
    ({ name, run, ...when }) =>
      new Cron(...scheduleOf(when), async () => {
        const started = performance.now()
        const work = run(stopping.signal)
          .then((count) => {
            if (typeof count === 'number' && count > 0) {
              deps.log.info({ job: name, count, ms: Math.round(performance.now() - started) }, 'job')
            }
          })
          .catch((error) => deps.log.error({ error, job: name }, 'job failed; it will run again'))
        running.add(work)
        await work
        running.delete(work)
      }),
  )
  return {
    async stop() {
      for (const cron of crons) cron.stop()
      stopping.abort()
      // croner does not wait for running jobs.
      await Promise.all(running)
    },
  }
}
