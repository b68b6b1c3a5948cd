import { and, eq, type SQL, sql } from 'drizzle-orm'
import ical, { ICalEventStatus } from 'ical-generator'
import type { Context } from '../context'
import type { Db } from '../db/client'
import { type BookingStatus, bookings, events, locations } from '../db/schema'
import { AppError, notFound } from '../errors'
import { selectNamed } from './bookingNames'
import { getEvent } from './events'

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
  if (ctx.actor.kind !== 'person') throw new AppError('NOT_SIGNED_IN', 'Please sign in first.')
  const own = sql`${bookings.id} = ${id} AND ${bookings.userId} = ${ctx.actor.id}`
  const [entry] = await bookingEntries(ctx.db, own, 'customer')
  if (entry) return calendarOf(entry.summary, [entry])
  const [place] = await ctx.db.select({ eventId: bookings.attendsEventId }).from(bookings).where(own)
  if (!place?.eventId) throw notFound('booking')
  return eventCalendar(ctx, { id: place.eventId })
}

/** The calendar file of an event. @throws NOT_FOUND, also for a members' event where nobody is signed in */
export async function eventCalendar(ctx: Context, { id }: { id: string }): Promise<string> {
  const { title } = await getEvent(ctx, { id })
  return calendarOf(title, await eventEntries(ctx.db, sql`${events.id} = ${id}`))
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
const nearest = (startsAt: typeof bookings.startsAt | typeof events.startsAt) =>
  sql`abs(extract(epoch FROM ${startsAt} - now()))`

export async function eventEntries(db: Db, where: SQL): Promise<Entry[]> {
  const rows = await db
    .select({ event: events, location: locations.name, address: locations.address })
    .from(events)
    .innerJoin(locations, eq(locations.id, events.locationId))
    .where(where)
    .orderBy(nearest(events.startsAt))
    .limit(FEED_ENTRIES)
  return rows.map(({ event, location, address }) => ({
    uid: `event-${event.id}`,
    startsAt: event.startsAt,
    endsAt: event.endsAt,
    summary: event.title,
    text: event.text,
    place: [location, address].filter(Boolean).join(', '),
    status: ICalEventStatus.CONFIRMED,
    changedAt: event.updatedAt,
  }))
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
