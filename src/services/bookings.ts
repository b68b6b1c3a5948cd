import { and, desc, eq, gt, lt } from 'drizzle-orm'
import type { SignedInContext } from '../context'
import type { Tx } from '../db/client'
import { type BookingRow, type BookingStatus, bookings, spaces } from '../db/schema'
import { AppError, notFound } from '../errors'
import { type Booking, bookingView } from '../shapes/bookings'
import type { Page } from '../shapes/common'
import { MINUTE, type Millis, type Period } from '../time'
import { whyNotByRules } from './availability'
import { readCalendar, withReach } from './boards'
import { claimedPeriod, findUnit, type Outcome, range } from './calendar'
import { holdAt, holdExpired, refuseTime } from './holds'
import { capacitiesOf, moveBooking, onCalendarOf } from './moves'
import { pageOf } from './paging'

type ListInput = Page & {
  status?: BookingStatus | undefined
  from?: string | undefined
  to?: string | undefined
  as?: 'customer' | 'admin' | undefined
}

/**
 * Bookings, the newest first: one's own, or for an admin everyone's (`as: 'customer'` gives an admin his own).
 * `from` and `to` choose those that take place between the two.
 * @throws NOT_ALLOWED where somebody else asks as an admin
 */
export async function listBookings(ctx: SignedInContext, input: ListInput) {
  const as = input.as ?? (ctx.actor.role === 'admin' ? 'admin' : 'customer')
  if (as === 'admin' && ctx.actor.role !== 'admin')
    throw new AppError('NOT_ALLOWED', 'Only an admin sees all bookings.')
  const rows = await ctx.db
    .select()
    .from(bookings)
    .where(
      and(
        eq(bookings.kind, 'booking'),
        as === 'customer' ? eq(bookings.userId, ctx.actor.id) : undefined,
        input.status && eq(bookings.status, input.status),
        input.from ? gt(bookings.endsAt, new Date(input.from)) : undefined,
        input.to ? lt(bookings.startsAt, new Date(input.to)) : undefined,
        input.cursor ? lt(bookings.id, input.cursor) : undefined,
      ),
    )
    .orderBy(desc(bookings.id))
    .limit(input.limit + 1)
  return pageOf(rows, input, bookingView)
}

/** @throws NOT_FOUND, also where it is somebody else's */
export async function getBooking(ctx: SignedInContext, { id }: { id: string }): Promise<Booking> {
  return bookingView(await findBooking(ctx, id))
}

async function findBooking(ctx: SignedInContext, id: string): Promise<BookingRow> {
  const [row] = await ctx.db.select().from(bookings).where(eq(bookings.id, id))
  if (!row || capacitiesOf(ctx.actor, row).length === 0) throw notFound('booking')
  return row
}

/**
 * Confirms what one holds, where nothing is left to pay.
 * @throws NOT_FOUND, HOLD_EXPIRED, PAYMENT_REQUIRED, INVALID_STATE
 */
export const confirmBooking = (ctx: SignedInContext, { id }: { id: string }) =>
  moveBooking(ctx, id, 'confirmed')

/** @throws NOT_FOUND, NOT_CANCELLABLE once it has begun or is over */
export const cancelBooking = (ctx: SignedInContext, { id }: { id: string }) =>
  moveBooking(ctx, id, 'cancelled')

/** @throws NOT_FOUND, NOT_ALLOWED, INVALID_STATE, TOO_EARLY before the end of its time and buffer */
export const completeBooking = (ctx: SignedInContext, { id }: { id: string }) =>
  moveBooking(ctx, id, 'completed')

/** Nobody came: what is left of the time is free again. @throws NOT_FOUND, NOT_ALLOWED, INVALID_STATE, TOO_EARLY */
export const markNoShow = (ctx: SignedInContext, { id }: { id: string }) => moveBooking(ctx, id, 'no_show')

type SlotInput = { spaceId: string; startsAt: Date }

/** Confirms the hold that covers a slot. @throws NOT_FOUND, HOLD_EXPIRED, PAYMENT_REQUIRED */
export async function bookSlot(ctx: SignedInContext, slot: SlotInput): Promise<Booking> {
  const { id } = await holdAt(ctx, slot)
  return moveBooking(ctx, id, 'confirmed')
}

/** Gives the hold that covers a slot back. @throws NOT_FOUND, HOLD_EXPIRED */
export async function releaseSlot(ctx: SignedInContext, slot: SlotInput): Promise<Booking> {
  const { id } = await holdAt(ctx, slot)
  return releaseHold(ctx, { id })
}

/** Gives a hold back, and nothing but a hold. @throws NOT_FOUND, INVALID_STATE */
export async function releaseHold(ctx: SignedInContext, { id }: { id: string }): Promise<Booking> {
  const row = await findBooking(ctx, id)
  if (row.status === 'expired') throw holdExpired()
  if (row.status !== 'held')
    throw new AppError('INVALID_STATE', 'This is not a hold. Cancel the booking instead.')
  return moveBooking(ctx, id, 'cancelled')
}

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
 * paid keeps its price and its terms, and the cancellation policy counts from the earliest start it ever had.
 * @param input a start alone keeps the length; notes alone change nothing else
 * @throws NOT_FOUND, HOLD_EXPIRED, NOT_RESCHEDULABLE, and whatever refuses a time
 */
export async function rescheduleBooking(ctx: SignedInContext, input: RescheduleInput): Promise<Booking> {
  if (input.startsAt === undefined && input.endsAt === undefined && input.spaceId === undefined) {
    return onCalendarOf(ctx, input.id, (tx, row) => noteBooking(tx, ctx, row, input.notes))
  }
  return onCalendarOf(ctx, input.id, (tx, row, now) => moveInTime(tx, ctx, row, now, input), {
    also: input.spaceId ? [input.spaceId] : [],
    lockOwner: true,
  })
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

async function moveInTime(
  tx: Tx,
  ctx: SignedInContext,
  row: BookingRow,
  now: Millis,
  input: RescheduleInput,
): Promise<Outcome<Booking>> {
  if (row.userId !== ctx.actor.id) throw notFound('booking')
  refuseUnlessMovable(row, now)
  const spaceId = input.spaceId ?? row.spaceId
  if (!spaceId) throw new AppError('NOT_RESCHEDULABLE', 'This booking has no space to be moved in.')
  const [space] = await tx.select().from(spaces).where(eq(spaces.id, spaceId))
  if (!space) throw notFound('space')

  const time = newTime(row, input)
  const { rules } = await readCalendar(tx, spaceId, withReach(time))
  const reason = whyNotByRules(rules, time, now)
  if (reason) throw refuseTime(reason)
  const priceMinor = (space.priceMinor * (time.to - time.from)) / (space.slotMinutes * MINUTE)
  if (row.status !== 'held' || row.paidMinor > 0) {
    if (priceMinor !== row.priceMinor || (priceMinor > 0 && space.currency !== row.currency)) {
      throw new AppError(
        'NOT_RESCHEDULABLE',
        'The new time has another price. Cancel this booking and make a new one.',
      )
    }
  }

  const claimed = { from: time.from, to: time.to + space.bufferMinutes * MINUTE }
  const { unit, expired } = await findUnit(tx, { spaceId, units: space.units, claimed, now, booking: row.id })
  if (!unit) throw refuseTime('SLOT_TAKEN')
  const [moved] = await tx
    .update(bookings)
    .set({
      spaceId,
      locationId: space.locationId,
      unit,
      startsAt: new Date(time.from),
      endsAt: new Date(time.to),
      claimed: range(claimed),
      firstStartsAt: new Date(Math.min(time.from, row.firstStartsAt.getTime())),
      priceMinor,
      currency: space.currency,
      // Nothing is agreed on yet: who moves a hold elsewhere does not take along better terms than that space gives.
      ...(row.status === 'held' && row.paidMinor === 0 && { cancellation: space.cancellation }),
      ...(input.notes !== undefined && { notes: input.notes }),
    })
    .where(eq(bookings.id, row.id))
    .returning()
  if (!moved) throw notFound('booking')
  const cause = 'rescheduled' as const
  return {
    result: bookingView(moved),
    touched: [
      ...(row.spaceId ? [{ spaceId: row.spaceId, period: claimedPeriod(row), cause }] : []),
      { spaceId, period: claimed, cause },
      ...expired.map((other) => ({ spaceId, period: claimedPeriod(other), cause })),
    ],
    bookings: [moved, ...expired],
  }
}

function refuseUnlessMovable(row: BookingRow, now: Millis): void {
  if (
    row.status === 'expired' ||
    (row.status === 'held' && row.holdExpiresAt && row.holdExpiresAt.getTime() <= now)
  ) {
    throw holdExpired()
  }
  if (row.status !== 'held' && row.status !== 'confirmed') {
    throw new AppError('NOT_RESCHEDULABLE', 'Only a hold or a confirmed booking can be moved.')
  }
  if (row.startsAt.getTime() <= now)
    throw new AppError('NOT_RESCHEDULABLE', 'This booking has already begun.')
}

function newTime(row: BookingRow, input: RescheduleInput): Period {
  const from = input.startsAt ? Date.parse(input.startsAt) : row.startsAt.getTime()
  const length = row.endsAt.getTime() - row.startsAt.getTime()
  const to = input.endsAt ? Date.parse(input.endsAt) : input.startsAt ? from + length : row.endsAt.getTime()
  if (from >= to) {
    const message = 'must be after the start'
    throw new AppError('VALIDATION', `endsAt ${message}`, { issues: [{ path: 'endsAt', message }] })
  }
  return { from, to }
}
