import { and, eq, sql } from 'drizzle-orm'
import type { Deps } from '../../context'
import type { Tx } from '../../db/client'
import { cancelledEvents, type EventRow, events } from '../../db/schema'
import { aboutEvent, cancelSeats } from '../bookings/event-seats'
import { eventsChanged, noCalendarChanges, withLocationLocks } from '../calendar/change-location'
import type { Notice } from '../notifications/notify'
import { runForEach } from '../shared/run-each'
import { listConcerned } from './attendance'
import { releaseClaims } from './room-claims'

/**
 * Deletes an event whose location and calendar are locked; its attendance goes with it. Where it is not over, all that was
 * paid goes back, whoever is concerned is to be told, and its calendar file says for a while that it is cancelled.
 */
export async function endEvent(tx: Tx, event: EventRow, except?: string) {
  const isOver = event.endsAt.getTime() <= Date.now()
  const people = isOver ? [] : await listConcerned(tx, event, except)
  const places = isOver ? [] : await cancelSeats(tx, event)
  const touched = await releaseClaims(tx, event.id, 'cancelled')
  await tx.delete(events).where(eq(events.id, event.id))
  if (!isOver) await tx.insert(cancelledEvents).values(withoutPeople(event))
  const notices = people.map((userId): Notice => {
    const paid = places.find(({ booking, backMinor }) => booking.userId === userId && backMinor > 0)
    return {
      userId,
      kind: 'event_cancelled',
      source: event.id,
      ...aboutEvent(event),
      ...(paid && {
        bookingId: paid.booking.id,
        amountMinor: paid.backMinor,
        currency: paid.booking.currency,
      }),
    }
  })
  return { touched, bookings: places.map(({ booking }) => booking), notices }
}

const withoutPeople = ({ id, locationId, title, startsAt, endsAt, visibility }: EventRow) => ({
  id,
  locationId,
  title,
  startsAt,
  endsAt,
  visibility,
})

/** For so long calendars are told of what was cancelled, in days. */
export const CANCELLED_DAYS = 30

/** Deletes what is left of events that were cancelled long ago. @returns how many */
export async function forgetCancelledEvents({ db }: Pick<Deps, 'db'>): Promise<number> {
  const gone = await db
    .delete(cancelledEvents)
    .where(sql`${cancelledEvents.cancelledAt} < now() - make_interval(days => ${CANCELLED_DAYS}::int)`)
    .returning({ id: cancelledEvents.id })
  return gone.length
}

const hasEnded = sql`NOT ${events.over} AND ${events.endsAt} <= clock_timestamp()`

/**
 * Every sweep: what is over leaves the board of its location, and whoever watches it hears so. Safe on any number of
 * servers. @returns how many are over
 */
export async function retirePastEvents(deps: Pick<Deps, 'db' | 'publish' | 'log'>): Promise<number> {
  const due = await deps.db.selectDistinct({ locationId: events.locationId }).from(events).where(hasEnded)
  return runForEach(deps, due, ({ locationId }) =>
    withLocationLocks(deps, { locations: [locationId] }, async (tx) => {
      const ended = await tx
        .update(events)
        .set({ over: true })
        .where(and(eq(events.locationId, locationId), hasEnded))
        .returning({ id: events.id })
      const changed = ended.length > 0 ? [eventsChanged(locationId)] : []
      return { result: ended.length, ...noCalendarChanges, changed, notices: [] }
    }),
  )
}
