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
 * Reschedules a hold or a confirmed booking to another time, space or both. If the new time is refused, nothing changes. The end
 * of a hold stays the same, a paid booking keeps its price and terms, and the cancellation policy counts from the earliest
 * start that the booking ever had.
 * @param input `startsAt` alone keeps the length; `notes` alone changes nothing else
 * @throws NOT_FOUND, HOLD_EXPIRED, NOT_RESCHEDULABLE, SLOT_TAKEN, and the refusals of `quoteTime`
 */
export async function rescheduleBooking(ctx: SignedInContext, input: RescheduleInput): Promise<Booking> {
  if (input.startsAt === undefined && input.endsAt === undefined && input.spaceId === undefined) {
    return withBookingLock(ctx, input.id, (tx, row) => updateNotes(tx, ctx, row, input.notes))
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

async function updateNotes(
  tx: Tx,
  ctx: SignedInContext,
  row: BookingRow,
  notes: string | null | undefined,
): Promise<Outcome<Booking>> {
  if (row.userId !== ctx.actor.id) throw notFound('booking')
  if (notes === undefined) return { result: bookingView(row), touched: [], bookings: [] }
  const [updated] = await tx.update(bookings).set({ notes }).where(eq(bookings.id, row.id)).returning()
  if (!updated) throw notFound('booking')
  return { result: bookingView(updated), touched: [], bookings: [updated] }
}

/** Further calendars that may change: those of possible spaces and of stale holds in the way. */
async function targetCalendars(
  { db, actor }: SignedInContext,
  seen: BookingRow,
  input: RescheduleInput,
): Promise<CalendarKey[]> {
  if (seen.userId !== actor.id) throw notFound('booking')
  const { from, to } = newTime(seen, input)
  const targets = input.spaceId ? [{ spaceId: input.spaceId }] : await roomsOf(db, seen)
  const { calendars } = await findStale(
    db,
    [...calendarsOf(seen), ...targets],
    { from, to: to + DAY },
    seen.id,
  )
  return [...targets, ...calendars]
}

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
  const quote = withPrice(
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
  const allocation = await chooseUnit(tx, quote, row.id)
  const targets = calendarsOf({ spaceId: allocation.spaceId, specialistId: quote.specialistId })
  const stale = await findStale(tx, targets, allocation.claimed, row.id)
  if (!includesAll(locked, [...targets, ...stale.calendars])) throw new LockMissError()
  const expired = await expireHolds(tx, stale.ids)
  const [updated] = await tx
    .update(bookings)
    .set({
      spaceId: allocation.spaceId,
      locationId: quote.locationId,
      unit: allocation.unit,
      startsAt: new Date(time.from),
      endsAt: new Date(time.to),
      claimed: allocation.claimed,
      firstStartsAt: new Date(Math.min(time.from, row.firstStartsAt.getTime())),
      currency: quote.currency,
      // An unpaid hold takes the terms of its new time, so that better terms cannot be carried over.
      ...(!isSettled(row) && (await termsOf(tx, row, quote, allocation.spaceId))),
      ...(input.notes !== undefined && { notes: input.notes }),
    })
    .where(eq(bookings.id, row.id))
    .returning()
  if (!updated) throw notFound('booking')
  if (updated.status === 'confirmed') await notify(tx, ...rescheduleNotifications(row, updated))
  return {
    result: bookingView(updated),
    touched: [row, updated, ...expired].flatMap((changed) => touchesOf(changed, 'rescheduled')),
    bookings: [updated, ...expired],
  }
}

/** Keeps the spaces that a settled booking can use at its own price. Its current space comes first. */
function withPrice(row: BookingRow, quote: Quote): Quote {
  const settled = isSettled(row)
  const options = (quote.spaces.length > 0 ? quote.spaces : [null]).flatMap((spaceId, index) => {
    const price = quote.prices[index] ?? 0
    const isSamePrice =
      price === row.priceMinor + row.discountMinor && (price === 0 || quote.currency === row.currency)
    return isSamePrice || !settled ? [{ spaceId, price }] : []
  })
  if (options.length === 0) {
    throw new AppError('NOT_RESCHEDULABLE', 'The new time has a different price. Cancel and book again.')
  }
  options.sort((a, b) => Number(b.spaceId === row.spaceId) - Number(a.spaceId === row.spaceId))
  return {
    ...quote,
    spaces: options.flatMap(({ spaceId }) => spaceId ?? []),
    prices: options.map(({ price }) => price),
  }
}

const isSettled = ({ status, paidMinor, pointsMinor }: BookingRow) =>
  status !== 'held' || paidMinor > 0 || pointsMinor > 0

/** Policy, deposit and price that a new hold of the service, or of this space, would have. */
async function termsOf(
  tx: Tx,
  { serviceId, userId, depositMinor, priceMinor }: BookingRow,
  quote: Quote,
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
  const price = quote.prices[spaceId ? quote.spaces.indexOf(spaceId) : 0] ?? priceMinor
  return {
    ...terms,
    ...(await priceFor(tx, userId, { ...quote, priceMinor: price, depositMinor, ...terms })),
  }
}

function assertReschedulable(row: BookingRow, now: Millis): void {
  if (row.kind === 'attendance')
    throw new AppError('NOT_RESCHEDULABLE', 'A seat can only be rescheduled with its event.')
  if (
    row.status === 'expired' ||
    (row.status === 'held' && row.holdExpiresAt && row.holdExpiresAt.getTime() <= now)
  ) {
    throw holdExpired()
  }
  if (row.status !== 'held' && row.status !== 'confirmed') {
    throw new AppError('NOT_RESCHEDULABLE', 'Only a hold or a confirmed booking can be rescheduled.')
  }
  if (row.status === 'confirmed' && row.answerHours !== null) {
    throw new AppError('NOT_RESCHEDULABLE', 'The specialist approved this time. Cancel and request another.')
  }
  if (row.startsAt.getTime() <= now)
    throw new AppError('NOT_RESCHEDULABLE', 'This booking has already started.')
}

function newTime(row: BookingRow, input: RescheduleInput): Period {
  const from = input.startsAt ? Date.parse(input.startsAt) : row.startsAt.getTime()
  const length = row.endsAt.getTime() - row.startsAt.getTime()
  const to = input.endsAt ? Date.parse(input.endsAt) : input.startsAt ? from + length : row.endsAt.getTime()
  if (from >= to) throw invalidField('endsAt', 'must be after the start')
  return { from, to }
}
