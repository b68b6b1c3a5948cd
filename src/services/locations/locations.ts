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

/** Locations that are in use, in the order in which they were made. */
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

/** A new zone or new hours change every board of the location that keeps its hours. @throws NOT_FOUND */
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
 * Takes a location, its spaces and its specialists out of use. What was booked there in the past stays known.
 * @throws NOT_FOUND, INVALID_STATE while people hold or have booked something there, or events are coming
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

/** @throws NOT_FOUND where there is no such location in use */
export async function refuseUnlessInUse(db: Db, id: string): Promise<void> {
  const [there] = await db
    .select({ id: locations.id })
    .from(locations)
    .where(and(eq(locations.id, id), isNull(locations.removedAt)))
  if (!there) throw notFound('location')
}

async function refuseWithEvents(tx: Tx, locationId: string): Promise<void> {
  const [coming] = await tx
    .select({ id: events.id })
    .from(events)
    .where(sql`${events.locationId} = ${locationId} AND ${events.endsAt} > clock_timestamp()`)
    .limit(1)
  if (coming) throw new AppError('INVALID_STATE', 'Events are coming here. Cancel those first.')
}

/** Locks a location against other changes of it, and names its calendars. @throws NOT_FOUND */
export async function lockLocation(tx: Tx, id: string): Promise<CalendarKey[]> {
  const [row] = await tx
    .select({ id: locations.id })
    .from(locations)
    .where(and(eq(locations.id, id), isNull(locations.removedAt)))
    .for('no key update')
  if (!row) throw notFound('location')
  const rooms = await tx
    .select({ spaceId: spaces.id })
    .from(spaces)
    .where(and(eq(spaces.locationId, id), isNull(spaces.removedAt)))
  const people = await tx
    .select({ specialistId: specialists.id })
    .from(specialists)
    .where(and(eq(specialists.locationId, id), isNull(specialists.removedAt)))
  return [...rooms, ...people]
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

/** The weekly hours of locations, of spaces that keep their own, or of specialists, in the order of the week. */
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

/** Hours are replaced as a whole. */
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
