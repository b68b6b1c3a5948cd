import type { SignedInContext } from '../../context'
import { statement } from '../../db/client'
import { type BookingRow, bookings } from '../../db/schema'
import { columnNames, rowFromValues } from '../../db/sql'
import { iso, MINUTE, type Millis, type Period } from '../../lib/time'
import type { SlotName } from '../../schemas/common'
import { type ChangeCause, topicOf } from '../../schemas/socket-messages'
import type { Claim, Rules } from '../calendar/availability'
import { claimedPeriod, publishChanges, slotUpdate } from '../calendar/change-calendars'
import { peekRules, rereadRules } from '../calendar/space-day'

/** The short path of holds and releases: one space, one unit, no service. `hold.ts` has the full path. */

export type SpaceClaimOutcome =
  | 'HELD'
  | 'AGAIN'
  | 'STALE_RULES'
  | 'NOT_SIGNED_IN'
  | 'SLOT_TAKEN'
  | 'SLOT_PAST'
  | 'TOO_MANY_HOLDS'

export type SpaceClaim = { rules: Rules; time: Period; priceMinor: number; notes: string | null }

const claimStatement = statement(`
  SELECT outcome, version, now, unit, claims, location, price, deposit, discount, currency, cancellation
  FROM claim_space($1, $2, $3, $4, $5, $6, tstzrange($5, $7), tstzrange($8, $9), $10, $11, $12, $13, $14)`)

type ClaimRow = [
  outcome: SpaceClaimOutcome,
  version: number,
  now: string,
  unit: number,
  claims: string | null,
  location: string,
  price: number,
  deposit: number,
  discount: number,
  currency: string,
  cancellation: BookingRow['cancellation'],
]

/**
 * Holds the lowest free unit of a space with the SQL function `claim_space` and publishes the change.
 * @param claim.rules the rules by which the time was quoted
 */
export async function claimSpace(
  ctx: SignedInContext,
  { rules, time, priceMinor, notes }: SpaceClaim,
): Promise<{ outcome: SpaceClaimOutcome; booking?: BookingRow }> {
  const { spaceId = '', rulesVersion } = rules
  const id = Bun.randomUUIDv7()
  const claimed = { from: time.from, to: time.to + rules.bufferMinutes * MINUTE }
  const window = withSlotAround(claimed, rules)
  const { HOLD_SECONDS, MAX_HOLDS_PER_PERSON } = ctx.env
  const [row] = (await claimStatement(ctx.db, [
    id,
    ctx.actor.id,
    spaceId,
    rulesVersion,
    iso(time.from),
    iso(time.to),
    iso(claimed.to),
    iso(window.from),
    iso(window.to),
    priceMinor,
    HOLD_SECONDS,
    MAX_HOLDS_PER_PERSON,
    notes,
    ctx.source,
  ])) as ClaimRow[]
  if (!row) throw new Error('claim_space returned no row')
  const [outcome, version, nowText, unit, claims, locationId, price, depositMinor, discountMinor] = row
  if (outcome !== 'HELD') return { outcome }
  const now = Number(nowText)
  const holdExpiresAt = now + HOLD_SECONDS * 1000
  const booking: BookingRow = {
    ...NEW_HOLD,
    id,
    userId: ctx.actor.id,
    locationId,
    spaceId,
    unit,
    startsAt: new Date(time.from),
    endsAt: new Date(time.to),
    claimed: rangeText(claimed),
    firstStartsAt: new Date(time.from),
    holdExpiresAt: new Date(holdExpiresAt),
    priceMinor: price,
    depositMinor,
    discountMinor,
    currency: row[9],
    cancellation: row[10],
    notes,
    source: ctx.source,
    createdAt: new Date(now),
    updatedAt: new Date(now),
  }
  publishSpaceChange(ctx, { booking, rules, version, now, cause: 'held' }, () => [
    ...parseClaims(claims),
    {
      ...claimed,
      unit,
      startsAt: time.from,
      endsAt: time.to,
      held: true,
      expiresAt: holdExpiresAt,
      userId: ctx.actor.id,
    },
  ])
  return { outcome, booking }
}

/** Everything that a new hold of a space has in common with every other one. */
const NEW_HOLD = {
  kind: 'booking',
  status: 'held',
  eventId: null,
  attendsEventId: null,
  specialistId: null,
  specialistUserId: null,
  serviceId: null,
  arrivedAt: null,
  answerHours: null,
  answerBy: null,
  paidMinor: 0,
  refundedMinor: 0,
  balanceDueMinor: 0,
  redeemedPoints: 0,
  pointsMinor: 0,
  bookedAt: null,
} as const satisfies Partial<BookingRow>

const releaseStatement = statement(`
  SELECT r.outcome, r.version, r.rules, r.now, r.claims, ${columnNames(bookings)
    .map((name) => `(r.booking).${name}`)
    .join(', ')}
  FROM release_space($1, $2, $3) r`)

type ReleaseRow = [
  outcome: 'RELEASED' | 'LONG_WAY',
  version: number,
  rulesVersion: number,
  now: string,
  claims: string | null,
  ...booking: unknown[],
]

/**
 * Releases the caller's hold on a slot of a space with the SQL function `release_space` and publishes the change. One round
 * trip, unless the rules changed in between.
 * @returns undefined if the full path must decide: no such hold, a payment was started, or not known to be a space
 */
export async function releaseSpace(
  ctx: SignedInContext,
  { slotOf, startsAt }: SlotName,
): Promise<BookingRow | undefined> {
  const known = peekRules(ctx.db, slotOf)
  if (!known) return undefined
  const [row] = (await releaseStatement(ctx.db, [ctx.actor.id, slotOf, iso(startsAt)])) as ReleaseRow[]
  if (row?.[0] !== 'RELEASED') return undefined
  const [, version, rulesVersion, now, claims, ...values] = row
  const booking = rowFromValues<BookingRow>(bookings, values)
  const rules = known.rulesVersion === rulesVersion ? known : await rereadRules(ctx.db, slotOf)
  const change = { booking, rules, version, now: Number(now), cause: 'released' as const }
  publishSpaceChange(ctx, change, () => parseClaims(claims))
  return booking
}

type SpaceChange = {
  booking: BookingRow
  rules: Rules | undefined
  version: number
  now: Millis
  cause: ChangeCause
}

/** The update is rendered only if somebody can receive it. */
function publishSpaceChange(
  ctx: SignedInContext,
  { booking, rules, version, now, cause }: SpaceChange,
  claims: () => Claim[],
): void {
  if (rules)
    ctx.publish(topicOf.calendar(rules), () => {
      const change = { fromVersion: version - 1, now, touched: [claimedPeriod(booking)], claims: claims() }
      return slotUpdate({ ...change, rules: { ...rules, version } }, cause)
    })
  publishChanges(ctx, { changes: [], bookings: [booking] })
}

/** Every claim that a slot touched by this period can meet. */
function withSlotAround({ from, to }: Period, { slotMinutes, bufferMinutes }: Rules): Period {
  const reach = (slotMinutes + bufferMinutes) * MINUTE
  return { from: from - reach, to: to + reach }
}

/** Reads `{{unit,from,to,starts,ends,holdEnds},…}`, PostgreSQL's text of an array. */
function parseClaims(text: string | null): Claim[] {
  if (text === null) return []
  const rows: number[][] = JSON.parse(text.replaceAll('{', '[').replaceAll('}', ']'))
  return rows.map(([unit = 0, from = 0, to = 0, startsAt = 0, endsAt = 0, holdEnd = 0]) => ({
    unit,
    from,
    to,
    startsAt,
    endsAt,
    held: holdEnd > 0,
    expiresAt: holdEnd > 0 ? holdEnd : null,
    // Not part of an update, which looks the same to everyone.
    userId: '',
  }))
}

/** As PostgreSQL writes a range. */
const rangeText = ({ from, to }: Period) => `["${pgInstant(from)}","${pgInstant(to)}")`
const pgInstant = (at: Millis) => iso(at).replace('T', ' ').replace('Z', '+00')
