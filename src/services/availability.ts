import type { Reason } from '../errors'
import { slotIdOf } from '../shapes/common'
import type { Board, Slot } from '../shapes/slots'
import {
  addDays,
  DAY,
  dateAt,
  instantOf,
  iso,
  MINUTE,
  type Millis,
  overlap,
  type Period,
  weekdayOf,
} from '../time'

/** A local opening of every such weekday. `closesAt` at or before `opensAt` means the next day. */
export type OpeningHours = { weekday: number; opensAt: string; closesAt: string }

/** By which rules the times of a calendar can be had. What `space_rules` in the database answers. */
export type Rules = {
  spaceId: string
  locationId: string
  timeZone: string
  units: number
  slotMinutes: number
  bufferMinutes: number
  maxSlots: number
  minNoticeMinutes: number
  maxNoticeDays: number
  priceMinor: number
  currency: string
  version: number
  rulesVersion: number
  hours: OpeningHours[]
  closures: Period[]
}

/** What occupies one unit of a calendar over `[from, to)`: a booking with the buffer behind it. */
export type Claim = Period & {
  unit: number
  startsAt: Millis
  endsAt: Millis
  held: boolean
  expiresAt: Millis | null
  userId: string
}

/** Everything that decides whether a time can be had. */
export type Calendar = { rules: Rules; claims: Claim[]; now: Millis }

/**
 * Whether a time can be had, and if not, why: the one rule for boards, search, hold, create and reschedule.
 * The checks stand in the order in which a person would want to hear of them.
 * @returns null where it can be had; else SLOT_PAST, SLOT_CLOSED, OFF_GRID, TOO_LONG, TOO_LATE, TOO_EARLY or SLOT_TAKEN
 */
export function whyNot({ rules, claims, now }: Calendar, time: Period): Reason | null {
  return whyNotByRules(rules, time, now) ?? (freeUnits(rules, claims, time) > 0 ? null : 'SLOT_TAKEN')
}

/** The part of `whyNot` that does not ask who else wants the time: what stands before the lock decides. */
export function whyNotByRules(rules: Rules, time: Period, now: Millis): Reason | null {
  if (time.from <= now) return 'SLOT_PAST'
  return whyNotOnGrid(rules, time) ?? whyNotNow(rules, time, now)
}

/** Notice and closures: what can refuse a time that is a row of whole slots. */
function whyNotNow(rules: Rules, time: Period, now: Millis): Reason | null {
  if (rules.closures.some((closure) => overlap(closure, time))) return 'SLOT_CLOSED'
  if (time.from < now + rules.minNoticeMinutes * MINUTE) return 'TOO_LATE'
  if (time.from > now + rules.maxNoticeDays * DAY) return 'TOO_EARLY'
  return null
}

/** A time must be a row of whole slots, each beginning where the last one ends. */
function whyNotOnGrid(rules: Rules, time: Period): Reason | null {
  const step = rules.slotMinutes * MINUTE
  if (time.to - time.from > rules.maxSlots * step) return 'TOO_LONG'
  for (let at = time.from; at < time.to; at += step) {
    const opening = openingAt(rules, at)
    if (!opening) return 'SLOT_CLOSED'
    if ((at - opening.from) % step !== 0) return 'OFF_GRID'
    if (at + step > opening.to) return 'SLOT_CLOSED'
    if (at + step > time.to) return 'OFF_GRID'
  }
  return null
}

/**
 * How many units nobody claims over the whole time. The time's own buffer counts: a slot is free where a hold of it
 * would be accepted.
 */
export function freeUnits(rules: Rules, claims: Claim[], time: Period): number {
  const busy = new Set<number>()
  for (const claim of claimsOver(rules, claims, time)) busy.add(claim.unit)
  return rules.units - busy.size
}

function claimsOver(rules: Rules, claims: Claim[], time: Period): Claim[] {
  const claimed = { from: time.from, to: time.to + rules.bufferMinutes * MINUTE }
  return claims.filter((claim) => claim.unit <= rules.units && overlap(claim, claimed))
}

/** The slots of a local date, in order: a grid in elapsed time from each opening, without a remainder that is shorter. */
export function slotsOfDate(rules: Rules, date: string): Period[] {
  const step = rules.slotMinutes * MINUTE
  const slots: Period[] = []
  for (const opening of openingsOf(rules, date)) {
    for (let from = opening.from; from + step <= opening.to; from += step)
      slots.push({ from, to: from + step })
  }
  return slots
}

/**
 * The openings of a local date, in order. One that would run into the next (as hours around a change of clocks can)
 * ends where that begins, so no two slots ever overlap.
 */
export function openingsOf(rules: Pick<Rules, 'hours' | 'timeZone'>, date: string): Period[] {
  const own = rawOpenings(rules, date)
  if (own.length === 0) return own
  const following = [...own.slice(1), ...rawOpenings(rules, addDays(date, 1)).slice(0, 1)]
  return own.map((opening, index) => {
    const next = following[index]
    return next && next.from < opening.to ? { from: opening.from, to: next.from } : opening
  })
}

function rawOpenings({ hours, timeZone }: Pick<Rules, 'hours' | 'timeZone'>, date: string): Period[] {
  const weekday = weekdayOf(date)
  return hours
    .filter((row) => row.weekday === weekday)
    .map(({ opensAt, closesAt }) => ({
      from: instantOf(date, opensAt, timeZone),
      to: instantOf(closesAt <= opensAt ? addDays(date, 1) : date, closesAt, timeZone),
    }))
    .filter(({ from, to }) => from < to)
    .sort((a, b) => a.from - b.from)
}

/**
 * The opening that holds an instant. Hours may run past midnight, and belong to the date on which they began; where clocks
 * change at midnight, they may run into the date after the next.
 */
function openingAt(rules: Rules, at: Millis): Period | undefined {
  const today = dateAt(at, rules.timeZone)
  for (const date of [today, addDays(today, -1), addDays(today, -2)]) {
    const opening = openingsOf(rules, date).find(({ from, to }) => from <= at && at < to)
    if (opening) return opening
  }
  return undefined
}

/** One slot as a board shows it, to the person given. The first status that applies, in the order of the type. */
export function renderSlot({ rules, claims, now }: Calendar, slot: Period, me?: string): Slot {
  const over = claimsOver(rules, claims, slot)
  const past = slot.from <= now
  const reason = past ? null : whyNotNow(rules, slot, now)
  const free = past || reason ? 0 : freeUnits(rules, over, slot)
  return {
    id: slotIdOf(rules.spaceId, slot.from),
    startsAt: iso(slot.from),
    endsAt: iso(slot.to),
    status: past ? 'past' : reason ? 'closed' : free > 0 ? 'free' : onlyHeld(over) ? 'held' : 'booked',
    reason,
    free,
    units: rules.units,
    heldByMe:
      me !== undefined &&
      claims.some(
        (claim) => claim.held && claim.userId === me && claim.startsAt < slot.to && slot.from < claim.endsAt,
      ),
    priceMinor: rules.priceMinor,
    currency: rules.currency,
  }
}

/** True where some unit is occupied by nothing but holds: it may come back within minutes. */
function onlyHeld(claims: Claim[]): boolean {
  const booked = new Set(claims.filter((claim) => !claim.held).map((claim) => claim.unit))
  return claims.some((claim) => !booked.has(claim.unit))
}

/** A day as people look at it. */
export function renderBoard(calendar: Calendar, date: string, me?: string): Board {
  const { spaceId, timeZone, version } = calendar.rules
  const slots = slotsOfDate(calendar.rules, date).map((slot) => renderSlot(calendar, slot, me))
  return { spaceId, specialistId: null, date, timeZone, version, slots }
}

/** The slots that a change of `touched` may have changed, on whichever dates: what followers of a board must hear. */
export function renderTouchedSlots(calendar: Calendar, touched: Period[]): Slot[] {
  const { rules } = calendar
  const reach = (rules.slotMinutes + rules.bufferMinutes) * MINUTE
  const slots = new Map<Millis, Slot>()
  for (const { from, to } of touched) {
    const lastDate = dateAt(to, rules.timeZone)
    for (
      let date = addDays(dateAt(from - reach, rules.timeZone), -2);
      date <= lastDate;
      date = addDays(date, 1)
    ) {
      for (const slot of slotsOfDate(rules, date)) {
        const claimed = { from: slot.from, to: slot.to + rules.bufferMinutes * MINUTE }
        if (overlap(claimed, { from, to })) slots.set(slot.from, renderSlot(calendar, slot))
      }
    }
  }
  return [...slots.values()].sort((a, b) => (a.startsAt < b.startsAt ? -1 : 1))
}

/**
 * The next moment at which the clock alone changes a board: a slot begins, comes within notice, or a hold ends.
 * @returns Infinity where nothing will
 */
export function nextChangeByClock({ rules, claims, now }: Calendar, date: string): Millis {
  const moments = slotsOfDate(rules, date).flatMap((slot) => [
    slot.from,
    // At this moment itself the notice is still long enough.
    slot.from - rules.minNoticeMinutes * MINUTE + 1,
    slot.from - rules.maxNoticeDays * DAY,
  ])
  for (const claim of claims) if (claim.held && claim.expiresAt !== null) moments.push(claim.expiresAt)
  return Math.min(...moments.filter((moment) => moment > now), Number.POSITIVE_INFINITY)
}
