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
 * Deletes an event and its attendance. If it is not over, refunds its seats in full, returns the notices to send, and stores
 * it as cancelled for calendar feeds. The location and the calendar must be locked.
 */
export async function endEvent(tx: Tx, event: EventRow, except?: string) {
  const isOver = event.endsAt.getTime() <= Date.now()
  const userIds = isOver ? [] : await listConcerned(tx, event, except)
  const seats = isOver ? [] : await cancelSeats(tx, event)
  const touched = await releaseClaims(tx, event.id, 'cancelled')
  await tx.delete(events).where(eq(events.id, event.id))
  if (!isOver) await tx.insert(cancelledEvents).values(withoutPeople(event))
  const notices = userIds.map((userId): Notice => {
    const paid = seats.find(({ booking, backMinor }) => booking.userId === userId && backMinor > 0)
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
  return { touched, bookings: seats.map(({ booking }) => booking), notices }
}

const withoutPeople = ({ id, locationId, title, startsAt, endsAt, visibility }: EventRow) => ({
  id,
  locationId,
  title,
  startsAt,
  endsAt,
  visibility,
})

/** How long calendar feeds report cancelled events and bookings, in days. */
export const CANCELLED_DAYS = 30

/** Deletes events cancelled more than CANCELLED_DAYS ago. @returns the number of deleted events */
export async function forgetCancelledEvents({ db }: Pick<Deps, 'db'>): Promise<number> {
  const gone = await db
    .delete(cancelledEvents)
    .where(sql`${cancelledEvents.cancelledAt} < now() - make_interval(days => ${CANCELLED_DAYS}::int)`)
    .returning({ id: cancelledEvents.id })
  return gone.length
}

const hasEnded = sql`NOT ${events.over} AND ${events.endsAt} <= statement_timestamp()`

/**
 * Marks events as over, so that they leave their location's live view. Safe on any number of servers at once.
 * @returns the number of events
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
