import { and, asc, eq, getTableColumns, isNull, type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'
import type { Context, SignedInContext } from '../../context'
import type { Tx } from '../../db/client'
import { type EventRow, eventAttendees, events } from '../../db/schema'
import { range } from '../../db/sql'
import { AppError, invalidField, notFound } from '../../errors'
import { refuseUnpayablePrice } from '../../lib/money'
import { DAY, iso, type Period } from '../../lib/time'
import { type Page, startCursorOf } from '../../schemas/common'
import { type Event, eventView } from '../../schemas/events'
import {
  aboutEvent,
  expireUnpaidSeats,
  findEvent,
  giveSeats,
  NO_SEAT_CHANGES,
  promoteFromWaitlist,
  rescheduleSeats,
} from '../bookings/event-seats'
import {
  eventsChanged,
  type LocationLocks,
  type LocationOutcome,
  withLocationLocks,
} from '../calendar/change-location'
import { refuseUnlessInUse } from '../locations/locations'
import type { Notice } from '../notifications/notify'
import { isBehindStart, pageOf } from '../shared/paging'
import { listConcerned, refuseIfOver, refuseUnlessOrganiser } from './attendance'
import { endEvent } from './end-event'
import { claimForEvent, findSpaceOf, releaseClaims } from './room-claims'

const MAX_LENGTH_DAYS = 14

type Details = {
  title: string
  text?: string | undefined
  startsAt: string
  endsAt: string
  spaceId?: string | null | undefined
  capacity?: number | null | undefined
  priceMinor?: number | undefined
  currency?: string | undefined
  cancellation?: EventRow['cancellation'] | undefined
  visibility?: EventRow['visibility'] | undefined
}

type ListInput = Page & {
  locationId?: string | undefined
  from?: string | undefined
  to?: string | undefined
}

/** Lists events that end after `from` (now by default) and start before `to`, earliest first. */
export async function listEvents(ctx: Context, { locationId, from, to, ...page }: ListInput) {
  const rows = await selectEvents(
    ctx,
    and(
      locationId ? eq(events.locationId, locationId) : undefined,
      sql`${events.endsAt} > ${from ? sql`${iso(new Date(from))}::timestamptz` : sql`clock_timestamp()`}`,
      to ? sql`${events.startsAt} < ${iso(new Date(to))}::timestamptz` : undefined,
      page.cursor ? isBehindStart(events, page.cursor) : undefined,
    ),
  ).limit(page.limit + 1)
  return pageOf(rows, page, eventView, startCursorOf)
}

/** Events of a location without a space that overlap a period, earliest first. */
export async function eventsWithoutSpace(ctx: Context, locationId: string, period: Period): Promise<Event[]> {
  const rows = await selectEvents(
    ctx,
    and(
      eq(events.locationId, locationId),
      isNull(events.spaceId),
      sql`tstzrange(${events.startsAt}, ${events.endsAt}) && ${range(period)}::tstzrange`,
    ),
  )
  return rows.map(eventView)
}

/** @throws NOT_FOUND, also for a members' event if the caller is signed out */
export async function getEvent(ctx: Context, { id }: { id: string }): Promise<Event> {
  const [row] = await selectEvents(ctx, eq(events.id, id))
  if (!row) throw notFound('event')
  return eventView(row)
}

function selectEvents(ctx: Context, where: SQL | undefined) {
  const userId = ctx.actor.kind === 'user' ? ctx.actor.id : null
  return ctx.db
    .select({ ...getTableColumns(events), mine: eventAttendees.status, bookingId: eventAttendees.bookingId })
    .from(events)
    .leftJoin(
      eventAttendees,
      and(eq(eventAttendees.eventId, events.id), sql`${eventAttendees.userId} = ${userId}::uuid`),
    )
    .where(and(where, visibleTo(ctx, events)))
    .orderBy(asc(events.startsAt), asc(events.id))
}

/** Members' events are visible only to signed-in users. */
export const visibleTo = (
  { actor }: Pick<Context, 'actor'>,
  { visibility }: { visibility: PgColumn },
): SQL | undefined => (actor.kind === 'user' ? undefined : sql`${visibility} = 'public'`)

/**
 * Creates an event, which its creator attends. An event in a space claims all units of it.
 * @throws VALIDATION, also for a price that cannot be charged to a card, NOT_FOUND, TOO_MANY_EVENTS, SLOT_PAST, TOO_LONG,
 *   NOT_SIGNED_IN, and the refusals of `claimForEvent`
 */
export async function createEvent(
  ctx: SignedInContext,
  input: Details & { locationId: string },
): Promise<Event> {
  const { locationId, spaceId } = input
  const locks: LocationLocks = {
    userId: ctx.actor.id,
    locations: [locationId],
    calendars: spaceId ? [{ spaceId }] : [],
  }
  return withLocationLocks(ctx, locks, async (tx) => {
    await refuseUnlessInUse(tx, locationId)
    await refuseTooMany(tx, ctx)
    if (spaceId) await findSpaceOf(tx, { spaceId, locationId })
    const times = { startsAt: new Date(input.startsAt), endsAt: new Date(input.endsAt) }
    await refuseTimes(tx, times)
    const [event] = await tx
      .insert(events)
      .values({ ...input, ...times, creatorId: ctx.actor.id })
      .returning()
    if (!event) throw new Error('event was not inserted')
    refuseUnpayablePrice({ leastMinor: event.priceMinor, currency: event.currency })
    await tx.insert(eventAttendees).values({ eventId: event.id, userId: ctx.actor.id, status: 'attending' })
    const claimed = await claimForEvent(tx, ctx.actor, event)
    return { ...claimed, ...(await outcomeOf(ctx, tx, event)), notices: [] }
  })
}

/** The user must be locked. @throws TOO_MANY_EVENTS */
async function refuseTooMany(tx: Tx, { actor, env }: SignedInContext): Promise<void> {
  if (actor.role === 'admin') return
  const upcoming = await tx.$count(
    events,
    sql`${events.creatorId} = ${actor.id} AND ${events.endsAt} > clock_timestamp()`,
  )
  if (upcoming >= env.MAX_EVENTS_PER_PERSON)
    throw new AppError('TOO_MANY_EVENTS', 'You have too many upcoming events. Cancel one first.')
}

type Times = Pick<EventRow, 'startsAt' | 'endsAt'>

/** A new start must be in the future; for an unchanged start, the end must be. */
async function refuseTimes(tx: Tx, { startsAt, endsAt }: Times, former?: Times): Promise<void> {
  if (startsAt >= endsAt) throw invalidField('endsAt', 'must be after the start')
  if (endsAt.getTime() - startsAt.getTime() > MAX_LENGTH_DAYS * DAY)
    throw new AppError('TOO_LONG', `An event can last at most ${MAX_LENGTH_DAYS} days.`)
  const [clock] = await tx.execute<{ now: string }>(sql`SELECT epoch_ms(clock_timestamp()) AS now`)
  const now = Number(clock?.now)
  const earliest = former?.startsAt.getTime() === startsAt.getTime() ? endsAt : startsAt
  if (earliest.getTime() <= now) throw new AppError('SLOT_PAST', 'This time has passed. Choose another one.')
}

/**
 * Updates an event and notifies its attendees and waiting users. Claims a new time or space in the transaction that releases
 * the old one, and gives added seats to the waitlist. Held and paid seats keep their price; another time makes them fully
 * refundable, and a price of 0 grants the unpaid ones.
 * @throws NOT_FOUND, NOT_ALLOWED, TOO_LATE if it is over, VALIDATION, SLOT_PAST, TOO_LONG, INVALID_STATE for a capacity
 *   below the seats taken, and the refusals of `claimForEvent`
 */
export async function updateEvent(
  ctx: SignedInContext,
  { id, startsAt, endsAt, ...fields }: Partial<Details> & { id: string },
): Promise<Event> {
  const { spaceId, capacity } = fields
  return withOwnEventLocks(ctx, id, spaceId ? [spaceId] : [], async (tx, former) => {
    await refuseIfOver(tx, former)
    if (spaceId) await findSpaceOf(tx, { spaceId, locationId: former.locationId })
    const ended = await expireUnpaidSeats(tx, former)
    refuseTooFew(await findEvent(tx, id), capacity)
    const times = {
      startsAt: startsAt === undefined ? former.startsAt : new Date(startsAt),
      endsAt: endsAt === undefined ? former.endsAt : new Date(endsAt),
    }
    if (isSame(former, { ...fields, ...times })) {
      const { result, changed } = await outcomeOf(ctx, tx, former)
      return { result, touched: [], ...ended, changed: ended.bookings.length > 0 ? changed : [] }
    }
    if (isRescheduled(former, times)) await refuseTimes(tx, times, former)
    const [event] = await tx
      .update(events)
      .set({ ...fields, ...times, updatedAt: sql`clock_timestamp()` })
      .where(eq(events.id, id))
      .returning()
    if (!event) throw notFound('event')
    refuseUnpayablePrice({ leastMinor: event.priceMinor, currency: event.currency })
    if (former.startsAt.getTime() !== event.startsAt.getTime())
      await tx.update(eventAttendees).set({ remindedHours: null }).where(eq(eventAttendees.eventId, id))
    const rescheduled = isRescheduled(former, event) ? await rescheduleSeats(tx, event) : []
    const claims = await replaceClaims(tx, ctx, former, event)
    const notices = await changeNotices(tx, ctx, former, event)
    const granted =
      former.priceMinor > 0 && event.priceMinor === 0 ? await giveSeats(tx, event) : NO_SEAT_CHANGES
    const promoted = await promoteFromWaitlist(tx, event)
    return {
      touched: claims.touched,
      bookings: [
        ...claims.bookings,
        ...ended.bookings,
        ...rescheduled,
        ...granted.bookings,
        ...promoted.bookings,
      ],
      notices: [...notices, ...ended.notices, ...granted.notices, ...promoted.notices],
      ...(await outcomeOf(ctx, tx, event)),
    }
  })
}

const isSame = (former: EventRow, wanted: Partial<EventRow>): boolean =>
  Object.entries(wanted).every(
    ([name, value]) => value === undefined || Bun.deepEquals(value, former[name as keyof EventRow]),
  )

const isRescheduled = (former: Times, now: Times) =>
  former.startsAt.getTime() !== now.startsAt.getTime() || former.endsAt.getTime() !== now.endsAt.getTime()

function refuseTooFew({ attending, held }: EventRow, capacity: number | null | undefined): void {
  if (typeof capacity !== 'number' || capacity >= attending + held) return
  throw new AppError('INVALID_STATE', `Capacity cannot be below the ${attending + held} seats already taken.`)
}

async function replaceClaims(tx: Tx, ctx: SignedInContext, former: EventRow, event: EventRow) {
  if (former.spaceId === event.spaceId && !isRescheduled(former, event)) return { touched: [], bookings: [] }
  const released = await releaseClaims(tx, event.id, 'rescheduled')
  const { touched, bookings } = await claimForEvent(tx, ctx.actor, event, former)
  return {
    touched: [...released, ...touched.map((touch) => ({ ...touch, cause: 'rescheduled' as const }))],
    bookings,
  }
}

/** A change of only the capacity or the visibility is not announced. */
async function changeNotices(
  tx: Tx,
  ctx: SignedInContext,
  former: EventRow,
  event: EventRow,
): Promise<Notice[]> {
  const announced = ({ title, text, startsAt, endsAt, spaceId, ...price }: EventRow) =>
    JSON.stringify([title, text, startsAt, endsAt, spaceId, priceOf(price)])
  if (announced(former) === announced(event)) return []
  const userIds = await listConcerned(tx, event, ctx.actor.id)
  const source = `${event.id}:${event.updatedAt.getTime()}`
  const { startsAt } = former
  const about = {
    ...aboutEvent(event),
    ...(startsAt.getTime() !== event.startsAt.getTime() && { formerly: startsAt }),
    ...(priceOf(former) !== priceOf(event) && { amountMinor: event.priceMinor, currency: event.currency }),
  }
  return userIds.map((userId) => ({ userId, kind: 'event_changed', source, ...about }))
}

/** A price of 0 is the same in every currency. */
const priceOf = ({ priceMinor, currency }: Pick<EventRow, 'priceMinor' | 'currency'>) =>
  priceMinor > 0 ? `${priceMinor} ${currency}` : ''

/**
 * Cancels and deletes an event: notifies its attendees and waiting users, refunds its seats in full and frees its space. An
 * event that is over is only deleted.
 * @throws NOT_FOUND, NOT_ALLOWED
 */
export async function removeEvent(ctx: SignedInContext, { id }: { id: string }): Promise<{ ok: true }> {
  return withOwnEventLocks(ctx, id, [], async (tx, event) => {
    const ended = await endEvent(tx, event, ctx.actor.id)
    return { result: { ok: true }, ...ended, changed: [eventsChanged(event.locationId)] }
  })
}

/** Locks the caller, the event's location, its space and `moreSpaces`. For the event's creator and admins. */
async function withOwnEventLocks<T>(
  ctx: SignedInContext,
  id: string,
  moreSpaces: string[],
  run: (tx: Tx, event: EventRow) => Promise<LocationOutcome<T>>,
): Promise<T> {
  const { locationId } = await findEvent(ctx.db, id)
  const calendarsOfEvent = async (tx: Tx) => {
    const { spaceId } = await findEvent(tx, id)
    return (spaceId ? [...moreSpaces, spaceId] : moreSpaces).map((one) => ({ spaceId: one }))
  }
  return withLocationLocks(
    ctx,
    { userId: ctx.actor.id, locations: [locationId], calendars: calendarsOfEvent },
    async (tx) => {
      const event = await findEvent(tx, id)
      refuseUnlessOrganiser(ctx, event)
      return run(tx, event)
    },
  )
}

async function outcomeOf(ctx: SignedInContext, tx: Tx, { id, locationId }: EventRow) {
  const result = await getEvent({ ...ctx, db: tx }, { id })
  return { result, changed: [eventsChanged(locationId)] }
}
