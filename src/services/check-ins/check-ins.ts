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
/** Where, and the calendars of the booking that it is for. */
type Place = { locationId: string; calendars: CalendarKey[]; way: CheckInRow['way'] }

/**
 * Says that this person is here now: by hand, with the code at the door, or for a booking, whose arrival that records.
 * Who was checked in elsewhere has left there; who was here already stays since then.
 * @param input one of location, code and booking; where several are given they must speak of one place
 * @throws VALIDATION, NOT_FOUND, INVALID_STATE, TOO_EARLY, TOO_LATE, NOT_SIGNED_IN
 */
export async function checkIn(ctx: SignedInContext, input: CheckInInput): Promise<CheckIn> {
  const me = ctx.actor.id
  const { locationId, calendars, way } = await placeOf(ctx, input)
  return withLocationLocks(
    ctx,
    { userId: me, locations: async (tx) => [locationId, ...(await whereIs(tx, me))], calendars },
    async (tx) => {
      await refuseUnlessInUse(tx, locationId)
      const place = { locationId, calendars }
      const arrived = input.bookingId ? [await recordArrival(tx, me, input.bookingId, place)] : []
      const current = await currentOf(tx, me)
      const here = current?.locationId === locationId ? current : undefined
      const said = {
        note: input.note ?? here?.note ?? null,
        bookingId: input.bookingId ?? here?.bookingId ?? null,
      }
      const isNews = !here || said.note !== here.note || said.bookingId !== here.bookingId
      if (current && !here) await endCheckIn(tx, current.id)
      if (!here) await tx.insert(checkIns).values({ userId: me, locationId, way, ...said })
      else if (isNews) await tx.update(checkIns).set(said).where(eq(checkIns.id, here.id))
      const result = await readOwn(tx, me)
      if (!result) throw new Error('the check-in was not kept')
      const changed = isNews ? [locationId, current?.locationId ?? locationId].map(checkInsChanged) : []
      return { result, touched: [], bookings: arrived, changed, notices: [] }
    },
  )
}

/** What the location, the code and the booking that were given say together. */
async function placeOf(ctx: SignedInContext, { locationId, code, bookingId }: CheckInInput): Promise<Place> {
  const [booking] = bookingId ? await ctx.db.select().from(bookings).where(eq(bookings.id, bookingId)) : []
  if (bookingId && (!booking || booking.kind === 'event' || booking.userId !== ctx.actor.id))
    throw notFound('booking')
  const atDoor = code === undefined ? undefined : readDoorCode(ctx.env, code)
  const [first, ...others] = [locationId, atDoor, booking?.locationId].filter((id) => id !== undefined)
  if (first === undefined) throw invalid('locationId', 'A check-in needs a location, a code or a booking.')
  if (others.some((id) => id !== first))
    throw invalid('locationId', 'The location, the code and the booking are not of the same place.')
  const way = booking ? 'booking' : atDoor ? 'door' : 'hand'
  return { locationId: first, calendars: booking ? calendarsOf(booking) : [], way }
}

/** One's own check-in is always named to oneself. */
async function readOwn(db: Db, me: string): Promise<CheckIn | null> {
  const [row] = await selectPresent(db, eq(checkIns.userId, me))
  return row ? checkInView(row, true) : null
}

/** @throws NOT_FOUND where this person is checked in nowhere */
export async function checkOut(ctx: SignedInContext): Promise<{ ok: true }> {
  const me = ctx.actor.id
  return withLocationLocks(ctx, { userId: me, locations: (tx) => whereIs(tx, me) }, async (tx) => {
    const current = await currentOf(tx, me)
    if (!current) throw new AppError('NOT_FOUND', 'You are not checked in anywhere.')
    await endCheckIn(tx, current.id)
    const changed = [checkInsChanged(current.locationId)]
    return { result: { ok: true }, ...noCalendarChanges, changed, notices: [] }
  })
}

/** The location where somebody is checked in, if anywhere. */
export async function whereIs(db: Db, userId: string): Promise<string[]> {
  const current = await currentOf(db, userId)
  return current ? [current.locationId] : []
}

/** The check-in that is not over, of which there is one at the most. */
async function currentOf(db: Db, userId: string): Promise<CheckInRow | undefined> {
  const [row] = await db
    .select()
    .from(checkIns)
    .where(and(eq(checkIns.userId, userId), isNull(checkIns.until)))
  return row
}

const endCheckIn = (tx: Tx, id: string) =>
  tx.update(checkIns).set({ until: sql`clock_timestamp()` }).where(eq(checkIns.id, id))

/** Who is at a location, in the order in which they came, and where oneself is, which names one. @throws NOT_FOUND */
export async function listPresent(
  ctx: SignedInContext,
  { locationId, ...page }: Page & { locationId: string },
) {
  await refuseUnlessInUse(ctx.db, locationId)
  const behind = page.cursor ? gt(checkIns.id, page.cursor) : undefined
  const rows = await selectPresent(ctx.db, eq(checkIns.locationId, locationId), behind)
    .orderBy(asc(checkIns.id))
    .limit(page.limit + 1)
  return {
    ...pageOf(rows, page, (row) => checkInView(row, !row.hidden)),
    mine: await readOwn(ctx.db, ctx.actor.id),
  }
}

/** The check-ins that are not over, with the names. */
const selectPresent = (db: Db, ...which: (SQL | undefined)[]) =>
  db
    .select({ ...getTableColumns(checkIns), name: users.name, hidden: users.hidden })
    .from(checkIns)
    .innerJoin(users, eq(users.id, checkIns.userId))
    .where(and(isNull(checkIns.until), ...which))
