import { and, eq, or, sql } from 'drizzle-orm'
import type { SignedInContext } from '../../context'
import { prepared, type Tx } from '../../db/client'
import { type BookingRow, bookings } from '../../db/schema'
import { rowFromJson } from '../../db/sql'
import { AppError, notFound } from '../../errors'
import { iso } from '../../lib/time'
import { type Booking, bookingView } from '../../schemas/bookings'
import type { SlotName } from '../../schemas/common'
import { calendarId } from '../../schemas/slots'
import { type CalendarChange, publishChanges } from '../calendar/change-calendars'
import { type Quote, quoteTime, RULES_TAG, type TimeRequest, timeRefusal } from './quote'

type HoldRequest = TimeRequest & { notes?: string | undefined }

/** Rules that change at every attempt are being edited by hand: the person may as well try again himself. */
const ATTEMPTS = 5

/**
 * Holds a time for this person, for HOLD_SECONDS: whole slots of a space in a row, any free unit, the buffer behind it; or a
 * service, which is the specialist and, where it needs one, a room: both or neither. The rules of the time are decided
 * here; who gets it is decided in the database, by one statement.
 * @param wish without `endsAt` it is one slot
 * @throws NOT_FOUND, VALIDATION, SLOT_PAST, SLOT_CLOSED, OFF_GRID, TOO_LONG, TOO_LATE, TOO_EARLY, SLOT_TAKEN,
 *   TOO_MANY_HOLDS, NOT_SIGNED_IN where the person is gone
 */
export async function holdTime(ctx: SignedInContext, wish: HoldRequest): Promise<Booking> {
  try {
    const booking = await tryToHold(ctx, wish)
    ctx.metrics.countHold('HELD')
    return booking
  } catch (error) {
    ctx.metrics.countHold(error instanceof AppError ? error.reason : 'FAILED')
    throw error
  }
}

async function tryToHold(ctx: SignedInContext, { notes, ...wish }: HoldRequest): Promise<Booking> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const plan = await quoteTime(ctx.db, wish, ctx.actor.id, attempt === 1 ? ctx.cache : undefined)
    const { outcome, booking } = await claimQuote(ctx, plan, { notes, again: attempt > 1 })
    if (outcome === 'HELD' && booking) return bookingView(booking)
    if (outcome === 'STALE_RULES') ctx.cache.forget(RULES_TAG)
    else if (outcome !== 'AGAIN') throw claimRefusal(outcome)
  }
  throw new AppError('IN_PROGRESS', 'The rules of this time are being changed. Please try again.')
}

type ClaimOutcome =
  | 'HELD'
  | 'AGAIN'
  | 'STALE_RULES'
  | 'NOT_FOUND'
  | 'NOT_SIGNED_IN'
  | 'SLOT_TAKEN'
  | 'SLOT_PAST'
  | 'TOO_MANY_HOLDS'
type ClaimRow = {
  outcome: ClaimOutcome
  booking: Record<string, unknown> | null
  expired: Record<string, unknown>[] | null
  changes: CalendarChange[] | null
}

const claimQuery = prepared((db) =>
  db
    .select({
      outcome: sql<ClaimOutcome>`c.outcome`,
      booking: sql<ClaimRow['booking']>`c.booking`,
      expired: sql<ClaimRow['expired']>`c.expired`,
      changes: sql<ClaimRow['changes']>`c.changes`,
    })
    .from(
      sql`claim(${sql.placeholder('id')}::uuid, ${sql.placeholder('userId')}::uuid, ${sql.placeholder('spaces')}::uuid[],
        ${sql.placeholder('prices')}::integer[], ${sql.placeholder('serviceId')}::uuid,
        ${sql.placeholder('startsAt')}::timestamptz, ${sql.placeholder('endsAt')}::timestamptz, ${sql.placeholder('rules')}::text::jsonb,
        ${sql.placeholder('holdSeconds')}::int, ${sql.placeholder('maxHolds')}::int, ${sql.placeholder('notes')}::text, ${sql.placeholder('again')}::boolean,
        ${sql.placeholder('source')}::text) AS c`,
    )
    .prepare('claim'),
)

/** Looks, locks and claims in one round trip, then tells what was committed: the claim, and stale holds that it ended. */
async function claimQuote(
  ctx: SignedInContext,
  plan: Quote,
  { notes, again }: { notes: string | undefined; again: boolean },
): Promise<{ outcome: ClaimOutcome; booking: BookingRow | undefined }> {
  const [claim] = await claimQuery(ctx.db).execute({
    id: Bun.randomUUIDv7(),
    userId: ctx.actor.id,
    spaces: `{${plan.spaces.join()}}`,
    prices: `{${plan.prices.join()}}`,
    serviceId: plan.serviceId,
    startsAt: iso(plan.time.from),
    endsAt: iso(plan.time.to),
    rules: JSON.stringify(plan.rules),
    holdSeconds: ctx.env.HOLD_SECONDS,
    maxHolds: ctx.env.MAX_HOLDS_PER_PERSON,
    notes: notes ?? null,
    again,
    source: ctx.source,
  })
  if (!claim) throw new Error('the claim gave no row')
  const read = (json: Record<string, unknown>) => rowFromJson<BookingRow>(bookings, json)
  const booking = claim.booking ? read(claim.booking) : undefined
  publishChanges(ctx, {
    changes: (claim.changes ?? []).map((change) => ({
      change,
      cause: occupies(change, booking) ? 'held' : 'expired',
    })),
    bookings: [...(claim.expired ?? []).map(read), ...(booking ? [booking] : [])],
  })
  return { outcome: claim.outcome, booking }
}

/** Whether the claim itself is on this calendar; another one was only left by a stale hold. */
function occupies({ rules }: CalendarChange, booking: BookingRow | undefined): boolean {
  if (rules === null || booking === undefined) return false
  return [booking.spaceId, booking.specialistId].includes(calendarId(rules))
}

function claimRefusal(outcome: ClaimOutcome): AppError {
  switch (outcome) {
    case 'NOT_FOUND':
      return notFound('service')
    case 'NOT_SIGNED_IN':
      return new AppError('NOT_SIGNED_IN', 'This account no longer exists.')
    case 'TOO_MANY_HOLDS':
      return new AppError(
        'TOO_MANY_HOLDS',
        'You hold too many times already. Book or release one of them first.',
      )
    case 'SLOT_TAKEN':
    case 'SLOT_PAST':
      return timeRefusal(outcome)
    default:
      throw new Error(`an outcome nobody expects: ${outcome}`)
  }
}

type ReleaseOutcome = 'RELEASED' | 'NOT_HELD' | 'MONEY'
const releaseQuery = prepared((db) =>
  db
    .select({
      outcome: sql<ReleaseOutcome>`r.outcome`,
      booking: sql<ClaimRow['booking']>`r.booking`,
      changes: sql<ClaimRow['changes']>`r.changes`,
    })
    .from(
      sql`release_hold(${sql.placeholder('userId')}::uuid, ${sql.placeholder('slotOf')}::uuid, ${sql.placeholder('at')}::timestamptz) AS r`,
    )
    .prepare('release'),
)

/**
 * Gives the hold that this person has on a slot back in one round trip, where nothing was begun to be paid for it.
 * @returns undefined where there is no such hold, or there is money to look at
 */
export async function releaseUnpaidHold(
  ctx: SignedInContext,
  { slotOf, startsAt }: SlotName,
): Promise<Booking | undefined> {
  const [release] = await releaseQuery(ctx.db).execute({ userId: ctx.actor.id, slotOf, at: iso(startsAt) })
  if (!release?.booking) return undefined
  const row = rowFromJson<BookingRow>(bookings, release.booking)
  publishChanges(ctx, {
    changes: (release.changes ?? []).map((change) => ({ change, cause: 'released' })),
    bookings: [row],
  })
  return bookingView(row)
}

/** Places at events are holds too. The person must be locked. @throws TOO_MANY_HOLDS */
export async function assertHoldLimit({ actor, env }: SignedInContext, tx: Tx): Promise<void> {
  const holds = await tx.$count(
    bookings,
    sql`${bookings.userId} = ${actor.id} AND ${bookings.status} = 'held' AND ${bookings.holdExpiresAt} > clock_timestamp()`,
  )
  if (holds >= env.MAX_HOLDS_PER_PERSON) throw claimRefusal('TOO_MANY_HOLDS')
}

/**
 * The hold that this person has on a slot.
 * @throws HOLD_EXPIRED where the last one has ended, NOT_FOUND where there never was one
 */
export async function findHold(ctx: SignedInContext, slot: SlotName): Promise<BookingRow> {
  const rows = await ctx.db
    .select({ row: bookings, live: sql<boolean>`${bookings.holdExpiresAt} > clock_timestamp()` })
    .from(bookings)
    .where(
      and(
        or(eq(bookings.spaceId, slot.slotOf), eq(bookings.serviceId, slot.slotOf)),
        eq(bookings.userId, ctx.actor.id),
        sql`${bookings.status} IN ('held', 'expired')`,
        sql`${bookings.startsAt} <= ${iso(slot.startsAt)} AND ${bookings.endsAt} > ${iso(slot.startsAt)}`,
      ),
    )
    .orderBy(sql`${bookings.status} = 'held' DESC, ${bookings.holdExpiresAt} DESC, ${bookings.id} DESC`)
    .limit(1)
  const [found] = rows
  if (!found) throw new AppError('NOT_FOUND', 'You do not hold this slot.')
  if (found.row.status !== 'held' || !found.live) throw holdExpired()
  return found.row
}

export const holdExpired = () =>
  new AppError('HOLD_EXPIRED', 'The hold has ended. The time may still be free: hold it again.')
