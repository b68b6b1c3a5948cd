import { and, asc, eq, getTableColumns, gt, isNull, type SQL, sql } from 'drizzle-orm'
import type { SignedInContext } from '../../context'
import type { Db, Tx } from '../../db/client'
import { bookings, type CheckInRow, checkIns, users } from '../../db/schema'
import { AppError, invalid, notFound } from '../../errors'
import { type CheckIn, checkInView } from '../../schemas/check-ins'
import type { Page } from '../../schemas/common'
import type { CalendarKey } from '../../schemas/slots'
import { recordArrival } from '../bookings/arrivals'
import { calendarsOf } from '../calendar/change-calendars'
import { checkInsChanged, noCalendarChanges, withLocationLocks } from '../calendar/change-location'
import { readDoorCode } from '../locations/door-codes'
import { refuseUnlessInUse } from '../locations/locations'
import { pageOf } from '../shared/paging'

type CheckInInput = {
  locationId?: string | undefined
  code?: string | undefined
  bookingId?: string | undefined
  note?: string | undefined
}
type Target = { locationId: string; calendars: CalendarKey[]; way: CheckInRow['way'] }

/**
 * Checks the caller in at a location by hand, with the door code, or for a booking, whose arrival it records. Ends a check-in
 * elsewhere. If the caller is already checked in there, updates only the note and the booking.
 * @param input at least one of location, code and booking, all of the same location
 * @throws VALIDATION, NOT_FOUND, INVALID_STATE, TOO_EARLY, TOO_LATE, NOT_SIGNED_IN
 */
export async function checkIn(ctx: SignedInContext, input: CheckInInput): Promise<CheckIn> {
  const userId = ctx.actor.id
  const { locationId, calendars, way } = await resolveTarget(ctx, input)
  return withLocationLocks(
    ctx,
    { userId, locations: async (tx) => [locationId, ...(await whereIs(tx, userId))], calendars },
    async (tx) => {
      await refuseUnlessInUse(tx, locationId)
      const target = { locationId, calendars }
      const arrived = input.bookingId ? [await recordArrival(tx, userId, input.bookingId, target)] : []
      const current = await currentOf(tx, userId)
      const here = current?.locationId === locationId ? current : undefined
      const details = {
        note: input.note ?? here?.note ?? null,
        bookingId: input.bookingId ?? here?.bookingId ?? null,
      }
      const hasChanged = !here || details.note !== here.note || details.bookingId !== here.bookingId
      if (current && !here) await endCheckIn(tx, current.id)
      if (!here) await tx.insert(checkIns).values({ userId, locationId, way, ...details })
      else if (hasChanged) await tx.update(checkIns).set(details).where(eq(checkIns.id, here.id))
      const result = await readOwn(tx, userId)
      if (!result) throw new Error('check-in was not stored')
      const changed = hasChanged ? [locationId, current?.locationId ?? locationId].map(checkInsChanged) : []
      return { result, touched: [], bookings: arrived, changed, notices: [] }
    },
  )
}

async function resolveTarget(
  ctx: SignedInContext,
  { locationId, code, bookingId }: CheckInInput,
): Promise<Target> {
  const [booking] = bookingId ? await ctx.db.select().from(bookings).where(eq(bookings.id, bookingId)) : []
  if (bookingId && (!booking || booking.kind === 'event' || booking.userId !== ctx.actor.id))
    throw notFound('booking')
  const atDoor = code === undefined ? undefined : readDoorCode(ctx.env, code)
  const [first, ...others] = [locationId, atDoor, booking?.locationId].filter((id) => id !== undefined)
  if (first === undefined) throw invalid('locationId', 'Provide a location, a code or a booking to check in.')
  if (others.some((id) => id !== first))
    throw invalid('locationId', 'The location, the code and the booking do not match.')
  const way = booking ? 'booking' : atDoor ? 'door' : 'hand'
  return { locationId: first, calendars: booking ? calendarsOf(booking) : [], way }
}

/** Names the caller even if hidden. */
async function readOwn(db: Db, userId: string): Promise<CheckIn | null> {
  const [row] = await selectCurrent(db, eq(checkIns.userId, userId))
  return row ? checkInView(row, true) : null
}

/** @throws NOT_FOUND if the caller is not checked in */
export async function checkOut(ctx: SignedInContext): Promise<{ ok: true }> {
  const userId = ctx.actor.id
  return withLocationLocks(ctx, { userId, locations: (tx) => whereIs(tx, userId) }, async (tx) => {
    const current = await currentOf(tx, userId)
    if (!current) throw new AppError('NOT_FOUND', 'You are not checked in.')
    await endCheckIn(tx, current.id)
    const changed = [checkInsChanged(current.locationId)]
    return { result: { ok: true }, ...noCalendarChanges, changed, notices: [] }
  })
}

/** The id of the location at which the user is checked in, or an empty list. */
export async function whereIs(db: Db, userId: string): Promise<string[]> {
  const current = await currentOf(db, userId)
  return current ? [current.locationId] : []
}

async function currentOf(db: Db, userId: string): Promise<CheckInRow | undefined> {
  const [row] = await db
    .select()
    .from(checkIns)
    .where(and(eq(checkIns.userId, userId), isNull(checkIns.until)))
  return row
}

const endCheckIn = (tx: Tx, id: string) =>
  tx.update(checkIns).set({ until: sql`clock_timestamp()` }).where(eq(checkIns.id, id))

/** Lists check-ins at a location in order of arrival, and the caller's own at any location. @throws NOT_FOUND */
export async function listPresent(
  ctx: SignedInContext,
  { locationId, ...page }: Page & { locationId: string },
) {
  await refuseUnlessInUse(ctx.db, locationId)
  const behind = page.cursor ? gt(checkIns.id, page.cursor) : undefined
  const rows = await selectCurrent(ctx.db, eq(checkIns.locationId, locationId), behind)
    .orderBy(asc(checkIns.id))
    .limit(page.limit + 1)
  return {
    ...pageOf(rows, page, (row) => checkInView(row, !row.hidden)),
    mine: await readOwn(ctx.db, ctx.actor.id),
  }
}

const selectCurrent = (db: Db, ...which: (SQL | undefined)[]) =>
  db
    .select({ ...getTableColumns(checkIns), name: users.name, hidden: users.hidden })
    .from(checkIns)
    .innerJoin(users, eq(users.id, checkIns.userId))
    .where(and(isNull(checkIns.until), ...which))
