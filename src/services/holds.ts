import { and, eq, sql } from 'drizzle-orm'
import type { SignedInContext } from '../context'
import { type Db, prepared } from '../db/client'
import { type BookingRow, bookings, spaces } from '../db/schema'
import { AppError, notFound, type Reason } from '../errors'
import { type Booking, bookingView } from '../shapes/bookings'
import { iso, MINUTE, type Period } from '../time'
import { type Rules, whyNotByRules } from './availability'
import { type CalendarChange, multirange, rowFromJson, tell } from './calendar'

export type HoldInput = {
  spaceId: string
  startsAt: Date
  endsAt?: Date | undefined
  notes?: string | undefined
}

/** A space whose rules change at every attempt is being edited by hand: the person may as well try again himself. */
const ATTEMPTS = 5

/**
 * Holds a time for this person: whole slots in a row, any free unit, the buffer behind it, for HOLD_SECONDS.
 * The rules of the time are decided here; who gets it is decided in the database, by one statement.
 * @param input without `endsAt` it is one slot
 * @throws NOT_FOUND, VALIDATION, SLOT_PAST, SLOT_CLOSED, OFF_GRID, TOO_LONG, TOO_LATE, TOO_EARLY, SLOT_TAKEN,
 *   TOO_MANY_HOLDS, NOT_SIGNED_IN where the person is gone
 */
export async function holdSpace(ctx: SignedInContext, input: HoldInput): Promise<Booking> {
  try {
    const booking = await tryToHold(ctx, input)
    ctx.metrics.countHold('HELD')
    return booking
  } catch (error) {
    ctx.metrics.countHold(error instanceof AppError ? error.reason : 'FAILED')
    throw error
  }
}

async function tryToHold(ctx: SignedInContext, input: HoldInput): Promise<Booking> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const { rules, now } = await readRules(ctx.db, input)
    const time = timeOf(input, rules)
    const reason = whyNotByRules(rules, time, now)
    if (reason) throw refuseTime(reason)

    const claim = await claimSpace(ctx, input, time, rules.rulesVersion)
    if (claim.outcome === 'HELD' && claim.booking)
      return bookingView(rowFromJson<BookingRow>(bookings, claim.booking))
    if (claim.outcome !== 'STALE_RULES') throw refuseClaim(claim.outcome)
  }
  throw new AppError('IN_PROGRESS', 'The rules of this space are being changed. Please try again.')
}

/** One slot where no end is given. */
function timeOf({ startsAt, endsAt }: HoldInput, rules: Rules): Period {
  const from = startsAt.getTime()
  return { from, to: endsAt ? endsAt.getTime() : from + rules.slotMinutes * MINUTE }
}

const rulesQuery = prepared((db) =>
  db
    .select({
      rules: sql<Rules>`space_rules(${spaces.id}, ${sql.placeholder('window')}::tstzmultirange)`,
      now: sql<number>`epoch_ms(clock_timestamp())`.mapWith(Number),
    })
    .from(spaces)
    .where(eq(spaces.id, sql.placeholder('spaceId')))
    .prepare('rules'),
)

/** The rules of a space for one time, and what the database's clock says. */
async function readRules(db: Db, { spaceId, startsAt, endsAt }: HoldInput) {
  // Without an end it is one slot, and no slot is longer than a day.
  const to = endsAt && endsAt > startsAt ? endsAt.getTime() : startsAt.getTime() + 1440 * MINUTE
  const [row] = await rulesQuery(db).execute({
    spaceId,
    window: multirange([{ from: startsAt.getTime(), to }]),
  })
  if (!row?.rules) throw notFound('space')
  return row
}

type ClaimOutcome =
  | 'HELD'
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
  change: CalendarChange | null
}

const claimQuery = prepared((db) =>
  db
    .select({
      outcome: sql<ClaimOutcome>`c.outcome`,
      booking: sql<ClaimRow['booking']>`c.booking`,
      expired: sql<ClaimRow['expired']>`c.expired`,
      change: sql<ClaimRow['change']>`c.change`,
    })
    .from(
      sql`claim_space(${sql.placeholder('id')}::uuid, ${sql.placeholder('userId')}::uuid, ${sql.placeholder('spaceId')}::uuid,
        ${sql.placeholder('startsAt')}::timestamptz, ${sql.placeholder('endsAt')}::timestamptz, ${sql.placeholder('rulesVersion')}::int,
        ${sql.placeholder('holdSeconds')}::int, ${sql.placeholder('maxHolds')}::int, ${sql.placeholder('notes')}::text) AS c`,
    )
    .prepare('claim_space'),
)

/** Looks, locks and claims in one round trip, then tells what was committed: the claim, and stale holds that it ended. */
async function claimSpace(
  ctx: SignedInContext,
  input: HoldInput,
  time: Period,
  rulesVersion: number,
): Promise<ClaimRow> {
  const [claim] = await claimQuery(ctx.db).execute({
    id: Bun.randomUUIDv7(),
    userId: ctx.actor.id,
    spaceId: input.spaceId,
    startsAt: iso(time.from),
    endsAt: iso(time.to),
    rulesVersion,
    holdSeconds: ctx.env.HOLD_SECONDS,
    maxHolds: ctx.env.MAX_HOLDS_PER_PERSON,
    notes: input.notes ?? null,
  })
  if (!claim) throw new Error('claim_space gave no row')
  const changed = [...(claim.expired ?? []), ...(claim.booking ? [claim.booking] : [])]
  tell(ctx, {
    changes: claim.change ? [{ change: claim.change, cause: claim.booking ? 'held' : 'expired' }] : [],
    bookings: changed.map((json) => rowFromJson<BookingRow>(bookings, json)),
  })
  return claim
}

function refuseClaim(outcome: ClaimOutcome): AppError {
  switch (outcome) {
    case 'NOT_FOUND':
      return notFound('space')
    case 'NOT_SIGNED_IN':
      return new AppError('NOT_SIGNED_IN', 'This account no longer exists.')
    case 'TOO_MANY_HOLDS':
      return new AppError(
        'TOO_MANY_HOLDS',
        'You hold too many times already. Book or release one of them first.',
      )
    case 'SLOT_TAKEN':
    case 'SLOT_PAST':
      return refuseTime(outcome)
    default:
      throw new Error(`an outcome nobody expects: ${outcome}`)
  }
}

const TIME_REFUSALS: Partial<Record<Reason, string>> = {
  SLOT_TAKEN: 'Somebody else has this time.',
  SLOT_PAST: 'This time has already begun.',
  SLOT_CLOSED: 'The space is closed at this time.',
  OFF_GRID: 'A booking begins and ends where a slot does.',
  TOO_LONG: 'This is longer than the space can be booked at once.',
  TOO_LATE: 'This time is too soon: the space asks for more notice.',
  TOO_EARLY: 'This time is too far ahead to be booked yet.',
}

/** The refusal of a time, in words for a person. */
export const refuseTime = (reason: Reason): AppError =>
  new AppError(reason, TIME_REFUSALS[reason] ?? 'This time cannot be had.')

/**
 * The hold that this person has on a slot.
 * @throws HOLD_EXPIRED where the last one has ended, NOT_FOUND where there never was one
 */
export async function holdAt(
  ctx: SignedInContext,
  slot: { spaceId: string; startsAt: Date },
): Promise<BookingRow> {
  const rows = await ctx.db
    .select({ row: bookings, live: sql<boolean>`${bookings.holdExpiresAt} > clock_timestamp()` })
    .from(bookings)
    .where(
      and(
        eq(bookings.spaceId, slot.spaceId),
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
