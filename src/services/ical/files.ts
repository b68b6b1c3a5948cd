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
/** The refresh interval that calendar programs are asked to use. */
const REFRESH_SECONDS = 900

export type Entry = {
  uid: string
  startsAt: Date
  endsAt: Date
  summary: string
  text?: string | null
  location: string
  status: ICalEventStatus
  changedAt: Date
}

/**
 * Renders a booking of the caller as an iCalendar file (RFC 5545). A seat is rendered as its event.
 * @throws NOT_SIGNED_IN, NOT_FOUND
 */
export async function bookingCalendar(ctx: Context, { id }: { id: string }): Promise<string> {
  if (ctx.actor.kind !== 'user') throw new AppError('NOT_SIGNED_IN', 'Sign in first.')
  const own = sql`${bookings.id} = ${id} AND ${bookings.userId} = ${ctx.actor.id}`
  const [entry] = await bookingEntries(ctx.db, own, 'customer')
  if (entry) return calendarOf(entry.summary, [entry])
  const [seat] = await ctx.db
    .select({ eventId: bookings.attendsEventId, changedAt: bookings.updatedAt })
    .from(bookings)
    .where(own)
  if (!seat?.eventId) throw notFound('booking')
  const { mine } = await getEvent(ctx, { id: seat.eventId })
  const [event] = await eventEntries(ctx.db, eq(events.id, seat.eventId))
  if (!event) throw notFound('booking')
  const changedAt = new Date(Math.max(seat.changedAt.getTime(), event.changedAt.getTime()))
  return calendarOf(event.summary, [{ ...event, changedAt, status: statusOfSeat(mine) }])
}

/**
 * Renders an event as an iCalendar file, for CANCELLED_DAYS also a cancelled one.
 * @throws NOT_FOUND, also for a members' event if the caller is not signed in
 */
export async function eventCalendar(ctx: Context, { id }: { id: string }): Promise<string> {
  const [upcoming] = await eventEntries(ctx.db, and(eq(events.id, id), visibleTo(ctx, events)))
  const [entry] = upcoming
    ? [upcoming]
    : await cancelledEntries(ctx.db, and(eq(cancelledEvents.id, id), visibleTo(ctx, cancelledEvents)))
  if (!entry) throw notFound('event')
  return calendarOf(entry.summary, [entry])
}

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
    location: [service && space, location, address].filter(Boolean).join(', '),
    status: statusOf(booking.status),
    changedAt: booking.updatedAt,
  }))
}

/** If there are more than FEED_ENTRIES, keep those closest to now. */
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
    location: [space, location, address].filter(Boolean).join(', '),
    status: ICalEventStatus.CONFIRMED,
    changedAt: event.updatedAt,
  }))
}

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
    location: [location, address].filter(Boolean).join(', '),
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

function statusOfSeat(mine: Event['mine']): ICalEventStatus {
  if (mine === 'held') return ICalEventStatus.TENTATIVE
  return mine === 'attending' ? ICalEventStatus.CONFIRMED : ICalEventStatus.CANCELLED
}

function statusOf(status: BookingStatus): ICalEventStatus {
  if (status === 'held' || status === 'pending') return ICalEventStatus.TENTATIVE
  return status === 'confirmed' || status === 'completed'
    ? ICalEventStatus.CONFIRMED
    : ICalEventStatus.CANCELLED
}

/** ical-generator escapes all texts (RFC 5545, 3.3.11) except the name of a calendar. */
const escaped = (text: string) => text.replace(/[\\;,]/g, '\\$&')
/** Control characters are not allowed in texts (RFC 5545, 3.1), except line breaks and tabs. */
const CONTROLS = /[^\P{Cc}\t\n\r]/gu

/**
 * Renders entries as an iCalendar file. The same entries give the same bytes. Instants are in UTC, so daylight saving time
 * shifts nothing.
 */
export function calendarOf(name: string, entries: Entry[]): string {
  const prodId = { company: 'CoworkSpace', product: 'CoworkSpace', language: 'EN' }
  const calendar = ical({ name: escaped(name), prodId, ttl: REFRESH_SECONDS })
  const sorted = entries.toSorted(
    (a, b) => Number(a.startsAt) - Number(b.startsAt) || (a.uid < b.uid ? -1 : 1),
  )
  for (const { uid, startsAt, endsAt, summary, text, location, status, changedAt } of sorted) {
    calendar.createEvent({
      id: `${uid}@coworkspace`,
      start: startsAt,
      end: endsAt,
      summary,
      description: text?.replace(CONTROLS, '') || null,
      location,
      stamp: changedAt,
      lastModified: changedAt,
      // Must grow with each change: programs ignore an entry with a lower sequence.
      sequence: Math.max(0, Math.floor(changedAt.getTime() / 1000) - 1_700_000_000),
      status,
    })
  }
  return calendar.toString()
}
