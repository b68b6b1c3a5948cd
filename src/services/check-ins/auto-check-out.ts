import { and, eq, inArray, isNull, sql } from 'drizzle-orm'
import type { Deps } from '../../context'
import type { Db } from '../../db/client'
import { checkIns, closures, locations } from '../../db/schema'
import { addDays, DAY, dateAt, iso, MINUTE, type Millis, type Period } from '../../lib/time'
import { openingsOf } from '../calendar/availability'
import { checkInsChanged, noCalendarChanges, withLocationLocks } from '../calendar/change-location'
import { type Opened, without } from '../calendar/open-time'
import { hoursOf } from '../locations/locations'
import { runForEach } from '../shared/run-each'

/** How long a check-in outside opening hours lasts, unless the location opens in that time. */
const OUTSIDE_HOURS_MS: Millis = 120 * MINUTE

type OccupiedLocation = { id: string; opened: Opened; removedAt: Date | null }

/**
 * Ends check-ins when their location closes or is removed, and after a day at a location that never closes. Safe on any
 * number of servers at once.
 * @returns the number of ended check-ins
 */
export async function checkOutAtClosing(deps: Pick<Deps, 'db' | 'publish' | 'log'>): Promise<number> {
  return runForEach(deps, await occupiedLocations(deps.db), (location) => endDueCheckIns(deps, location))
}

async function occupiedLocations(db: Db): Promise<OccupiedLocation[]> {
  const occupied = await db
    .selectDistinct({ id: locations.id, timeZone: locations.timeZone, removedAt: locations.removedAt })
    .from(checkIns)
    .innerJoin(locations, eq(locations.id, checkIns.locationId))
    .where(isNull(checkIns.until))
  const ids = occupied.map(({ id }) => id)
  const hours = await hoursOf(db, 'location', ids)
  const closed = await closuresOf(db, ids)
  return occupied.map(({ id, timeZone, removedAt }) => ({
    id,
    removedAt,
    opened: { timeZone, hours: hours.get(id) ?? [], closures: closed.get(id) ?? [] },
  }))
}

/** Closures of whole locations. Older ones cannot end a check-in, which lasts a day at most. */
async function closuresOf(db: Db, locationIds: string[]): Promise<Map<string, Period[]>> {
  if (locationIds.length === 0) return new Map()
  const rows = await db
    .select()
    .from(closures)
    .where(
      and(
        inArray(closures.locationId, locationIds),
        isNull(closures.spaceId),
        isNull(closures.specialistId),
        sql`${closures.endsAt} > clock_timestamp() - interval '2 days'`,
      ),
    )
  const grouped = Map.groupBy(rows, ({ locationId }) => locationId)
  return new Map(
    [...grouped].map(([id, found]) => [
      id,
      found.map(({ startsAt, endsAt }) => ({ from: startsAt.getTime(), to: endsAt.getTime() })),
    ]),
  )
}

async function endDueCheckIns(
  deps: Pick<Deps, 'db' | 'publish'>,
  { id: locationId, opened, removedAt }: OccupiedLocation,
): Promise<number> {
  const present = and(eq(checkIns.locationId, locationId), isNull(checkIns.until))
  const due = (rows: { id: string; since: Date }[], now: Millis) =>
    rows
      .map(({ id, since }) => ({ id, until: removedAt?.getTime() ?? closingAfter(since.getTime(), opened) }))
      .filter(({ until }) => until <= now)
  if (due(await deps.db.select().from(checkIns).where(present), Date.now()).length === 0) return 0
  return withLocationLocks(deps, { locations: [locationId] }, async (tx) => {
    const ending = due(await tx.select().from(checkIns).where(present), Date.now())
    for (const { id, until } of ending) {
      await tx
        .update(checkIns)
        .set({ until: sql`greatest(${checkIns.since}, ${iso(until)}::timestamptz)` })
        .where(eq(checkIns.id, id))
    }
    const changed = ending.length > 0 ? [checkInsChanged(locationId)] : []
    return { result: ending.length, ...noCalendarChanges, changed, notices: [] }
  })
}

/**
 * When a check-in ends by itself: at closing time, after two hours outside opening hours, after a day at most. Adjacent
 * openings count as one, and a check-in up to two hours before an opening lasts until that opening ends.
 */
export function closingAfter(since: Millis, { hours, timeZone, closures }: Opened): Millis {
  const today = dateAt(since, timeZone)
  let closing = since + OUTSIDE_HOURS_MS
  let isOpen = false
  for (const date of [-1, 0, 1, 2].map((days) => addDays(today, days))) {
    for (const { from, to } of openingsOf({ hours, timeZone }, date).flatMap((one) =>
      without(one, closures),
    )) {
      if (to <= since) continue
      if (from > closing) return Math.min(closing, since + DAY)
      closing = isOpen ? Math.max(closing, to) : to
      isOpen = true
    }
  }
  return Math.min(closing, since + DAY)
}
