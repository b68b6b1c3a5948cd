import { and, eq, type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import ical, { ICalEventStatus } from 'ical-generator'
import type { Context } from '../../context'
import type { Db } from '../../db/client'
import {
  type BookingStatus,
  bookings,
  cancelledEvents,
  type EventRow,
  events,
  locations,
  spaces,
} from '../../db/schema'
import { AppError, notFound } from '../../errors'
import type { Event } from '../../schemas/events'
import { selectNamed } from '../bookings/display-names'
import { getEvent, visibleTo } from '../events/events'

const FEED_ENTRIES = 2000
/** How often a calendar program is asked to come back. */
const REFRESH_SECONDS = 900

export type Entry = {
  uid: string
  startsAt: Date
  endsAt: Date
  summary: string
  text?: string | null
  place: string
  status: ICalEventStatus
  changedAt: Date
}

/**
 * The calendar file of a booking, in iCalendar (RFC 5545); of a place at an event, that of the event.
 * @throws NOT_SIGNED_IN, NOT_FOUND but for its owner
 */
export async function bookingCalendar(ctx: Context, { id }: { id: string }): Promise<string> {
  if (ctx.actor.kind !== 'user') throw new AppError('NOT_SIGNED_IN', 'Please sign in first.')
  const own = sql`${bookings.id} = ${id} AND ${bookings.userId} = ${ctx.actor.id}`
  const [entry] = await bookingEntries(ctx.db, own, 'customer')
  if (entry) return calendarOf(entry.summary, [entry])
  const [place] = await ctx.db
    .select({ eventId: bookings.attendsEventId, changedAt: bookings.updatedAt })
    .from(bookings)
    .where(own)
  if (!place?.eventId) throw notFound('booking')
  const { mine } = await getEvent(ctx, { id: place.eventId })
  const [event] = await eventEntries(ctx.db, eq(events.id, place.eventId))
  if (!event) throw notFound('booking')
  const changedAt = new Date(Math.max(place.changedAt.getTime(), event.changedAt.getTime()))
  return calendarOf(event.summary, [{ ...event, changedAt, status: statusOfPart(mine) }])
}

/**
 * The calendar file of an event; for a while also of one that was cancelled, which says so.
 * @throws NOT_FOUND, also for a members' event where nobody is signed in
 */
export async function eventCalendar(ctx: Context, { id }: { id: string }): Promise<string> {
  const [coming] = await eventEntries(ctx.db, and(eq(events.id, id), visibleTo(ctx, events)))
  const [entry] = coming
    ? [coming]
    : await cancelledEntries(ctx.db, and(eq(cancelledEvents.id, id), visibleTo(ctx, cancelledEvents)))
  if (!entry) throw notFound('event')
  return calendarOf(entry.summary, [entry])
}

/** Who reads it: whose booking it is, or whose time was booked. */
type Side = 'customer' | 'specialist'

export async function bookingEntries(db: Db, where: SQL, side: Side): Promise<Entry[]> {
  const rows = await selectNamed(db)
    .where(and(eq(bookings.kind, 'booking'), where))
    .orderBy(nearest(bookings.startsAt))
    .limit(FEED_ENTRIES)
  return rows.map(({ booking, space, location, address, service, specialist, customer }) => ({
    uid: `booking-${booking.id}`,
    startsAt: booking.startsAt,
    endsAt: booking.endsAt,
    summary: service
      ? [service, side === 'customer' ? specialist : customer].filter(Boolean).join(' · ')
      : (space ?? location),
    text: booking.notes,
    place: [service && space, location, address].filter(Boolean).join(', '),
    status: statusOf(booking.status),
    changedAt: booking.updatedAt,
  }))
}

/** Where there is more than a file holds, it has what is near. */
const nearest = (startsAt: PgColumn) => sql`abs(extract(epoch FROM ${startsAt} - now()))`

export async function eventEntries(db: Db, where: SQL | undefined): Promise<Entry[]> {
  const rows = await db
    .select({ event: events, space: spaces.name, location: locations.name, address: locations.address })
    .from(events)
    .innerJoin(locations, eq(locations.id, events.locationId))
    .leftJoin(spaces, eq(spaces.id, events.spaceId))
    .where(where)
    .orderBy(nearest(events.startsAt))
    .limit(FEED_ENTRIES)
  return rows.map(({ event, space, location, address }) => ({
    ...entryOfEvent(event),
    text: event.text,
    place: [space, location, address].filter(Boolean).join(', '),
    status: ICalEventStatus.CONFIRMED,
    changedAt: event.updatedAt,
  }))
}

/** Events that were cancelled not long ago, as such. */
export async function cancelledEntries(db: Db, where: SQL | undefined): Promise<Entry[]> {
  const rows = await db
    .select({ event: cancelledEvents, location: locations.name, address: locations.address })
    .from(cancelledEvents)
    .innerJoin(locations, eq(locations.id, cancelledEvents.locationId))
    .where(where)
    .orderBy(nearest(cancelledEvents.startsAt))
    .limit(FEED_ENTRIES)
  return rows.map(({ event, location, address }) => ({
    ...entryOfEvent(event),
    place: [location, address].filter(Boolean).join(', '),
    status: ICalEventStatus.CANCELLED,
    changedAt: event.cancelledAt,
  }))
}

const entryOfEvent = ({
  id,
  title,
  startsAt,
  endsAt,
}: Pick<EventRow, 'id' | 'title' | 'startsAt' | 'endsAt'>) => ({
  uid: `event-${id}`,
  startsAt,
  endsAt,
  summary: title,
})

/** Of one's own place at an event. */
function statusOfPart(mine: Event['mine']): ICalEventStatus {
  if (mine === 'held') return ICalEventStatus.TENTATIVE
  return mine === 'attending' ? ICalEventStatus.CONFIRMED : ICalEventStatus.CANCELLED
}

function statusOf(status: BookingStatus): ICalEventStatus {
  if (status === 'held' || status === 'pending') return ICalEventStatus.TENTATIVE
  return status === 'confirmed' || status === 'completed'
    ? ICalEventStatus.CONFIRMED
    : ICalEventStatus.CANCELLED
}

/** The library writes the name of a calendar as it is, and all other texts as RFC 5545 asks (3.3.11). */
const escaped = (text: string) => text.replace(/[\\;,]/g, '\\$&')
/** No text of a calendar has these (RFC 5545, 3.1), but for line breaks and tabs. */
const CONTROLS = /[^\P{Cc}\t\n\r]/gu

/**
 * The file, the same as long as nothing changes. Instants are in UTC, which every program shows in the zone of whoever reads,
 * so that clocks that change between now and then move nothing.
 */
export function calendarOf(name: string, entries: Entry[]): string {
  const prodId = { company: 'CoworkSpace', product: 'CoworkSpace', language: 'EN' }
  const calendar = ical({ name: escaped(name), prodId, ttl: REFRESH_SECONDS })
  const inOrder = entries.toSorted(
    (a, b) => Number(a.startsAt) - Number(b.startsAt) || (a.uid < b.uid ? -1 : 1),
  )
  for (const { uid, startsAt, endsAt, summary, text, place, status, changedAt } of inOrder) {
    calendar.createEvent({
      id: `${uid}@coworkspace`,
      start: startsAt,
      end: endsAt,
      summary,
      description: text?.replace(CONTROLS, '') || null,
      location: place,
      stamp: changedAt,
      lastModified: changedAt,
      // Grows with each change, by which a calendar program knows which of two is newer.
      sequence: Math.max(0, Math.floor(changedAt.getTime() / 1000) - 1_700_000_000),
      status,
    })
  }
  return calendar.toString()
}
