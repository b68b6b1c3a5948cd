import { and, asc, eq, gt, sql } from 'drizzle-orm'
import type { Context, SignedInContext } from '../../context'
import type { Db, Tx } from '../../db/client'
import { bookings, type ClosureRow, closures } from '../../db/schema'
import { range } from '../../db/sql'
import { invalidField, notFound } from '../../errors'
import { iso, type Period } from '../../lib/time'
import { type Booking, bookingView } from '../../schemas/bookings'
import type { Page } from '../../schemas/common'
import type { Event } from '../../schemas/events'
import { type CalendarKey, calendarId } from '../../schemas/slots'
import type { Closure } from '../../schemas/spaces'
import { changeRules, onAnyOf } from '../calendar/change-rules'
import { eventsWithoutSpace } from '../events/events'
import { lockLocation } from '../locations/locations'
import { pageOf } from '../shared/paging'
import { refuseUnlessOwn } from './specialists'

type ClosureInput = {
  locationId: string
  spaceId?: string | null | undefined
  specialistId?: string | null | undefined
  startsAt: string
  endsAt: string
  reason?: string | undefined
}
type WithStanding = Closure & { standing: Booking[]; events: Event[] }

/** Lists closures that have not ended, oldest first. */
export async function listClosures(
  ctx: Context,
  {
    locationId,
    specialistId,
    ...page
  }: Page & {
    locationId?: string | undefined
    specialistId?: string | undefined
  },
) {
  const rows = await ctx.db
    .select()
    .from(closures)
    .where(
      and(
        locationId ? eq(closures.locationId, locationId) : undefined,
        specialistId ? eq(closures.specialistId, specialistId) : undefined,
        gt(closures.endsAt, sql`now()`),
        page.cursor ? gt(closures.id, page.cursor) : undefined,
      ),
    )
    .orderBy(asc(closures.id))
    .limit(page.limit + 1)
  return pageOf(rows, page, closureView)
}

/**
 * Closes a location or a space for a period, or gives a specialist time off. Cancels nothing: the response lists the
 * bookings and events that remain.
 * @throws NOT_FOUND, VALIDATION, NOT_ALLOWED if a specialist closes anything but their own calendar
 */
export async function createClosure(ctx: SignedInContext, input: ClosureInput): Promise<WithStanding> {
  const period = periodOf(input)
  return changeRules(
    ctx,
    (tx) => lockClosedCalendars(tx, ctx, input),
    async (tx, keys) => {
      const [row] = await tx
        .insert(closures)
        .values({
          locationId: input.locationId,
          spaceId: input.spaceId ?? null,
          specialistId: input.specialistId ?? null,
          startsAt: new Date(period.from),
          endsAt: new Date(period.to),
          reason: input.reason ?? '',
        })
        .returning()
      if (!row) throw new Error('the closure was not inserted')
      return withStanding(ctx, tx, keys, row)
    },
  )
}

/** Changes the period or the reason of a closure. @throws NOT_FOUND, VALIDATION, NOT_ALLOWED */
export async function updateClosure(
  ctx: SignedInContext,
  input: {
    id: string
    startsAt?: string | undefined
    endsAt?: string | undefined
    reason?: string | undefined
  },
): Promise<WithStanding> {
  return changeRules(
    ctx,
    async (tx) => lockClosedCalendars(tx, ctx, await findClosure(tx, input.id)),
    async (tx, keys) => {
      const old = await findClosure(tx, input.id)
      const period = periodOf({
        startsAt: input.startsAt ?? iso(old.startsAt),
        endsAt: input.endsAt ?? iso(old.endsAt),
      })
      const [row] = await tx
        .update(closures)
        .set({
          startsAt: new Date(period.from),
          endsAt: new Date(period.to),
          ...(input.reason !== undefined && { reason: input.reason }),
        })
        .where(eq(closures.id, input.id))
        .returning()
      if (!row) throw notFound('closure')
      return withStanding(ctx, tx, keys, row)
    },
  )
}

/** Deletes a closure. @throws NOT_FOUND, NOT_ALLOWED */
export async function removeClosure(ctx: SignedInContext, { id }: { id: string }): Promise<{ ok: true }> {
  return changeRules(
    ctx,
    async (tx) => lockClosedCalendars(tx, ctx, await findClosure(tx, id)),
    async (tx) => {
      const removed = await tx.delete(closures).where(eq(closures.id, id)).returning({ id: closures.id })
      if (removed.length === 0) throw notFound('closure')
      return { ok: true }
    },
  )
}

/** Locks the location and returns the calendars that a closure affects. @throws NOT_FOUND, NOT_ALLOWED */
async function lockClosedCalendars(
  tx: Tx,
  { actor }: SignedInContext,
  { locationId, spaceId, specialistId }: Pick<ClosureInput, 'locationId' | 'spaceId' | 'specialistId'>,
): Promise<CalendarKey[]> {
  await refuseUnlessOwn(tx, actor, specialistId ?? null)
  const all = await lockLocation(tx, locationId)
  const only = spaceId ?? specialistId
  if (!only) return all
  const keys = all.filter((key) => calendarId(key) === only)
  if (keys.length === 0) throw notFound(spaceId ? 'space' : 'specialist')
  return keys
}

async function findClosure(db: Db, id: string): Promise<ClosureRow> {
  const [row] = await db.select().from(closures).where(eq(closures.id, id))
  if (!row) throw notFound('closure')
  return row
}

function periodOf({ startsAt, endsAt }: { startsAt: string; endsAt: string }): Period {
  const period = { from: Date.parse(startsAt), to: Date.parse(endsAt) }
  if (period.from >= period.to) throw invalidField('endsAt', 'must be after the start')
  return period
}

/** Adds the bookings in the period, event claims included. A closed location also lists its events without a space. */
async function withStanding(
  ctx: SignedInContext,
  tx: Tx,
  keys: CalendarKey[],
  row: ClosureRow,
): Promise<WithStanding> {
  const period = { from: row.startsAt.getTime(), to: row.endsAt.getTime() }
  const isWhole = row.spaceId === null && row.specialistId === null
  return {
    ...closureView(row),
    standing: await standingIn(tx, keys, period),
    events: isWhole ? await eventsWithoutSpace({ ...ctx, db: tx }, row.locationId, period) : [],
  }
}

async function standingIn(tx: Tx, keys: CalendarKey[], period: Period): Promise<Booking[]> {
  const rows = await tx
    .select()
    .from(bookings)
    .where(
      sql`${onAnyOf(keys)} AND ${bookings.status} IN ('held', 'pending', 'confirmed')
        AND tstzrange(${bookings.startsAt}, ${bookings.endsAt}) && ${range(period)}::tstzrange`,
    )
    .orderBy(asc(bookings.startsAt), asc(bookings.id))
  return rows.map(bookingView)
}

const closureView = (row: ClosureRow): Closure => ({
  id: row.id,
  locationId: row.locationId,
  spaceId: row.spaceId,
  specialistId: row.specialistId,
  startsAt: iso(row.startsAt),
  endsAt: iso(row.endsAt),
  reason: row.reason,
})
