import { eq } from 'drizzle-orm'
import type { Tx } from '../db/client'
import { type EventRow, events } from '../db/schema'
import { listConcerned } from './attendance'
import { releaseClaims } from './eventClaims'
import { aboutEvent, cancelPlaces } from './eventPlaces'
import type { Notice } from './notices'

/**
 * Deletes an event whose location and calendar are locked; its attendance goes with it. Where it is not over, all that was
 * paid goes back, and whoever is concerned is to be told.
 */
export async function dissolveEvent(tx: Tx, event: EventRow, except?: string) {
  const isOver = event.endsAt.getTime() <= Date.now()
  const people = isOver ? [] : await listConcerned(tx, event.id, except)
  const places = isOver ? [] : await cancelPlaces(tx, event)
  const touched = await releaseClaims(tx, event.id, 'cancelled')
  await tx.delete(events).where(eq(events.id, event.id))
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
