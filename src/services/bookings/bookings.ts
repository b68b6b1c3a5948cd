import { and, asc, desc, eq, getTableColumns, lt, ne, type SQL, sql } from 'drizzle-orm'
import type { SignedInContext } from '../../context'
import { type BookingRow, type BookingStatus, bookings, users } from '../../db/schema'
import { AppError, invalidField, notFound } from '../../errors'
import { type Booking, bookingView } from '../../schemas/bookings'
import { type Page, type SlotName, StartCursor, startCursorOf } from '../../schemas/common'
import { isBehindStart, pageOf } from '../shared/paging'
import { readRole } from '../users/users'
import { findHold, holdExpired, releaseUnpaidHold } from './hold'
import { endsAfter } from './overlaps'
import { cancellationPoints, cancellationRefund } from './refunds'
import { findTransition, rolesInBooking, transition } from './transitions'

type ListInput = Page & {
  kind?: 'booking' | 'attendance' | undefined
  status?: BookingStatus | undefined
  from?: string | undefined
  to?: string | undefined
  as?: 'customer' | 'specialist' | 'admin' | undefined
  locationId?: string | undefined
  userId?: string | undefined
  order?: 'created' | 'start'
}

/**
 * Lists bookings, newest first or by start: the caller's own, or all of them for an admin.
 * @param input `as: 'customer'` lists an admin's own bookings, `as: 'specialist'` those with the caller; `from` and `to`
 *   select bookings that overlap the period
 * @throws NOT_ALLOWED if the caller's role does not permit `as`, VALIDATION for a cursor of the other order
 */
export async function listBookings(ctx: SignedInContext, input: ListInput) {
  const as = input.as ?? (ctx.actor.role === 'admin' ? 'admin' : 'customer')
  if (as === 'admin' && ctx.actor.role !== 'admin')
    throw new AppError('NOT_ALLOWED', 'Only an admin can list all bookings.')
  if (as === 'specialist' && ctx.actor.role === 'customer')
    throw new AppError('NOT_ALLOWED', 'Only a specialist can list bookings of customers.')
  const byStart = input.order === 'start'
  const wanted = and(
    // Literals: a prepared statement cannot use a partial index for a parameter.
    input.kind ? eq(bookings.kind, input.kind).inlineParams() : ne(bookings.kind, 'event'),
    as === 'specialist' ? eq(bookings.specialistUserId, ctx.actor.id) : undefined,
    as === 'customer' ? eq(bookings.userId, ctx.actor.id) : undefined,
    input.status && eq(bookings.status, input.status).inlineParams(),
    input.from ? endsAfter(new Date(input.from)) : undefined,
    input.to ? lt(bookings.startsAt, new Date(input.to)) : undefined,
    input.locationId ? eq(bookings.locationId, input.locationId) : undefined,
    input.userId ? eq(bookings.userId, input.userId) : undefined,
    input.cursor ? isBehind(input.cursor, byStart) : undefined,
  )
  const rows = await ctx.db
    .select({ ...getTableColumns(bookings), customerName: users.name })
    .from(bookings)
    .innerJoin(users, eq(users.id, bookings.userId))
    .where(as === 'admin' && !input.userId ? byLocation(wanted, input) : wanted)
    .orderBy(...(byStart ? [asc(bookings.startsAt), asc(bookings.id)] : [desc(bookings.id)]))
    .limit(input.limit + 1)
  const view = (row: (typeof rows)[number]) => ({ ...bookingView(row), customerName: row.customerName })
  return pageOf(rows, input, view, byStart ? startCursorOf : undefined)
}

/** Each has a partial index, which finds its few rows faster. */
const RARE: (BookingStatus | undefined)[] = ['held', 'pending', 'confirmed', 'declined', 'no_show']

/**
 * Reads location by location: only the index `bookings_location` has starts, and locations come first in it. Picks the ids
 * in a subquery, because for an unknown period the planner would rather read all bookings in order.
 */
function byLocation(wanted: SQL | undefined, input: ListInput) {
  const { kind, status, from, to, order, locationId, limit } = input
  if (kind === 'attendance' || RARE.includes(status)) return wanted
  if (order === 'start' && locationId) return wanted
  if (order === 'start')
    return sql`${bookings.id} = ANY(ARRAY(SELECT first.id FROM locations l, LATERAL (
      SELECT ${bookings.id}, ${bookings.startsAt} FROM ${bookings} WHERE ${bookings.locationId} = l.id AND ${wanted}
      ORDER BY ${bookings.startsAt}, ${bookings.id} LIMIT ${limit + 1}) AS first
      ORDER BY first.starts_at, first.id LIMIT ${limit + 1}))`
  if (from && to)
    return sql`${bookings.id} = ANY(ARRAY(SELECT found.id FROM (
      SELECT ${bookings.id} FROM ${bookings}
      WHERE ${locationId ? sql`true` : sql`${bookings.locationId} = ANY(ARRAY(SELECT id FROM locations))`} AND ${wanted} OFFSET 0) AS found
      ORDER BY found.id DESC LIMIT ${limit + 1}))`
  return wanted
}

function isBehind(cursor: string, byStart: boolean) {
  if (byStart !== StartCursor.safeParse(cursor).success)
    throw invalidField('cursor', 'must be a nextCursor of a list in the same order')
  return byStart ? isBehindStart(bookings, cursor) : lt(bookings.id, cursor)
}

/** @throws NOT_FOUND, also if the caller may not see the booking */
export async function getBooking(ctx: SignedInContext, { id }: { id: string }): Promise<Booking> {
  return bookingView(await findBooking(ctx, id))
}

async function findBooking(ctx: SignedInContext, id: string): Promise<BookingRow> {
  const [row] = await ctx.db.select().from(bookings).where(eq(bookings.id, id))
  if (!row || rolesInBooking(ctx.actor, row).length === 0) throw notFound('booking')
  return row
}

/**
 * Confirms the caller's hold if nothing is left to pay.
 * @throws NOT_FOUND, HOLD_EXPIRED, PAYMENT_REQUIRED, INVALID_STATE
 */
export const confirmBooking = (ctx: SignedInContext, { id }: { id: string }) =>
  transition(ctx, id, 'confirmed')

/** Approves a pending booking. @throws NOT_FOUND, NOT_ALLOWED, INVALID_STATE, TOO_LATE after `answerBy` */
export async function acceptBooking(ctx: SignedInContext, { id }: { id: string }): Promise<Booking> {
  const { status } = await findBooking(ctx, id)
  if (status !== 'pending') throw new AppError('INVALID_STATE', 'This booking is not waiting for approval.')
  return transition(ctx, id, 'confirmed')
}

/** Declines a pending booking with a full refund and frees its time. @throws NOT_FOUND, NOT_ALLOWED, INVALID_STATE */
export const declineBooking = (ctx: SignedInContext, { id }: { id: string }) =>
  transition(ctx, id, 'declined')

/**
 * Calculates the refund, in minor units, and the returned points if the caller cancelled now. The booking's cancellation policy
 * applies to its customer; anyone else's cancellation is refunded in full.
 * @throws NOT_FOUND, NOT_CANCELLABLE
 */
export async function previewRefund(
  ctx: SignedInContext,
  { id }: { id: string },
): Promise<{ amountMinor: number; points: number; currency: string }> {
  const row = await findBooking(ctx, id)
  const now = Date.now()
  findTransition(ctx.actor, row, 'cancelled', now)
  const cancellation = { from: row.status, own: row.userId === ctx.actor.id, now }
  const { currency } = row
  return {
    amountMinor: cancellationRefund(row, cancellation),
    points: cancellationPoints(row, cancellation),
    currency,
  }
}

/** @throws NOT_FOUND, NOT_CANCELLABLE after the start */
export const cancelBooking = (ctx: SignedInContext, { id }: { id: string }) =>
  transition(ctx, id, 'cancelled')

/** @throws NOT_FOUND, NOT_ALLOWED, INVALID_STATE, TOO_EARLY before its end and buffer */
export const completeBooking = (ctx: SignedInContext, { id }: { id: string }) =>
  transition(ctx, id, 'completed')

/** Frees the rest of the booking's time. @throws NOT_FOUND, NOT_ALLOWED, INVALID_STATE, TOO_EARLY */
export const markNoShow = (ctx: SignedInContext, { id }: { id: string }) => transition(ctx, id, 'no_show')

/** Confirms the caller's hold on a slot. @throws NOT_FOUND, HOLD_EXPIRED, PAYMENT_REQUIRED */
export async function bookSlot(ctx: SignedInContext, slot: SlotName): Promise<Booking> {
  const { id } = await findHold(ctx, slot)
  return transition(ctx, id, 'confirmed')
}

/** Releases the caller's hold on a slot. @throws NOT_FOUND, HOLD_EXPIRED, NOT_SIGNED_IN if the account was deleted */
export async function releaseSlot(ctx: SignedInContext, slot: SlotName): Promise<Booking> {
  const released = await releaseUnpaidHold(ctx, slot)
  if (released) return released
  await readRole(ctx.db, ctx.actor.id)
  const { id } = await findHold(ctx, slot)
  return releaseHold(ctx, { id })
}

/** Releases a hold. @throws NOT_FOUND, HOLD_EXPIRED, INVALID_STATE if the booking is not a hold */
export async function releaseHold(ctx: SignedInContext, { id }: { id: string }): Promise<Booking> {
  const row = await findBooking(ctx, id)
  if (row.status === 'expired') throw holdExpired()
  if (row.status !== 'held')
    throw new AppError('INVALID_STATE', 'This is not a hold. Cancel the booking instead.')
  return transition(ctx, id, 'cancelled')
}
