import { eq } from 'drizzle-orm'
import type { SignedInContext } from '../../context'
import type { Db, Tx } from '../../db/client'
import { type BookingRow, bookings, services, spaces } from '../../db/schema'
import { AppError, invalidField, notFound } from '../../errors'
import { DAY, type Millis, type Period } from '../../lib/time'
import { type Booking, bookingView } from '../../schemas/bookings'
import type { CalendarKey } from '../../schemas/slots'
import { calendarsOf, type Outcome, touchesOf } from '../calendar/change-calendars'
import { priceFor } from '../loyalty/loyalty'
import { notify } from '../notifications/notify'
import { chooseUnit, expireHolds, findStale } from './allocate'
import { rescheduleNotifications } from './booking-notifications'
import { holdExpired } from './hold'
import { type Quote, quoteTime } from './quote'
import { includesAll, LockMissError, withBookingLock } from './with-booking-lock'

type RescheduleInput = {
  id: string
  startsAt?: string | undefined
  endsAt?: string | undefined
  spaceId?: string | undefined
  notes?: string | null | undefined
}

/**
 * Moves a hold or a confirmed booking to another time, another space, or both, as one change: the new time is claimed
 * before the old one is left, so where the new one is lost the old one is kept. The hold's end does not move, what is
 * paid keeps its price and its terms, what its specialist has agreed to keeps its time, and the cancellation policy counts from the
 * earliest start it ever had.
 * @param input a start alone keeps the length; notes alone change nothing else
 * @throws NOT_FOUND, HOLD_EXPIRED, NOT_RESCHEDULABLE, and whatever refuses a time
 */
export async function rescheduleBooking(ctx: SignedInContext, input: RescheduleInput): Promise<Booking> {
  if (input.startsAt === undefined && input.endsAt === undefined && input.spaceId === undefined) {
    return withBookingLock(ctx, input.id, (tx, row) => noteBooking(tx, ctx, row, input.notes))
  }
  return withBookingLock(
    ctx,
    input.id,
    (tx, row, now, locked) => applyReschedule(tx, ctx, row, now, locked, input),
    {
      also: (seen) => targetCalendars(ctx, seen, input),
      lockOwner: true,
    },
  )
}

async function noteBooking(
  tx: Tx,
  ctx: SignedInContext,
  row: BookingRow,
  notes: string | null | undefined,
): Promise<Outcome<Booking>> {
  if (row.userId !== ctx.actor.id) throw notFound('booking')
  if (notes === undefined) return { result: bookingView(row), touched: [], bookings: [] }
  const [noted] = await tx.update(bookings).set({ notes }).where(eq(bookings.id, row.id)).returning()
  if (!noted) throw notFound('booking')
  return { result: bookingView(noted), touched: [], bookings: [noted] }
}

/** Every calendar that the move may change: the spaces it may go to, and what stale holds in its way have claimed. */
async function targetCalendars(
  { db, actor }: SignedInContext,
  seen: BookingRow,
  input: RescheduleInput,
): Promise<CalendarKey[]> {
  if (seen.userId !== actor.id) throw notFound('booking')
  const { from, to } = newTime(seen, input)
  const goals = input.spaceId ? [{ spaceId: input.spaceId }] : await roomsOf(db, seen)
  const { calendars } = await findStale(db, [...calendarsOf(seen), ...goals], { from, to: to + DAY }, seen.id)
  return [...goals, ...calendars]
}

/** Where a service needs a room, any room of its location might do. */
async function roomsOf(db: Db, { serviceId, spaceId, locationId }: BookingRow): Promise<CalendarKey[]> {
  if (!serviceId || !spaceId) return []
  const [service] = await db.select().from(services).where(eq(services.id, serviceId))
  const rooms = await db.select().from(spaces).where(eq(spaces.locationId, locationId))
  return rooms.filter(({ kind }) => kind === service?.roomKind).map(({ id }) => ({ spaceId: id }))
}

async function applyReschedule(
  tx: Tx,
  ctx: SignedInContext,
  row: BookingRow,
  now: Millis,
  locked: CalendarKey[],
  input: RescheduleInput,
): Promise<Outcome<Booking>> {
  if (row.userId !== ctx.actor.id) throw notFound('booking')
  assertReschedulable(row, now)
  const time = newTime(row, input)
  const plan = withPrice(
    row,
    await quoteTime(
      tx,
      {
        serviceId: row.serviceId ?? undefined,
        spaceId: input.spaceId ?? (row.serviceId ? undefined : (row.spaceId ?? undefined)),
        startsAt: new Date(time.from),
        endsAt: new Date(time.to),
      },
      row.userId,
    ),
  )
  const place = await chooseUnit(tx, plan, row.id)
  const goals = calendarsOf({ spaceId: place.spaceId, specialistId: plan.specialistId })
  const stale = await findStale(tx, goals, place.claimed, row.id)
  if (!includesAll(locked, [...goals, ...stale.calendars])) throw new LockMissError()
  const expired = await expireHolds(tx, stale.ids)
  const [moved] = await tx
    .update(bookings)
    .set({
      spaceId: place.spaceId,
      locationId: plan.locationId,
      unit: place.unit,
      startsAt: new Date(time.from),
      endsAt: new Date(time.to),
      claimed: place.claimed,
      firstStartsAt: new Date(Math.min(time.from, row.firstStartsAt.getTime())),
      currency: plan.currency,
      // Nothing is agreed on yet: who moves a hold elsewhere does not take along better terms than there are there.
      ...(!isSettled(row) && (await termsOf(tx, row, plan, place.spaceId))),
      ...(input.notes !== undefined && { notes: input.notes }),
    })
    .where(eq(bookings.id, row.id))
    .returning()
  if (!moved) throw notFound('booking')
  if (moved.status === 'confirmed') await notify(tx, ...rescheduleNotifications(row, moved))
  return {
    result: bookingView(moved),
    touched: [row, moved, ...expired].flatMap((changed) => touchesOf(changed, 'rescheduled')),
    bookings: [moved, ...expired],
  }
}

/** The places of a plan that a booking may go to, its present space first. */
function withPrice(row: BookingRow, plan: Quote): Quote {
  const settled = isSettled(row)
  const places = (plan.spaces.length > 0 ? plan.spaces : [null]).flatMap((spaceId, index) => {
    const price = plan.prices[index] ?? 0
    const keeps =
      price === row.priceMinor + row.discountMinor && (price === 0 || plan.currency === row.currency)
    return keeps || !settled ? [{ spaceId, price }] : []
  })
  if (places.length === 0) {
    throw new AppError(
      'NOT_RESCHEDULABLE',
      'The new time has another price. Cancel this booking and make a new one.',
    )
  }
  places.sort((a, b) => Number(b.spaceId === row.spaceId) - Number(a.spaceId === row.spaceId))
  return {
    ...plan,
    spaces: places.flatMap(({ spaceId }) => spaceId ?? []),
    prices: places.map(({ price }) => price),
  }
}

const isSettled = ({ status, paidMinor, pointsMinor }: BookingRow) =>
  status !== 'held' || paidMinor > 0 || pointsMinor > 0

/** What a new hold of the same service, or of this space, would be held with, and what it would cost its owner. */
async function termsOf(
  tx: Tx,
  { serviceId, userId, depositMinor, priceMinor }: BookingRow,
  plan: Quote,
  spaceId: string | null,
) {
  const [terms] = serviceId
    ? await tx
        .select({ cancellation: services.cancellation, depositMinor: services.depositMinor })
        .from(services)
        .where(eq(services.id, serviceId))
    : await tx
        .select({ cancellation: spaces.cancellation })
        .from(spaces)
        .where(eq(spaces.id, spaceId ?? ''))
  const price = plan.prices[spaceId ? plan.spaces.indexOf(spaceId) : 0] ?? priceMinor
  return { ...terms, ...(await priceFor(tx, userId, { ...plan, priceMinor: price, depositMinor, ...terms })) }
}

function assertReschedulable(row: BookingRow, now: Millis): void {
  if (row.kind === 'attendance')
    throw new AppError('NOT_RESCHEDULABLE', 'A place at an event moves with the event.')
  if (
    row.status === 'expired' ||
    (row.status === 'held' && row.holdExpiresAt && row.holdExpiresAt.getTime() <= now)
  ) {
    throw holdExpired()
  }
  if (row.status !== 'held' && row.status !== 'confirmed') {
    throw new AppError('NOT_RESCHEDULABLE', 'Only a hold or a confirmed booking can be moved.')
  }
  if (row.status === 'confirmed' && row.answerHours !== null) {
    throw new AppError(
      'NOT_RESCHEDULABLE',
      'The specialist agreed to this time. Cancel it and ask for another.',
    )
  }
  if (row.startsAt.getTime() <= now)
    throw new AppError('NOT_RESCHEDULABLE', 'This booking has already begun.')
}

function newTime(row: BookingRow, input: RescheduleInput): Period {
  const from = input.startsAt ? Date.parse(input.startsAt) : row.startsAt.getTime()
  const length = row.endsAt.getTime() - row.startsAt.getTime()
  const to = input.endsAt ? Date.parse(input.endsAt) : input.startsAt ? from + length : row.endsAt.getTime()
  if (from >= to) throw invalidField('endsAt', 'must be after the start')
  return { from, to }
}
