import { createHash, randomBytes } from 'node:crypto'
import { and, eq, sql } from 'drizzle-orm'
import ical, { ICalEventStatus } from 'ical-generator'
import type { Context, SignedInContext } from '../context'
import type { Db } from '../db/client'
import {
  type BookingStatus,
  bookings,
  calendarSecrets,
  eventAttendees,
  events,
  locations,
  spaces,
} from '../db/schema'
import { AppError, notFound } from '../errors'
import { getEvent } from './events'

/** How far back a feed reaches, in days. */
const FEED_DAYS = 90
const FEED_ENTRIES = 1000

type Entry = {
  uid: string
  startsAt: Date
  endsAt: Date
  summary: string
  text?: string | null
  place: string
  status: ICalEventStatus
  changedAt: Date
}

/** The calendar file of a booking, in iCalendar (RFC 5545). @throws NOT_SIGNED_IN, NOT_FOUND but for its owner */
export async function bookingCalendar(ctx: Context, { id }: { id: string }): Promise<string> {
  if (ctx.actor.kind !== 'person') throw new AppError('NOT_SIGNED_IN', 'Please sign in first.')
  const [entry] = await bookingEntries(ctx.db, ctx.actor.id, id)
  if (!entry) throw notFound('booking')
  return calendarOf(entry.summary, [entry])
}

/** The calendar file of an event. @throws NOT_FOUND, also for a members' event where nobody is signed in */
export async function eventCalendar(ctx: Context, { id }: { id: string }): Promise<string> {
  const { title } = await getEvent(ctx, { id })
  return calendarOf(title, await eventEntries(ctx.db, sql`${events.id} = ${id}`))
}

/**
 * What the owner of a secret has booked and attends, as a feed that calendar programs follow: what was, for 90 days, and
 * all that is to come. @throws NOT_FOUND
 */
export async function calendarFeed({ db }: Context, { secret }: { secret: string }): Promise<string> {
  const [owner] = await db
    .select({ userId: calendarSecrets.userId })
    .from(calendarSecrets)
    .where(eq(calendarSecrets.secretHash, hashOf(secret)))
  if (!owner) throw notFound('calendar')
  const attended = sql`${events.endsAt} > now() - make_interval(days => ${FEED_DAYS}::int) AND EXISTS (
    SELECT FROM ${eventAttendees} a WHERE a.event_id = ${events.id} AND a.user_id = ${owner.userId} AND a.status = 'attending')`
  const entries = [...(await bookingEntries(db, owner.userId)), ...(await eventEntries(db, attended))]
  return calendarOf('CoworkSpace', entries)
}

/** Gives the feed a new address, and ends the one it had. The secret is shown this once. */
export async function renewCalendar(ctx: SignedInContext): Promise<{ secret: string; url: string }> {
  const secret = randomBytes(24).toString('base64url')
  const fields = { secretHash: hashOf(secret), createdAt: sql`now()` }
  await ctx.db
    .insert(calendarSecrets)
    .values({ userId: ctx.actor.id, ...fields })
    .onConflictDoUpdate({ target: calendarSecrets.userId, set: fields })
  return { secret, url: `${ctx.env.PUBLIC_URL?.replace(/\/$/, '') ?? ''}/api/calendar/${secret}.ics` }
}

const hashOf = (secret: string) => createHash('sha256').update(secret).digest('hex')

/** One booking of a person in whatever state, or all that stand or stood. */
async function bookingEntries(db: Db, userId: string, id?: string): Promise<Entry[]> {
  const standing = sql`${bookings.status} IN ('pending', 'confirmed', 'completed')
    AND ${bookings.endsAt} > now() - make_interval(days => ${FEED_DAYS}::int)`
  const rows = await db
    .select({ booking: bookings, space: spaces.name, location: locations.name, address: locations.address })
    .from(bookings)
    .innerJoin(locations, eq(locations.id, bookings.locationId))
    .leftJoin(spaces, eq(spaces.id, bookings.spaceId))
    .where(
      and(eq(bookings.userId, userId), eq(bookings.kind, 'booking'), id ? eq(bookings.id, id) : standing),
    )
    .orderBy(bookings.startsAt)
    .limit(FEED_ENTRIES)
  return rows.map(({ booking, space, location, address }) => ({
    uid: `booking-${booking.id}`,
    startsAt: booking.startsAt,
    endsAt: booking.endsAt,
    summary: space ?? location,
    text: booking.notes,
    place: placeOf(location, address),
    status: statusOf(booking.status),
    changedAt: booking.updatedAt,
  }))
}

async function eventEntries(db: Db, where: ReturnType<typeof sql>): Promise<Entry[]> {
  const rows = await db
    .select({ event: events, location: locations.name, address: locations.address })
    .from(events)
    .innerJoin(locations, eq(locations.id, events.locationId))
    .where(where)
    .orderBy(events.startsAt)
    .limit(FEED_ENTRIES)
  return rows.map(({ event, location, address }) => ({
    uid: `event-${event.id}`,
    startsAt: event.startsAt,
    endsAt: event.endsAt,
    summary: event.title,
    text: event.text,
    place: placeOf(location, address),
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

const placeOf = (location: string, address: string) => [location, address].filter(Boolean).join(', ')

function calendarOf(name: string, entries: Entry[]): string {
  const calendar = ical({ name, prodId: { company: 'CoworkSpace', product: 'CoworkSpace', language: 'EN' } })
  for (const { uid, startsAt, endsAt, summary, text, place, status, changedAt } of entries) {
    calendar.createEvent({
      id: `${uid}@coworkspace`,
      start: startsAt,
      end: endsAt,
      summary,
      description: text || null,
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
