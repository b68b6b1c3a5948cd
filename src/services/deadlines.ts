import { asc, sql } from 'drizzle-orm'
import { type Deps, systemContext } from '../context'
import { bookings } from '../db/schema'
import { AppError } from '../errors'
import { moveBooking } from './moves'

/** At most so many in a run; the next one follows within a minute. */
const BATCH = 200

/**
 * Declines what awaits a yes and has begun without one: all that was paid goes back. Another server may be at it too,
 * or the answer may come at this moment: whichever is first stands.
 */
export async function declineUnanswered(deps: Deps): Promise<number> {
  const due = await deps.db
    .select({ id: bookings.id })
    .from(bookings)
    .where(sql`${bookings.status} = 'pending' AND ${bookings.startsAt} <= clock_timestamp()`)
    .orderBy(asc(bookings.startsAt))
    .limit(BATCH)
  let declined = 0
  for (const { id } of due) {
    try {
      await moveBooking(systemContext(deps, 'clock'), id, 'declined')
      declined += 1
    } catch (error) {
      if (!(error instanceof AppError)) throw error
    }
  }
  return declined
}
