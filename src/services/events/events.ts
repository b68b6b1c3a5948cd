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
import { eventsChanged, type LocationOutcome, withLocationLocks } from '../calendar/change-location'
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

/** Events that end after `from` (now, where it is not given) and begin before `to`, the next first. */
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

/** Events of a location that use none of its spaces and are on at any time of a period, the first first. */
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

/** @throws NOT_FOUND, also for a members' event where nobody is signed in */
export async function getEvent(ctx: Context, { id }: { id: string }): Promise<Event> {
  const [row] = await selectEvents(ctx, eq(events.id, id))
  if (!row) throw notFound('event')
  return eventView(row)
}

/** As the actor may see them. */
function selectEvents(ctx: Context, where: SQL | undefined) {
  const me = ctx.actor.kind === 'user' ? ctx.actor.id : null
  return ctx.db
    .select({ ...getTableColumns(events), mine: eventAttendees.status, bookingId: eventAttendees.bookingId })
    .from(events)
    .leftJoin(
      eventAttendees,
      and(eq(eventAttendees.eventId, events.id), sql`${eventAttendees.userId} = ${me}::uuid`),
    )
    .where(and(where, visibleTo(ctx, events)))
    .orderBy(asc(events.startsAt), asc(events.id))
}

/** What is for members is there for nobody else. */
export const visibleTo = (
  { actor }: Pick<Context, 'actor'>,
  { visibility }: { visibility: PgColumn },
): SQL | undefined => (actor.kind === 'user' ? undefined : sql`${visibility} = 'public'`)

/**
 * Announces an event, which its creator attends from the start. One that uses a space claims the whole of it.
 * @throws VALIDATION, also for a price that no card can pay, NOT_FOUND, TOO_MANY_EVENTS, SLOT_PAST, TOO_LONG, NOT_SIGNED_IN, and what `claimForEvent` refuses
 */
export async function createEvent(
  ctx: SignedInContext,
  input: Details & { locationId: string },
): Promise<Event> {
  const { locationId, spaceId } = input
  const locks = { person: ctx.actor.id, locations: [locationId], calendars: spaceId ? [{ spaceId }] : [] }
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
    if (!event) throw new Error('the event was not inserted')
    refuseUnpayablePrice({ leastMinor: event.priceMinor, currency: event.currency })
    await tx.insert(eventAttendees).values({ eventId: event.id, userId: ctx.actor.id, status: 'attending' })
    const claimed = await claimForEvent(tx, ctx.actor, event)
    return { ...claimed, ...(await outcomeOf(ctx, tx, event)), notices: [] }
  })
}

/** The person must be locked. @throws TOO_MANY_EVENTS */
async function refuseTooMany(tx: Tx, { actor, env }: SignedInContext): Promise<void> {
  if (actor.role === 'admin') return
  const coming = await tx.$count(
    events,
    sql`${events.creatorId} = ${actor.id} AND ${events.endsAt} > clock_timestamp()`,
  )
  if (coming >= env.MAX_EVENTS_PER_PERSON)
    throw new AppError('TOO_MANY_EVENTS', 'You have announced as many events as one may at once.')
}

type Times = Pick<EventRow, 'startsAt' | 'endsAt'>

/** A new event, and a start that is moved, lie in the future. */
async function refuseTimes(tx: Tx, { startsAt, endsAt }: Times, former?: Times): Promise<void> {
  if (startsAt >= endsAt) throw invalidField('endsAt', 'must be after the start')
  if (endsAt.getTime() - startsAt.getTime() > MAX_LENGTH_DAYS * DAY)
    throw new AppError('TOO_LONG', `An event lasts ${MAX_LENGTH_DAYS} days at the most.`)
  const [clock] = await tx.execute<{ now: string }>(sql`SELECT epoch_ms(clock_timestamp()) AS now`)
  const now = Number(clock?.now)
  const begins = former?.startsAt.getTime() === startsAt.getTime() ? endsAt : startsAt
  if (begins.getTime() <= now) throw new AppError('SLOT_PAST', 'This time is past.')
}

/**
 * Changes an event. Whoever attends or waits is told; a new time or space is claimed and the old one left as one change,
 * so where it is taken all stays as it was; more places go to those who wait. Places that are held or paid keep their price,
 * and at another time give everything back to who leaves; where it costs nothing any more, who was to pay has a place.
 * @throws NOT_FOUND, NOT_ALLOWED, TOO_LATE once it is over, VALIDATION, SLOT_PAST, INVALID_STATE for fewer places than are
 *   taken, and what `claimForEvent` refuses
 */
export async function updateEvent(
  ctx: SignedInContext,
  { id, startsAt, endsAt, ...fields }: Partial<Details> & { id: string },
): Promise<Event> {
  const { spaceId, capacity } = fields
  return onOwnEvent(ctx, id, spaceId ? [spaceId] : [], async (tx, former) => {
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
    if (isElsewhen(former, times)) await refuseTimes(tx, times, former)
    const [event] = await tx
      .update(events)
      .set({ ...fields, ...times, updatedAt: sql`clock_timestamp()` })
      .where(eq(events.id, id))
      .returning()
    if (!event) throw notFound('event')
    refuseUnpayablePrice({ leastMinor: event.priceMinor, currency: event.currency })
    if (former.startsAt.getTime() !== event.startsAt.getTime())
      await tx.update(eventAttendees).set({ remindedHours: null }).where(eq(eventAttendees.eventId, id))
    const moved = isElsewhen(former, event) ? await rescheduleSeats(tx, event) : []
    const claims = await moveClaims(tx, ctx, former, event)
    const told = await noticesOfChange(tx, ctx, former, event)
    const given =
      former.priceMinor > 0 && event.priceMinor === 0 ? await giveSeats(tx, event) : NO_SEAT_CHANGES
    const up = await promoteFromWaitlist(tx, event)
    return {
      touched: claims.touched,
      bookings: [...claims.bookings, ...ended.bookings, ...moved, ...given.bookings, ...up.bookings],
      notices: [...told, ...ended.notices, ...given.notices, ...up.notices],
      ...(await outcomeOf(ctx, tx, event)),
    }
  })
}

/** Whether nothing that is wanted is different from what there is. */
const isSame = (former: EventRow, wanted: Partial<EventRow>): boolean =>
  Object.entries(wanted).every(
    ([name, value]) => value === undefined || Bun.deepEquals(value, former[name as keyof EventRow]),
  )

const isElsewhen = (former: Times, now: Times) =>
  former.startsAt.getTime() !== now.startsAt.getTime() || former.endsAt.getTime() !== now.endsAt.getTime()

function refuseTooFew({ attending, held }: EventRow, capacity: number | null | undefined): void {
  if (typeof capacity !== 'number' || capacity >= attending + held) return
  throw new AppError('INVALID_STATE', `${attending + held} places are taken already.`)
}

async function moveClaims(tx: Tx, ctx: SignedInContext, former: EventRow, event: EventRow) {
  if (former.spaceId === event.spaceId && !isElsewhen(former, event)) return { touched: [], bookings: [] }
  const left = await releaseClaims(tx, event.id, 'rescheduled')
  const { touched, bookings } = await claimForEvent(tx, ctx.actor, event, former)
  return {
    touched: [...left, ...touched.map((touch) => ({ ...touch, cause: 'rescheduled' as const }))],
    bookings,
  }
}

/** Everyone concerned hears of whatever they would read differently; places and who sees it are not their matter. */
async function noticesOfChange(
  tx: Tx,
  ctx: SignedInContext,
  former: EventRow,
  event: EventRow,
): Promise<Notice[]> {
  const told = ({ title, text, startsAt, endsAt, spaceId, ...price }: EventRow) =>
    JSON.stringify([title, text, startsAt, endsAt, spaceId, priceOf(price)])
  if (told(former) === told(event)) return []
  const people = await listConcerned(tx, event, ctx.actor.id)
  const source = `${event.id}:${event.updatedAt.getTime()}`
  const { startsAt } = former
  const about = {
    ...aboutEvent(event),
    ...(startsAt.getTime() !== event.startsAt.getTime() && { formerly: startsAt }),
    ...(priceOf(former) !== priceOf(event) && { amountMinor: event.priceMinor, currency: event.currency }),
  }
  return people.map((userId) => ({ userId, kind: 'event_changed', source, ...about }))
}

/** What costs nothing costs nothing in any currency. */
const priceOf = ({ priceMinor, currency }: Pick<EventRow, 'priceMinor' | 'currency'>) =>
  priceMinor > 0 ? `${priceMinor} ${currency}` : ''

/**
 * Cancels an event: who attends or waits is told, what was paid goes back whole, its space is free again, and nothing of it
 * remains. One that is over is only forgotten.
 * @throws NOT_FOUND, NOT_ALLOWED
 */
export async function removeEvent(ctx: SignedInContext, { id }: { id: string }): Promise<{ ok: true }> {
  return onOwnEvent(ctx, id, [], async (tx, event) => {
    const ended = await endEvent(tx, event, ctx.actor.id)
    return { result: { ok: true }, ...ended, changed: [eventsChanged(event.locationId)] }
  })
}

/** Runs with the event's location locked, and its space and further ones after that; for its creator and for admins. */
async function onOwnEvent<T>(
  ctx: SignedInContext,
  id: string,
  also: string[],
  run: (tx: Tx, event: EventRow) => Promise<LocationOutcome<T>>,
): Promise<T> {
  const { locationId } = await findEvent(ctx.db, id)
  const calendarsOfEvent = async (tx: Tx) => {
    const { spaceId } = await findEvent(tx, id)
    return (spaceId ? [...also, spaceId] : also).map((one) => ({ spaceId: one }))
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
