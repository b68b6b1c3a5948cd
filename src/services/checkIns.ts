import { and, asc, eq, gt, isNull, sql } from 'drizzle-orm'
import type { SignedInContext } from '../context'
import type { Db, Tx } from '../db/client'
import { bookings, type CheckInRow, checkIns, users } from '../db/schema'
import { AppError, invalid, notFound } from '../errors'
import { type CheckIn, checkInView } from '../shapes/checkIns'
import type { Page } from '../shapes/common'
import type { CalendarKey } from '../shapes/slots'
import { recordArrival } from './arrivals'
import { calendarsOf } from './calendar'
import { changeCommunity, nothingOnCalendars, ofCheckIns } from './community'
import { readDoorCode } from './doorCodes'
import { refuseUnlessInUse } from './locations'
import { pageOf } from './paging'

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
  const place = await placeOf(ctx, input)
  return changeCommunity(
    ctx,
    {
      person: me,
      locations: async (tx) => {
        const current = await currentOf(tx, me)
        return current ? [place.locationId, current.locationId] : [place.locationId]
      },
      calendars: place.calendars,
    },
    async (tx) => {
      await refuseUnlessInUse(tx, place.locationId)
      const arrived = input.bookingId ? [await recordArrival(tx, me, input.bookingId, place)] : []
      const current = await currentOf(tx, me)
      const stays = current?.locationId === place.locationId
      const changes = !stays || isNew(current, input)
      if (current && !stays) await endCheckIn(tx, current.id)
      const row = stays ? await amend(tx, current, input) : await insert(tx, me, place, input)
      const left = current && !stays ? [current.locationId] : []
      return {
        result: await ownView(tx, row),
        touched: [],
        bookings: arrived,
        changed: changes ? [place.locationId, ...left].map(ofCheckIns) : [],
        notices: [],
      }
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

/** Whether who stays says anything that was not known. */
const isNew = ({ note, bookingId }: CheckInRow, said: CheckInInput) =>
  (said.note ?? note) !== note || (said.bookingId ?? bookingId) !== bookingId

async function amend(tx: Tx, { id }: CheckInRow, { note, bookingId }: CheckInInput): Promise<CheckInRow> {
  const set = { ...(note !== undefined && { note }), ...(bookingId !== undefined && { bookingId }) }
  const where = eq(checkIns.id, id)
  const [row] =
    Object.keys(set).length > 0
      ? await tx.update(checkIns).set(set).where(where).returning()
      : await tx.select().from(checkIns).where(where)
  if (!row) throw new Error('a check-in went away under its lock')
  return row
}

async function insert(
  tx: Tx,
  userId: string,
  { locationId, way }: Place,
  { note, bookingId }: CheckInInput,
): Promise<CheckInRow> {
  const [row] = await tx
    .insert(checkIns)
    .values({ userId, locationId, way, note: note ?? null, bookingId: bookingId ?? null })
    .returning()
  if (!row) throw new Error('the check-in was not inserted')
  return row
}

/** One's own check-in is always named to oneself. */
async function ownView(tx: Db, row: CheckInRow): Promise<CheckIn> {
  const [person] = await tx
    .select({ name: users.name, hidden: users.hidden })
    .from(users)
    .where(eq(users.id, row.userId))
  if (!person) throw notFound('user')
  return checkInView({ ...row, ...person }, true)
}

/** @throws NOT_FOUND where this person is checked in nowhere */
export async function checkOut(ctx: SignedInContext): Promise<{ ok: true }> {
  const me = ctx.actor.id
  return changeCommunity(
    ctx,
    { person: me, locations: async (tx) => (await currentOf(tx, me).then(one)).map((row) => row.locationId) },
    async (tx) => {
      const current = await currentOf(tx, me)
      if (!current) throw new AppError('NOT_FOUND', 'You are not checked in anywhere.')
      await endCheckIn(tx, current.id)
      const changed = [ofCheckIns(current.locationId)]
      return { result: { ok: true }, ...nothingOnCalendars, changed, notices: [] }
    },
  )
}

const one = <T>(row: T | undefined): T[] => (row === undefined ? [] : [row])

/** The check-in that is not over, of which there is one at the most. */
export async function currentOf(db: Db, userId: string): Promise<CheckInRow | undefined> {
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
  const rows = await ctx.db
    .select({
      id: checkIns.id,
      locationId: checkIns.locationId,
      since: checkIns.since,
      note: checkIns.note,
      userId: users.id,
      name: users.name,
      hidden: users.hidden,
    })
    .from(checkIns)
    .innerJoin(users, eq(users.id, checkIns.userId))
    .where(
      and(
        eq(checkIns.locationId, locationId),
        isNull(checkIns.until),
        page.cursor ? gt(checkIns.id, page.cursor) : undefined,
      ),
    )
    .orderBy(asc(checkIns.id))
    .limit(page.limit + 1)
  const mine = await currentOf(ctx.db, ctx.actor.id)
  return {
    ...pageOf(rows, page, (row) => checkInView(row, !row.hidden)),
    mine: mine ? await ownView(ctx.db, mine) : null,
  }
}
