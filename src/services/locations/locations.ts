import { and, asc, eq, gt, inArray, isNull, sql } from 'drizzle-orm'
import type { Context } from '../../context'
import type { Db, Tx } from '../../db/client'
import { events, type LocationRow, locations, openingHours, spaces, specialists } from '../../db/schema'
import { AppError, notFound } from '../../errors'
import type { Page } from '../../schemas/common'
import type { CalendarKey } from '../../schemas/slots'
import type { Hours, Location } from '../../schemas/spaces'
import { changeRules, refuseWithClaims } from '../calendar/change-rules'
import { pageOf } from '../shared/paging'

type LocationInput = { name: string; timeZone: string; hours: Hours; address?: string; city?: string }

export async function listLocations(ctx: Context, page: Page) {
  const rows = await ctx.db
    .select()
    .from(locations)
    .where(and(isNull(locations.removedAt), page.cursor ? gt(locations.id, page.cursor) : undefined))
    .orderBy(asc(locations.id))
    .limit(page.limit + 1)
  const hours = await hoursOf(
    ctx.db,
    'location',
    rows.map(({ id }) => id),
  )
  return pageOf(rows, page, (row) => locationView(row, hours.get(row.id) ?? []))
}

/** @throws NOT_FOUND */
export async function getLocation(ctx: Context, { id }: { id: string }): Promise<Location> {
  return readLocation(ctx.db, id)
}

export async function createLocation(ctx: Context, { hours, ...fields }: LocationInput): Promise<Location> {
  return ctx.db.transaction(async (tx) => {
    const [row] = await tx.insert(locations).values(fields).returning()
    if (!row) throw new Error('the location was not inserted')
    await replaceHours(tx, { locationId: row.id }, hours)
    return readLocation(tx, row.id)
  })
}

/** Changes a location. A new time zone or new hours also change the boards of its spaces. @throws NOT_FOUND */
export async function updateLocation(
  ctx: Context,
  { id, hours, ...fields }: Partial<LocationInput> & { id: string },
): Promise<Location> {
  return changeRules(
    ctx,
    (tx) => lockLocation(tx, id),
    async (tx) => {
      if (Object.keys(fields).length > 0) await tx.update(locations).set(fields).where(eq(locations.id, id))
      if (hours) await replaceHours(tx, { locationId: id }, hours)
      return readLocation(tx, id)
    },
  )
}

/**
 * Takes a location, its spaces and its specialists out of use. Past bookings remain.
 * @throws NOT_FOUND, INVALID_STATE if there are holds, bookings or upcoming events
 */
export async function removeLocation(ctx: Context, { id }: { id: string }): Promise<{ ok: true }> {
  return changeRules(
    ctx,
    (tx) => lockLocation(tx, id),
    async (tx, keys) => {
      await refuseWithClaims(tx, keys)
      await refuseWithEvents(tx, id)
      await tx.update(spaces).set({ removedAt: sql`now()` }).where(eq(spaces.locationId, id))
      await tx.update(specialists).set({ removedAt: sql`now()` }).where(eq(specialists.locationId, id))
      await tx.update(locations).set({ removedAt: sql`now()` }).where(eq(locations.id, id))
      return { ok: true }
    },
  )
}

/** @throws NOT_FOUND if the location does not exist or was removed */
export async function refuseUnlessInUse(db: Db, id: string): Promise<void> {
  const [found] = await db
    .select({ id: locations.id })
    .from(locations)
    .where(and(eq(locations.id, id), isNull(locations.removedAt)))
  if (!found) throw notFound('location')
}

async function refuseWithEvents(tx: Tx, locationId: string): Promise<void> {
  const [upcoming] = await tx
    .select({ id: events.id })
    .from(events)
    .where(sql`${events.locationId} = ${locationId} AND ${events.endsAt} > clock_timestamp()`)
    .limit(1)
  if (upcoming) throw new AppError('INVALID_STATE', 'This location has upcoming events. Cancel them first.')
}

/** Locks a location and returns its calendars. @throws NOT_FOUND */
export async function lockLocation(tx: Tx, id: string): Promise<CalendarKey[]> {
  const [row] = await tx
    .select({ id: locations.id })
    .from(locations)
    .where(and(eq(locations.id, id), isNull(locations.removedAt)))
    .for('no key update')
  if (!row) throw notFound('location')
  const spaceKeys = await tx
    .select({ spaceId: spaces.id })
    .from(spaces)
    .where(and(eq(spaces.locationId, id), isNull(spaces.removedAt)))
  const specialistKeys = await tx
    .select({ specialistId: specialists.id })
    .from(specialists)
    .where(and(eq(specialists.locationId, id), isNull(specialists.removedAt)))
  return [...spaceKeys, ...specialistKeys]
}

async function readLocation(db: Db, id: string): Promise<Location> {
  const [row] = await db
    .select()
    .from(locations)
    .where(and(eq(locations.id, id), isNull(locations.removedAt)))
  if (!row) throw notFound('location')
  const hours = await hoursOf(db, 'location', [id])
  return locationView(row, hours.get(id) ?? [])
}

const locationView = (row: LocationRow, hours: Hours): Location => ({
  id: row.id,
  name: row.name,
  address: row.address,
  city: row.city,
  timeZone: row.timeZone,
  hours,
})

const HOURS_OWNER = {
  location: 'locationId',
  space: 'spaceId',
  specialist: 'specialistId',
} as const

/** Reads weekly hours by owner, in the order of the week. A space that uses the location's hours has none. */
export async function hoursOf(
  db: Db,
  of: keyof typeof HOURS_OWNER,
  ids: string[],
): Promise<Map<string, Hours>> {
  if (ids.length === 0) return new Map()
  const owner = HOURS_OWNER[of]
  const rows = await db
    .select()
    .from(openingHours)
    .where(inArray(openingHours[owner], ids))
    .orderBy(asc(openingHours.weekday), asc(openingHours.opensAt))
  const byOwner = Map.groupBy(rows, (row) => row[owner] ?? '')
  return new Map(
    [...byOwner].map(([id, list]) => [
      id,
      list.map(({ weekday, opensAt, closesAt }) => ({
        weekday: weekday as Hours[number]['weekday'],
        opensAt,
        closesAt,
      })),
    ]),
  )
}

export async function replaceHours(
  tx: Tx,
  owner: { locationId: string } | { spaceId: string } | { specialistId: string },
  hours: Hours,
): Promise<void> {
  const ofOwner =
    'spaceId' in owner
      ? eq(openingHours.spaceId, owner.spaceId)
      : 'specialistId' in owner
        ? eq(openingHours.specialistId, owner.specialistId)
        : eq(openingHours.locationId, owner.locationId)
  await tx.delete(openingHours).where(ofOwner)
  if (hours.length > 0)
    await tx.insert(openingHours).values(hours.map((opening) => ({ ...opening, ...owner })))
}
