import { and, eq, sql } from 'drizzle-orm'
import type { Actor } from '../actor'
import type { Context } from '../context'
import type { Tx } from '../db/client'
import { type BookingRow, type BookingStatus, bookings, spaces } from '../db/schema'
import { AppError, notFound } from '../errors'
import type { ChangeCause } from '../realtime/events'
import { type Booking, bookingView } from '../shapes/bookings'
import type { Millis } from '../time'
import { changeCalendars, claimedPeriod, findUnit, type Outcome, range } from './calendar'
import { holdExpired, refuseTime } from './holds'
import { settleEnding } from './refunds'

/** In which capacity somebody moves a booking. */
export type Mover = 'customer' | 'specialist' | 'admin' | 'payment' | 'clock'

type Move = {
  from: BookingStatus
  to: BookingStatus
  by: readonly Mover[]
  cause: ChangeCause
  /** What must be true of the booking, and the refusal where it is not. */
  unless?: (row: BookingRow, now: Millis) => AppError | null
}

/** Every way in which a booking may change its state. Nothing else is possible, here or in the database. */
export const MOVES: readonly Move[] = [
  { from: 'held', to: 'confirmed', by: ['customer', 'payment'], cause: 'booked', unless: holdEndedOrUnpaid },
  { from: 'held', to: 'pending', by: ['customer', 'payment'], cause: 'booked', unless: holdEndedOrUnpaid },
  { from: 'held', to: 'cancelled', by: ['customer', 'admin'], cause: 'released' },
  { from: 'held', to: 'expired', by: ['clock'], cause: 'expired', unless: holdRuns },
  { from: 'expired', to: 'confirmed', by: ['payment'], cause: 'booked', unless: unpaid },
  { from: 'expired', to: 'pending', by: ['payment'], cause: 'booked', unless: unpaid },
  { from: 'pending', to: 'confirmed', by: ['specialist', 'admin'], cause: 'booked' },
  { from: 'pending', to: 'declined', by: ['specialist', 'admin', 'clock'], cause: 'cancelled' },
  {
    from: 'pending',
    to: 'cancelled',
    by: ['customer', 'specialist', 'admin'],
    cause: 'cancelled',
    unless: started,
  },
  {
    from: 'confirmed',
    to: 'cancelled',
    by: ['customer', 'specialist', 'admin'],
    cause: 'cancelled',
    unless: started,
  },
  {
    from: 'confirmed',
    to: 'completed',
    by: ['clock', 'specialist', 'admin'],
    cause: 'completed',
    unless: notOver,
  },
  {
    from: 'confirmed',
    to: 'no_show',
    by: ['specialist', 'admin', 'clock'],
    cause: 'completed',
    unless: notStarted,
  },
]

function holdEndedOrUnpaid(row: BookingRow, now: Millis): AppError | null {
  if (!row.holdExpiresAt || row.holdExpiresAt.getTime() <= now) return holdExpired()
  return unpaid(row)
}

/** What must be paid before a booking stands: the deposit where there is one, else the price. */
function unpaid(row: BookingRow): AppError | null {
  if (row.paidMinor - row.refundedMinor >= dueToStand(row)) return null
  return new AppError('PAYMENT_REQUIRED', 'This booking must be paid before it is confirmed.')
}

export const dueToStand = ({ depositMinor, priceMinor }: BookingRow): number => depositMinor || priceMinor

function holdRuns({ holdExpiresAt }: BookingRow, now: Millis): AppError | null {
  return holdExpiresAt && holdExpiresAt.getTime() > now
    ? new AppError('TOO_EARLY', 'The hold has not ended yet.')
    : null
}

function started({ startsAt }: BookingRow, now: Millis): AppError | null {
  return startsAt.getTime() <= now
    ? new AppError('NOT_CANCELLABLE', 'A booking that has begun cannot be cancelled.')
    : null
}

function notStarted({ startsAt }: BookingRow, now: Millis): AppError | null {
  return startsAt.getTime() >= now ? new AppError('TOO_EARLY', 'The booking has not begun yet.') : null
}

function notOver(row: BookingRow, now: Millis): AppError | null {
  return claimedPeriod(row).to > now ? new AppError('TOO_EARLY', 'The booking is not over yet.') : null
}

/**
 * In which capacities an actor may deal with a booking; none at all means that it is not theirs to see.
 */
export function capacitiesOf(actor: Actor, row: Pick<BookingRow, 'userId' | 'kind'>): Mover[] {
  // The claim of an event moves with its event and is nobody's booking.
  if (row.kind === 'event') return []
  if (actor.kind === 'clock' || actor.kind === 'payment') return [actor.kind]
  if (actor.kind !== 'person') return []
  return [
    ...(row.userId === actor.id ? ['customer' as const] : []),
    ...(actor.role === 'admin' ? ['admin' as const] : []),
  ]
}

/**
 * Moves a booking to another state, under the lock of its calendar, and tells everyone who looks.
 * @throws NOT_FOUND where it is not the actor's to see, NOT_ALLOWED where another may and he may not, and what the
 *   move's own condition refuses; from a state that has no such move NOT_CANCELLABLE or INVALID_STATE
 */
export async function moveBooking(ctx: Context, id: string, to: BookingStatus): Promise<Booking> {
  return onCalendarOf(ctx, id, async (tx, row, now) => {
    if (capacitiesOf(ctx.actor, row).length === 0) throw notFound('booking')
    return moveUnderLock(tx, ctx.actor, row, to, now)
  })
}

/**
 * One move of a booking whose calendar is locked and whose row was read under that lock. Also the seam for whatever moves
 * a booking as a part of more, such as a payment that arrives.
 */
export async function moveUnderLock(
  tx: Tx,
  actor: Actor,
  row: BookingRow,
  to: BookingStatus,
  now: Millis,
): Promise<Outcome<Booking>> {
  const move = MOVES.find((candidate) => candidate.from === row.status && candidate.to === to)
  if (!move) throw noSuchMove(row.status, to)
  if (!capacitiesOf(actor, row).some((capacity) => move.by.includes(capacity))) {
    // Only money revives a hold. To a person it is over, whether it was swept yet or not.
    if (row.status === 'expired') throw holdExpired()
    throw new AppError('NOT_ALLOWED', `This booking is not yours to make ${to.replace('_', '-')}.`)
  }
  const refusal = move.unless?.(row, now)
  if (refusal) throw refusal

  const { unit, expired } = await placeOf(tx, row, now)
  const before = claimedPeriod(row)
  const claimed = to === 'no_show' && before.to > now ? range({ from: before.from, to: now }) : row.claimed
  const [changed] = await tx
    .update(bookings)
    .set({ status: to, claimed, unit })
    .where(and(eq(bookings.id, row.id), eq(bookings.status, row.status)))
    .returning()
  if (!changed) throw noSuchMove(row.status, to)
  const own = actor.kind === 'person' && actor.id === row.userId
  const moved = await settleEnding(tx, changed, { from: row.status, own, now })
  const { spaceId } = moved
  const periods = [before, ...expired.map(claimedPeriod)]
  const touched = spaceId ? periods.map((period) => ({ spaceId, period, cause: move.cause })) : []
  return { result: bookingView(moved), touched, bookings: [moved, ...expired] }
}

/** The unit that a booking has; one that lost its own, because its hold had ended, takes any that is still free. */
async function placeOf(tx: Tx, row: BookingRow, now: Millis) {
  if (row.status !== 'expired' || row.spaceId === null) return { unit: row.unit, expired: [] }
  const [space] = await tx.select({ units: spaces.units }).from(spaces).where(eq(spaces.id, row.spaceId))
  const place = await findUnit(tx, {
    spaceId: row.spaceId,
    units: space?.units ?? 0,
    claimed: claimedPeriod(row),
    now,
    booking: row.id,
  })
  if (place.unit === null) throw refuseTime('SLOT_TAKEN')
  return place
}

function noSuchMove(from: BookingStatus, to: BookingStatus): AppError {
  if (to === 'cancelled')
    return new AppError('NOT_CANCELLABLE', `A booking that is ${said(from)} cannot be cancelled.`)
  return new AppError('INVALID_STATE', `A booking that is ${said(from)} cannot become ${said(to)}.`)
}

const said = (status: BookingStatus) => status.replace('_', '-')

/** The booking went to another calendar between the look and the lock. */
class Elsewhere extends Error {}

type OnCalendar = {
  /** Further calendars that may be touched. */
  also?: string[]
  lockOwner?: boolean
  /** Runs in the same transaction, before any calendar is locked. */
  first?: (tx: Tx) => Promise<void>
}

/**
 * Runs with the calendar of a booking locked, its row as it stands under that lock, and the database's time.
 * @throws NOT_FOUND
 */
export async function onCalendarOf<T>(
  ctx: Context,
  id: string,
  run: (tx: Tx, row: BookingRow, now: Millis) => Promise<Outcome<T>>,
  { also = [], lockOwner = false, first }: OnCalendar = {},
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const [seen] = await ctx.db.select().from(bookings).where(eq(bookings.id, id))
    if (!seen) throw notFound('booking')
    const calendars = [...new Set([...also, ...(seen.spaceId ? [seen.spaceId] : [])])]
    try {
      return await changeCalendars(
        ctx,
        { first, person: lockOwner ? seen.userId : undefined, spaces: calendars },
        async (tx) => {
          const [found] = await tx
            .select({ row: bookings, now: sql`epoch_ms(clock_timestamp())`.mapWith(Number) })
            .from(bookings)
            .where(eq(bookings.id, id))
          if (!found || found.row.kind === 'event') throw notFound('booking')
          if (found.row.spaceId !== seen.spaceId) throw new Elsewhere()
          return run(tx, found.row, found.now)
        },
      )
    } catch (error) {
      if (!(error instanceof Elsewhere) || attempt >= 5) throw error
    }
  }
}
