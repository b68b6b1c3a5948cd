import { Cron } from 'croner'
import type { Deps } from '../context'
import type { WatchedBoards } from '../realtime/boards'
import type { WatchedLocations } from '../realtime/locations'
import { markMissedArrivals } from '../services/arrivals'
import { remindAttendees } from '../services/attendance'
import { checkOutAtClosing } from '../services/closing'
import { deleteOldKeys } from '../services/idempotency'
import { deleteDeadTokens } from '../services/sessions'
import { completePastBookings, sweepExpiredHolds } from '../services/sweep'

type Watched = { boards: WatchedBoards; locations: WatchedLocations }
type Job = { name: string; everySeconds: number; run: () => Promise<unknown> }

/** The schedule, as a table. Every job is safe to run on every server at once, and to run again after it failed. */
const jobsOf = (deps: Deps, watched: Watched): Job[] => [
  { name: 'sweep', everySeconds: deps.env.SWEEP_SECONDS, run: () => sweep(deps, watched) },
  { name: 'complete bookings', everySeconds: 60, run: () => completePastBookings(deps) },
  { name: 'free what nobody came to', everySeconds: 60, run: () => markMissedArrivals(deps) },
  { name: 'check out at closing', everySeconds: 60, run: () => checkOutAtClosing(deps) },
  { name: 'remind attendees', everySeconds: 60, run: () => remindAttendees(deps) },
  { name: 'delete dead tokens', everySeconds: 3600, run: () => deleteDeadTokens(deps) },
  { name: 'delete old idempotency keys', everySeconds: 3600, run: () => deleteOldKeys(deps) },
]

/** Frees what has expired, then tells every watcher where its board should be by now. */
async function sweep(deps: Deps, { boards, locations }: Watched): Promise<number> {
  const freed = await sweepExpiredHolds(deps)
  await boards.tick()
  await locations.tick()
  return freed
}

/** Starts the schedule. A job that throws is logged, and runs again when its time comes. @returns what stops it */
export function startJobs(deps: Deps, watched: Watched): { stop(): Promise<void> } {
  const running = new Set<Promise<unknown>>()
  const crons = jobsOf(deps, watched).map(
    ({ name, everySeconds, run }) =>
      new Cron('* * * * * *', { interval: everySeconds, protect: true }, async () => {
        const started = performance.now()
        const work = run()
          .then((count) => {
            if (typeof count === 'number' && count > 0) {
              deps.log.info({ job: name, count, ms: Math.round(performance.now() - started) }, 'job')
            }
          })
          .catch((error) => deps.log.error({ error, job: name }, 'a job failed; it will run again'))
        running.add(work)
        await work
        running.delete(work)
      }),
  )
  return {
    async stop() {
      for (const cron of crons) cron.stop()
      // croner's stop does not wait for what is running.
      await Promise.all(running)
    },
  }
}
