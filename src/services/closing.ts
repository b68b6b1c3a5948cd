import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Deps } from '../context'
import { checkIns, locations } from '../db/schema'
import type { Hours } from '../shapes/spaces'
import { addDays, DAY, dateAt, iso, type Millis } from '../time'
import { openingsOf } from './availability'
import { changeCommunity, nothingOnCalendars } from './community'
import { hoursOf } from './locations'

/**
 * Checks out who is still checked in when the location closes, and whoever has been for a day where it never does.
 * Safe on any number of servers at once. @returns how many were checked out
 */
export async function checkOutAtClosing(deps: Pick<Deps, 'db' | 'publish'>): Promise<number> {
  const inside = await deps.db
    .selectDistinct({ id: locations.id, timeZone: locations.timeZone })
    .from(checkIns)
    .innerJoin(locations, eq(locations.id, checkIns.locationId))
    .where(isNull(checkIns.until))
  const hours = await hoursOf(
    deps.db,
    'location',
    inside.map(({ id }) => id),
  )
  let total = 0
  for (const { id, timeZone } of inside) total += await closeLocation(deps, id, timeZone, hours.get(id) ?? [])
  return total
}

async function closeLocation(
  deps: Pick<Deps, 'db' | 'publish'>,
  locationId: string,
  timeZone: string,
  hours: Hours,
): Promise<number> {
  const present = and(eq(checkIns.locationId, locationId), isNull(checkIns.until))
  const due = (rows: { id: string; since: Date }[], now: Millis) =>
    rows
      .map(({ id, since }) => ({ id, until: closingAfter(since.getTime(), timeZone, hours) }))
      .filter(({ until }) => until <= now)
  if (due(await deps.db.select().from(checkIns).where(present), Date.now()).length === 0) return 0
  return changeCommunity(deps, { locations: [locationId] }, async (tx) => {
    const leaving = due(await tx.select().from(checkIns).where(present), Date.now())
    for (const { id, until } of leaving) {
      await tx
        .update(checkIns)
        .set({ until: sql`greatest(${checkIns.since}, ${iso(until)}::timestamptz)` })
        .where(eq(checkIns.id, id))
    }
    const changed = leaving.length > 0 ? [{ locationId, part: 'checkIns' as const }] : []
    return { result: leaving.length, ...nothingOnCalendars, changed, notices: [] }
  })
}

/** When a location closes next: openings without a break between them are one; never more than a day on. */
export function closingAfter(since: Millis, timeZone: string, hours: Hours): Millis {
  const latest = since + DAY
  const today = dateAt(since, timeZone)
  let closing: Millis | undefined
  for (const date of [-1, 0, 1, 2].map((days) => addDays(today, days))) {
    for (const { from, to } of openingsOf({ hours, timeZone }, date)) {
      if (to <= since) continue
      if (closing !== undefined && from > closing) return Math.min(closing, latest)
      closing = to
    }
  }
  return Math.min(closing ?? latest, latest)
}
