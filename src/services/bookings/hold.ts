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
import { forgetRules } from '../calendar/space-day'
import { claimSpace, releaseSpace } from './claim-space'
import { type Quote, quoteTime, type TimeRequest, timeRefusal } from './quote'

type HoldRequest = TimeRequest & { notes?: string | undefined }

const MAX_ATTEMPTS = 5

/**
 * Holds a time for the caller for HOLD_SECONDS: consecutive slots of a space, or a service with its specialist and the room
 * it needs. Checks the rules; the SQL function `claim` decides between concurrent requests.
 * @param request without `endsAt`, one slot
 * @throws NOT_FOUND, VALIDATION, SLOT_PAST, SLOT_CLOSED, OFF_GRID, TOO_LONG, TOO_LATE, TOO_EARLY, SLOT_TAKEN,
 *   TOO_MANY_HOLDS, IN_PROGRESS, NOT_SIGNED_IN if the account was deleted
 */
export async function holdTime(ctx: SignedInContext, request: HoldRequest): Promise<Booking> {
  try {
    const booking = await tryToHold(ctx, request)
    ctx.metrics.countHold('HELD')
    return booking
  } catch (error) {
    ctx.metrics.countHold(error instanceof AppError ? error.reason : 'FAILED')
    throw error
  }
}

async function tryToHold(ctx: SignedInContext, { notes, ...request }: HoldRequest): Promise<Booking> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const quote = await quoteTime(ctx.db, request, ctx.actor.id, attempt === 1)
    const { outcome, booking } = await claimQuote(ctx, quote, { notes, again: attempt > 1 })
    if (outcome === 'HELD' && booking) return bookingView(booking)
    if (outcome === 'STALE_RULES') for (const id of quote.spaces) forgetRules(ctx.db, id)
    else if (outcome !== 'AGAIN') throw claimRefusal(outcome)
  }
  throw new AppError('IN_PROGRESS', 'The rules for this time are changing. Try again.')
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

type Claimed = { outcome: ClaimOutcome; booking?: BookingRow | undefined }
type ClaimOptions = { notes: string | undefined; again: boolean }

/** Takes the short path if one space is all that is needed, and the full one if a stale hold is in its way. */
async function claimQuote(ctx: SignedInContext, quote: Quote, options: ClaimOptions): Promise<Claimed> {
  const { spaceRules: rules, time, prices } = quote
  const [priceMinor] = prices
  if (!rules || priceMinor === undefined || options.again) return claimAny(ctx, quote, options)
  const claimed = await claimSpace(ctx, { rules, time, priceMinor, notes: options.notes ?? null })
  return claimed.outcome === 'AGAIN' ? claimAny(ctx, quote, options) : claimed
}

/** Claims with the SQL function `claim`, which handles services, rooms and stale holds. */
async function claimAny(
  ctx: SignedInContext,
  quote: Quote,
  { notes, again }: ClaimOptions,
): Promise<Claimed> {
  const [claim] = await claimQuery(ctx.db).execute({
    id: Bun.randomUUIDv7(),
    userId: ctx.actor.id,
    spaces: `{${quote.spaces.join()}}`,
    prices: `{${quote.prices.join()}}`,
    serviceId: quote.serviceId,
    startsAt: iso(quote.time.from),
    endsAt: iso(quote.time.to),
    rules: JSON.stringify(quote.rules),
    holdSeconds: ctx.env.HOLD_SECONDS,
    maxHolds: ctx.env.MAX_HOLDS_PER_PERSON,
    notes: notes ?? null,
    again,
    source: ctx.source,
  })
  if (!claim) throw new Error('claim returned no row')
  const parseRow = (json: Record<string, unknown>) => rowFromJson<BookingRow>(bookings, json)
  const booking = claim.booking ? parseRow(claim.booking) : undefined
  publishChanges(ctx, {
    changes: (claim.changes ?? []).map((change) => ({
      change,
      // A calendar without the new hold only lost a stale one.
      cause: occupies(booking, change) ? 'held' : 'expired',
    })),
    bookings: [...(claim.expired ?? []).map(parseRow), ...(booking ? [booking] : [])],
  })
  return { outcome: claim.outcome, booking }
}

function occupies(booking: BookingRow | undefined, { rules }: CalendarChange): boolean {
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
      return new AppError('TOO_MANY_HOLDS', 'You have too many holds. Book or release one first.')
    case 'SLOT_TAKEN':
    case 'SLOT_PAST':
      return timeRefusal(outcome)
    default:
      throw new Error(`unexpected claim outcome: ${outcome}`)
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
 * Releases the caller's hold if no payment was started.
 * @returns undefined if the caller has no hold on the slot or started a payment for it
 */
export async function releaseUnpaidHold(ctx: SignedInContext, slot: SlotName): Promise<Booking | undefined> {
  const booking = await releaseSpace(ctx, slot)
  return booking ? bookingView(booking) : releaseAny(ctx, slot)
}

/** Releases with the SQL function `release_hold`, which handles services and rooms. */
async function releaseAny(
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

/**
 * Checks the caller's number of holds, unpaid event seats included. The user's row must be locked.
 * @throws TOO_MANY_HOLDS
 */
export async function assertHoldLimit({ actor, env }: SignedInContext, tx: Tx): Promise<void> {
  const holds = await tx.$count(
    bookings,
    sql`${bookings.userId} = ${actor.id} AND ${bookings.status} = 'held' AND ${bookings.holdExpiresAt} > clock_timestamp()`,
  )
  if (holds >= env.MAX_HOLDS_PER_PERSON) throw claimRefusal('TOO_MANY_HOLDS')
}

/**
 * Finds the caller's hold on a slot.
 * @throws HOLD_EXPIRED if the latest hold has expired, NOT_FOUND if the caller never held the slot
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
  new AppError('HOLD_EXPIRED', 'This hold has expired. Try to hold the time again.')
