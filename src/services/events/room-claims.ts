import { and, eq, isNull, sql } from 'drizzle-orm'
import type { UserActor } from '../../actor'
import type { Tx } from '../../db/client'
import { type BookingRow, bookings, type EventRow, type SpaceRow, spaces } from '../../db/schema'
import { range } from '../../db/sql'
import { AppError, notFound } from '../../errors'
import { MINUTE, type Period } from '../../lib/time'
import { expireHolds, findStale } from '../bookings/allocate'
import { timeRefusal } from '../bookings/quote'
import { unavailableReasonByRules } from '../calendar/availability'
import { readCalendar, withReach } from '../calendar/boards'
import { claimedPeriod, lockCalendars, type Touch, touchesOf } from '../calendar/change-calendars'

type Claimed = { touched: Touch[]; bookings: BookingRow[] }

/**
 * Claims every unit of the event's space, buffer included. The calendar must be locked. An admin can claim any time; other
 * users only a time that they could hold, in a space without a price.
 * @param former the event before its update: if it has started and stays in its space, only the added time is checked
 * @throws NOT_FOUND, NOT_ALLOWED, SLOT_TAKEN if any unit is taken, and every refusal of a time
 */
export async function claimForEvent(
  tx: Tx,
  actor: UserActor,
  event: EventRow,
  former?: EventRow,
): Promise<Claimed> {
  const { spaceId, locationId } = event
  if (!spaceId) return { touched: [], bookings: [] }
  const time = { from: event.startsAt.getTime(), to: event.endsAt.getTime() }
  const space = await findSpaceOf(tx, { spaceId, locationId })
  if (actor.role !== 'admin') await refuseUnlessHoldable(tx, space, time, former)
  const claimed = { from: time.from, to: time.to + space.bufferMinutes * MINUTE }
  const expired = await expireInTheWay(tx, space.id, claimed)
  await refuseIfTaken(tx, space.id, claimed)
  await insertClaims(tx, actor, event, space, claimed)
  const touched = expired.flatMap((row) => touchesOf(row, 'booked'))
  return { touched: [{ spaceId: space.id, period: claimed, cause: 'booked' }, ...touched], bookings: expired }
}

/** @throws NOT_FOUND if the location has no such space in use */
export async function findSpaceOf(
  tx: Tx,
  { spaceId, locationId }: { spaceId: string; locationId: string },
): Promise<SpaceRow> {
  const [space] = await tx
    .select()
    .from(spaces)
    .where(and(eq(spaces.id, spaceId), eq(spaces.locationId, locationId), isNull(spaces.removedAt)))
  if (!space) throw notFound('space')
  return space
}

async function refuseUnlessHoldable(
  tx: Tx,
  space: SpaceRow,
  time: Period,
  former: EventRow | undefined,
): Promise<void> {
  if (space.priceMinor > 0)
    throw new AppError('NOT_ALLOWED', 'Only an admin can give a priced space to an event.')
  const { rules, now } = await readCalendar(tx, { spaceId: space.id }, withReach(time))
  const continues =
    former?.spaceId === space.id && former.startsAt.getTime() === time.from && time.from <= now
  const requested = continues ? { from: former.endsAt.getTime(), to: time.to } : time
  const reason = requested.from < requested.to ? unavailableReasonByRules(rules, requested, now) : null
  if (reason) throw timeRefusal(reason)
}

async function expireInTheWay(tx: Tx, spaceId: string, claimed: Period): Promise<BookingRow[]> {
  const stale = await findStale(tx, [{ spaceId }], claimed, null)
  // A stale hold can also have a specialist. Specialists are locked after spaces.
  await lockCalendars(
    tx,
    stale.calendars.filter(({ specialistId }) => specialistId),
  )
  return expireHolds(tx, stale.ids)
}

async function refuseIfTaken(tx: Tx, spaceId: string, claimed: Period): Promise<void> {
  const [taken] = await tx
    .select({ id: bookings.id })
    .from(bookings)
    .where(
      sql`${bookings.spaceId} = ${spaceId} AND ${bookings.status} IN ('held', 'pending', 'confirmed')
        AND ${bookings.claimed} && ${range(claimed)}::tstzrange`,
    )
    .limit(1)
  if (taken) throw timeRefusal('SLOT_TAKEN')
}

async function insertClaims(tx: Tx, actor: UserActor, event: EventRow, space: SpaceRow, claimed: Period) {
  const units = Array.from({ length: space.units }, (_, index) => index + 1)
  await tx.insert(bookings).values(
    units.map((unit) => ({
      kind: 'event' as const,
      eventId: event.id,
      userId: event.creatorId ?? actor.id,
      status: 'confirmed' as const,
      locationId: event.locationId,
      spaceId: space.id,
      unit,
      startsAt: event.startsAt,
      endsAt: event.endsAt,
      claimed: range(claimed),
      firstStartsAt: event.startsAt,
      priceMinor: 0,
      currency: space.currency,
      cancellation: [],
    })),
  )
}

/** Releases an event's claims. The calendar must be locked. @returns the periods that are free again */
export async function releaseClaims(tx: Tx, eventId: string, cause: Touch['cause']): Promise<Touch[]> {
  const rows = await tx.delete(bookings).where(eq(bookings.eventId, eventId)).returning()
  return rows.flatMap((row) =>
    row.spaceId && row.status === 'confirmed'
      ? [{ spaceId: row.spaceId, period: claimedPeriod(row), cause }]
      : [],
  )
}

/** Extends event claims to units added to their space. The calendar must be locked. */
export async function claimAddedUnits(tx: Tx, spaceId: string, units: number): Promise<void> {
  const claims = await tx
    .select()
    .from(bookings)
    .where(
      sql`${bookings.spaceId} = ${spaceId} AND ${bookings.kind} = 'event' AND ${bookings.status} IN ('held', 'pending', 'confirmed')`,
    )
  const added = [...Map.groupBy(claims, ({ eventId }) => eventId).values()].flatMap((rows) => {
    const known = new Set(rows.map(({ unit }) => unit))
    const missing = Array.from({ length: units }, (_, index) => index + 1).filter((unit) => !known.has(unit))
    return rows.slice(0, 1).flatMap(({ id: _, ...row }) => missing.map((unit) => ({ ...row, unit })))
  })
  if (added.length > 0) await tx.insert(bookings).values(added)
}
