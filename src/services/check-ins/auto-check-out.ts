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

/** For how long somebody is there who comes while it is closed, unless it opens before that. */
const OUTSIDE_HOURS: Millis = 120 * MINUTE

/** When a location is open, but for its closures, and since when it is no longer in use. */
type House = { id: string; opened: Opened; removedAt: Date | null }

/**
 * Checks out who is still checked in when the location closes or goes out of use, and whoever has been for a day where it
 * never closes. Safe on any number of servers at once. @returns how many were checked out
 */
export async function checkOutAtClosing(deps: Pick<Deps, 'db' | 'publish' | 'log'>): Promise<number> {
  return runForEach(deps, await inhabited(deps.db), (house) => closeLocation(deps, house))
}

/** The locations where somebody is. */
async function inhabited(db: Db): Promise<House[]> {
  const inside = await db
    .selectDistinct({ id: locations.id, timeZone: locations.timeZone, removedAt: locations.removedAt })
    .from(checkIns)
    .innerJoin(locations, eq(locations.id, checkIns.locationId))
    .where(isNull(checkIns.until))
  const ids = inside.map(({ id }) => id)
  const hours = await hoursOf(db, 'location', ids)
  const closed = await closuresOf(db, ids)
  return inside.map(({ id, timeZone, removedAt }) => ({
    id,
    removedAt,
    opened: { timeZone, hours: hours.get(id) ?? [], closures: closed.get(id) ?? [] },
  }))
}

/** Of whole locations, as far as they can end a stay that is not over. */
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

async function closeLocation(
  deps: Pick<Deps, 'db' | 'publish'>,
  { id: locationId, opened, removedAt }: House,
): Promise<number> {
  const present = and(eq(checkIns.locationId, locationId), isNull(checkIns.until))
  const due = (rows: { id: string; since: Date }[], now: Millis) =>
    rows
      .map(({ id, since }) => ({ id, until: removedAt?.getTime() ?? closingAfter(since.getTime(), opened) }))
      .filter(({ until }) => until <= now)
  if (due(await deps.db.select().from(checkIns).where(present), Date.now()).length === 0) return 0
  return withLocationLocks(deps, { locations: [locationId] }, async (tx) => {
    const leaving = due(await tx.select().from(checkIns).where(present), Date.now())
    for (const { id, until } of leaving) {
      await tx
        .update(checkIns)
        .set({ until: sql`greatest(${checkIns.since}, ${iso(until)}::timestamptz)` })
        .where(eq(checkIns.id, id))
    }
    const changed = leaving.length > 0 ? [checkInsChanged(locationId)] : []
    return { result: leaving.length, ...noCalendarChanges, changed, notices: [] }
  })
}

/**
 * When somebody who came at an instant is out: when the location closes. Openings without a break between them are one;
 * who comes up to two hours before it opens is there until it closes then; never more than a day.
 */
export function closingAfter(since: Millis, { hours, timeZone, closures }: Opened): Millis {
  const today = dateAt(since, timeZone)
  let closing = since + OUTSIDE_HOURS
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
