import { and, eq, gt, inArray, isNull, lt, or, sql } from 'drizzle-orm'
import type { Context } from '../../context'
import type { Db, Tx } from '../../db/client'
import { closures, locations, spaces } from '../../db/schema'
import { invalidField, notFound } from '../../errors'
import { addDays, dateAt, instantOf, iso, MINUTE } from '../../lib/time'
import type { AnalyticsSummary } from '../../schemas/analytics'
import { emptyWeek, openTime, type Week } from '../calendar/open-time'
import { hoursOf } from '../locations/locations'
import { readFunnel, readRevenue, readTaken, readTop, readUsers, roundShare, type Scope } from './queries'

const MAX_AGE_MS = 5 * MINUTE
const MAX_DAYS = 366
const DEFAULT_DAYS = 30

type Asked = { from?: string | undefined; to?: string | undefined; locationId?: string | undefined }
type Dates = { from: string; to: string; locationId?: string | undefined }

/**
 * Summarises a period of local dates, both ends included, at one location or at all, each in its own time zone. Uses the
 * replica and a cache of five minutes. Hours, units and closures are those of today.
 * @throws NOT_FOUND, VALIDATION if the period ends before it begins or is longer than a year
 */
export async function summarize(ctx: Context, asked: Asked): Promise<AnalyticsSummary> {
  const dates = datesOf(asked)
  return ctx.cache.shared(`analytics:${JSON.stringify(dates)}`, { maxAgeMs: MAX_AGE_MS }, () =>
    readSummary(ctx.replica, dates),
  )
}

export async function writeReport(ctx: Context, asked: Asked): Promise<{ csv: string }> {
  // Imported on first use to keep startup fast.
  const { toCsv } = await import('./csv')
  return { csv: toCsv(await summarize(ctx, asked)) }
}

function datesOf({
  to = dateAt(Date.now(), 'UTC'),
  from = addDays(to, 1 - DEFAULT_DAYS),
  locationId,
}: Asked): Dates {
  if (from > to) throw invalidField('to', 'must not be before from')
  if (addDays(from, MAX_DAYS) <= to)
    throw invalidField('from', `must be less than ${MAX_DAYS} days before to`)
  return { from, to, locationId }
}

/** Reads all parts in one snapshot. */
async function readSummary(db: Db, dates: Dates): Promise<AnalyticsSummary> {
  return db.transaction(
    async (tx) => {
      await tx.execute(PLANNER_SETTINGS)
      const scopes = await readScopes(tx, dates)
      const { noShowShare, ...people } = await readUsers(tx, scopes)
      const { leadTimeHours, ...funnel } = await readFunnel(tx, scopes)
      return {
        from: dates.from,
        to: dates.to,
        locationId: dates.locationId ?? null,
        asOf: iso(Date.now()),
        occupancy: occupancyOf(await readOpen(tx, scopes, dates), await readTaken(tx, scopes)),
        revenue: await readRevenue(tx, scopes),
        funnel,
        noShowShare,
        leadTimeHours,
        ...(await readTop(tx, scopes)),
        ...people,
      }
    },
    { isolationLevel: 'repeatable read', accessMode: 'read only' },
  )
}

/** For long periods a generic plan takes several times as long, so each period is planned separately. */
const PLANNER_SETTINGS = sql`SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('work_mem', '32MB', true),
  set_config('jit', 'off', true)`

async function readScopes(tx: Tx, { from, to, locationId }: Dates): Promise<Scope[]> {
  const rows = await tx
    .select({ locationId: locations.id, timeZone: locations.timeZone })
    .from(locations)
    .where(locationId ? eq(locations.id, locationId) : undefined)
  if (locationId && rows.length === 0) throw notFound('location')
  return rows.map((row) => ({
    ...row,
    from: instantOf(from, '00:00', row.timeZone),
    to: instantOf(addDays(to, 1), '00:00', row.timeZone),
  }))
}

/** Adds up how long all units were open in each local hour of the week while their space existed. */
async function readOpen(tx: Tx, scopes: Scope[], { from, to }: Dates): Promise<Week> {
  const week = emptyWeek()
  if (scopes.length === 0) return week
  const ids = scopes.map(({ locationId }) => locationId)
  const first = Math.min(...scopes.map((scope) => scope.from))
  const last = Math.max(...scopes.map((scope) => scope.to))
  const found = await tx
    .select()
    .from(spaces)
    .where(
      and(
        inArray(spaces.locationId, ids),
        or(isNull(spaces.removedAt), gt(spaces.removedAt, new Date(first))),
      ),
    )
  const closed = await tx
    .select()
    .from(closures)
    .where(
      and(
        inArray(closures.locationId, ids),
        isNull(closures.specialistId),
        lt(closures.startsAt, new Date(last)),
        gt(closures.endsAt, new Date(first)),
      ),
    )
  const ofLocations = await hoursOf(tx, 'location', ids)
  const ofSpaces = await hoursOf(
    tx,
    'space',
    found.filter(({ ownHours }) => ownHours).map(({ id }) => id),
  )
  const dates = [from]
  while ((dates.at(-1) ?? to) < to) dates.push(addDays(dates.at(-1) ?? to, 1))
  // Most spaces of a location have the same hours, so each distinct set is computed once.
  const alike = Map.groupBy(
    found.flatMap((space) => {
      const scope = scopes.find(({ locationId }) => locationId === space.locationId)
      if (!scope) return []
      const hours = (space.ownHours ? ofSpaces.get(space.id) : ofLocations.get(space.locationId)) ?? []
      const during = {
        from: Math.max(scope.from, space.createdAt.getTime()),
        to: Math.min(scope.to, space.removedAt?.getTime() ?? scope.to),
      }
      const own = closed
        .filter(
          ({ locationId, spaceId }) => locationId === space.locationId && (spaceId ?? space.id) === space.id,
        )
        .map(({ startsAt, endsAt }) => ({ from: startsAt.getTime(), to: endsAt.getTime() }))
      return [{ units: space.units, opened: { hours, timeZone: scope.timeZone, during, closures: own } }]
    }),
    ({ opened }) => JSON.stringify(opened),
  )
  for (const [one, ...others] of alike.values()) {
    if (!one) continue
    const units = others.reduce((sum, other) => sum + other.units, one.units)
    openTime(one.opened, dates).forEach((time, hour) => {
      week[hour] = (week[hour] ?? 0) + time * units
    })
    // A year of many locations takes some hundred milliseconds. Let other requests run in between.
    await Bun.sleep(0)
  }
  return week
}

/** Time booked outside today's hours counts as open, because the hours were different then. */
function occupancyOf(open: Week, taken: Week): AnalyticsSummary['occupancy'] {
  return [...open].flatMap((time, index) => {
    const booked = taken[index] ?? 0
    const available = Math.max(time, booked)
    if (available === 0) return []
    const [weekday, hour] = [Math.floor(index / 24) + 1, index % 24]
    return [{ weekday, hour, share: roundShare(booked / available) }]
  })
}
