import { and, asc, eq, gt, gte, isNull, type SQL, sql } from 'drizzle-orm'
import type { Context } from '../../context'
import type { Db, Tx } from '../../db/client'
import { locations, type SpaceRow, spaces } from '../../db/schema'
import { multirange, range } from '../../db/sql'
import { invalidField, notFound } from '../../errors'
import { refuseUnpayablePrice } from '../../lib/money'
import { MINUTE, type Period } from '../../lib/time'
import type { Page } from '../../schemas/common'
import { averageRating } from '../../schemas/reviews'
import type { CalendarKey } from '../../schemas/slots'
import type { Hours, Space } from '../../schemas/spaces'
import {
  type Calendar,
  type Claim,
  type Rules,
  slotsOfDate,
  unavailableReason,
} from '../calendar/availability'
import { around, withReach } from '../calendar/boards'
import { changeRules, refuseWithClaims } from '../calendar/change-rules'
import { claimAddedUnits } from '../events/room-claims'
import { hoursOf, replaceHours } from '../locations/locations'
import { pageOf } from '../shared/paging'

type Filter = {
  locationId?: string | undefined
  kind?: SpaceRow['kind'] | undefined
  minCapacity?: number | undefined
}
type SpaceFields = Omit<
  typeof spaces.$inferInsert,
  'ownHours' | 'version' | 'rulesVersion' | 'removedAt' | 'createdAt' | 'ratingSum' | 'reviewCount'
>
export type SpaceInput = SpaceFields & { hours?: Hours | null | undefined }

type Wanted = { from?: string | undefined; to?: string | undefined; date?: string | undefined }
type SearchInput = Filter & Page & Wanted
type Found = { items: Space[]; nextCursor: string | null }

export async function listSpaces(ctx: Context, input: Filter & Page) {
  const rows = await selectSpaces(ctx.db, input, input.limit + 1)
  const hours = await ownHours(ctx.db, rows)
  return pageOf(rows, input, (row) => spaceView(row, hours))
}

/** @throws NOT_FOUND */
export const getSpace = (ctx: Context, { id }: { id: string }): Promise<Space> => readSpace(ctx.db, id)

/**
 * Lists spaces that can be held for exactly this period, or for at least one slot on a date. Without a time, lists all.
 * @throws VALIDATION if the period ends before it begins, lacks an end, or is combined with a date
 */
export async function searchSpaces(ctx: Context, input: SearchInput): Promise<Found> {
  if (!input.from && !input.to && !input.date) return listSpaces(ctx, input)
  // Signed-in users may have just changed a calendar, so they read the primary, uncached.
  if (ctx.actor.kind !== 'anonymous') return search(ctx.db, input)
  return ctx.cache.shared(`search:${JSON.stringify(input)}`, { maxAgeMs: SEARCH_MAX_AGE_MS }, () =>
    search(ctx.replica, input),
  )
}

async function search(db: Db, input: SearchInput): Promise<Found> {
  const { window, time, fits } = readWanted(input)
  const found: SpaceColumns[] = []
  let cursor = input.cursor
  while (found.length <= input.limit) {
    const rows = await selectSpaces(db, { ...input, cursor, time }, SEARCH_BATCH, window)
    found.push(...rows.filter(({ rules, claims, now }) => rules && fits({ rules, claims, now })))
    cursor = rows.at(-1)?.id
    if (rows.length < SEARCH_BATCH) break
  }
  const hours = await ownHours(db, found)
  return pageOf(found, input, (row) => spaceView(row, hours))
}

type Test = { window: Period; time?: Period; fits(calendar: Calendar): boolean }

/** Returns the test for a space and the window of its calendar that the test needs. */
function readWanted({ from, to, date }: Wanted): Test {
  if (date !== undefined) {
    if (from !== undefined || to !== undefined)
      throw invalidField('date', 'cannot be combined with from and to')
    const hasSlot = (calendar: Calendar) =>
      slotsOfDate(calendar.rules, date).some((slot) => unavailableReason(calendar, slot) === null)
    return { window: around(date), fits: hasSlot }
  }
  if (from === undefined || to === undefined) throw invalidField('from', 'and to must be given together')
  const time = { from: Date.parse(from), to: Date.parse(to) }
  if (time.from >= time.to) throw invalidField('to', 'must be after from')
  return { window: withReach(time), time, fits: (calendar) => unavailableReason(calendar, time) === null }
}

const SEARCH_BATCH = 100
const SEARCH_MAX_AGE_MS = 5 * MINUTE

/** @throws NOT_FOUND if the location does not exist, VALIDATION if a card cannot pay the price */
export async function createSpace(ctx: Context, { hours, ...fields }: SpaceInput): Promise<Space> {
  return ctx.db.transaction(async (tx) => {
    const [location] = await tx
      .select({ id: locations.id })
      .from(locations)
      .where(and(eq(locations.id, fields.locationId), isNull(locations.removedAt)))
      .for('share')
    if (!location) throw notFound('location')
    const [row] = await tx
      .insert(spaces)
      .values({ ...fields, ownHours: Boolean(hours) })
      .returning()
    if (!row) throw new Error('the space was not inserted')
    refuseUnpayable(row)
    if (hours) await replaceHours(tx, { spaceId: row.id }, hours)
    return readSpace(tx, row.id)
  })
}

/**
 * Changes a space. `hours: null` restores the location's hours.
 * @throws NOT_FOUND, VALIDATION if a card cannot pay the price, INVALID_STATE if removed units have bookings
 */
export async function updateSpace(
  ctx: Context,
  { id, hours, ...fields }: Partial<Omit<SpaceInput, 'locationId'>> & { id: string },
): Promise<Space> {
  return changeRules(
    ctx,
    (tx) => existing(tx, id),
    async (tx) => {
      if (fields.units !== undefined) await refuseWithClaims(tx, [{ spaceId: id }], fields.units)
      if (fields.units !== undefined) await claimAddedUnits(tx, id, fields.units)
      const set = { ...fields, ...(hours !== undefined && { ownHours: hours !== null }) }
      if (Object.keys(set).length > 0) {
        const [row] = await tx.update(spaces).set(set).where(eq(spaces.id, id)).returning()
        if (row) refuseUnpayable(row)
      }
      if (hours !== undefined) await replaceHours(tx, { spaceId: id }, hours ?? [])
      return readSpace(tx, id)
    },
  )
}

/** The smallest charge is one slot, and the largest is the longest booking. */
const refuseUnpayable = ({ priceMinor, maxSlots, currency }: SpaceRow) =>
  refuseUnpayablePrice({ leastMinor: priceMinor, mostMinor: priceMinor * maxSlots, currency })

/** Takes a space out of use. @throws NOT_FOUND, INVALID_STATE if it has holds or bookings */
export async function removeSpace(ctx: Context, { id }: { id: string }): Promise<{ ok: true }> {
  return changeRules(
    ctx,
    (tx) => existing(tx, id),
    async (tx) => {
      await refuseWithClaims(tx, [{ spaceId: id }])
      await tx.update(spaces).set({ removedAt: sql`now()` }).where(eq(spaces.id, id))
      return { ok: true }
    },
  )
}

async function existing(tx: Tx, id: string): Promise<CalendarKey[]> {
  const rows = await tx
    .select({ id: spaces.id })
    .from(spaces)
    .where(and(eq(spaces.id, id), isNull(spaces.removedAt)))
  if (rows.length === 0) throw notFound('space')
  return [{ spaceId: id }]
}

async function readSpace(db: Db, id: string): Promise<Space> {
  const [row] = await selectSpaces(db, { id }, 1)
  if (!row) throw notFound('space')
  return spaceView(row, await ownHours(db, [row]))
}

/** Serves list, single space and search. With a `window` it also reads rules and claims. */
function selectSpaces(
  db: Db,
  {
    id,
    locationId,
    kind,
    minCapacity,
    cursor,
    time,
  }: Filter & {
    id?: string
    cursor?: string | undefined
    time?: Period | undefined
  },
  limit: number,
  window?: Period,
) {
  const within = sql`${multirange(window ? [window] : [])}::tstzmultirange`
  const when = <T>(query: SQL<T>, otherwise: SQL<T>) => (window ? query : otherwise)
  return db
    .select({
      ...spaceColumns,
      rules: when(sql<Rules | null>`space_rules(${spaces.id}, ${within})`, sql<Rules | null>`NULL`),
      claims: when(sql<Claim[]>`space_claims(${spaces.id}, ${within})`, sql<Claim[]>`NULL`),
      now: sql`epoch_ms(clock_timestamp())`.mapWith(Number),
    })
    .from(spaces)
    .innerJoin(locations, eq(locations.id, spaces.locationId))
    .where(
      and(
        isNull(spaces.removedAt),
        id ? eq(spaces.id, id) : undefined,
        locationId ? eq(spaces.locationId, locationId) : undefined,
        kind ? eq(spaces.kind, kind) : undefined,
        minCapacity ? gte(spaces.capacity, minCapacity) : undefined,
        cursor ? gt(spaces.id, cursor) : undefined,
        time ? hasFreeUnit(time) : undefined,
      ),
    )
    .orderBy(asc(spaces.id))
    .limit(limit)
}

/** Skips fully booked spaces in the index: reading the rules of a space takes ten times as long. */
const hasFreeUnit = (time: Period): SQL => sql`${spaces.units} > (
  SELECT count(DISTINCT b.unit) FROM bookings b
  WHERE b.space_id = ${spaces.id} AND b.unit <= ${spaces.units} AND b.status IN ('held', 'pending', 'confirmed')
    AND b.claimed && ${range(time)}::tstzrange AND (b.status <> 'held' OR b.hold_expires_at > statement_timestamp()))`

const spaceColumns = {
  id: spaces.id,
  locationId: spaces.locationId,
  name: spaces.name,
  kind: spaces.kind,
  capacity: spaces.capacity,
  units: spaces.units,
  slotMinutes: spaces.slotMinutes,
  bufferMinutes: spaces.bufferMinutes,
  priceMinor: spaces.priceMinor,
  currency: spaces.currency,
  minNoticeMinutes: spaces.minNoticeMinutes,
  maxNoticeDays: spaces.maxNoticeDays,
  maxSlots: spaces.maxSlots,
  arrivalGraceMinutes: spaces.arrivalGraceMinutes,
  ownHours: spaces.ownHours,
  cancellation: spaces.cancellation,
  ratingSum: spaces.ratingSum,
  reviewCount: spaces.reviewCount,
  timeZone: locations.timeZone,
}
type SpaceColumns = Pick<SpaceRow, Exclude<keyof typeof spaceColumns, 'timeZone'>> & { timeZone: string }

const ownHours = (db: Db, rows: Pick<SpaceRow, 'id' | 'ownHours'>[]) =>
  hoursOf(
    db,
    'space',
    rows.filter((row) => row.ownHours).map(({ id }) => id),
  )

function spaceView(row: SpaceColumns, hours: Map<string, Hours>): Space {
  const { ownHours: hasOwnHours, ratingSum: _, ...fields } = row
  return {
    id: fields.id,
    locationId: fields.locationId,
    name: fields.name,
    kind: fields.kind,
    capacity: fields.capacity,
    units: fields.units,
    slotMinutes: fields.slotMinutes,
    bufferMinutes: fields.bufferMinutes,
    priceMinor: fields.priceMinor,
    currency: fields.currency,
    minNoticeMinutes: fields.minNoticeMinutes,
    maxNoticeDays: fields.maxNoticeDays,
    maxSlots: fields.maxSlots,
    arrivalGraceMinutes: fields.arrivalGraceMinutes,
    hours: hasOwnHours ? (hours.get(row.id) ?? []) : null,
    cancellation: fields.cancellation,
    timeZone: fields.timeZone,
    rating: averageRating(row),
    reviewCount: fields.reviewCount,
  }
}
