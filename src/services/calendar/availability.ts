import type { Reason } from '../../errors'
import {
  addDays,
  DAY,
  dateAt,
  instantOf,
  MINUTE,
  type Millis,
  overlap,
  type Period,
  weekdayOf,
} from '../../lib/time'
import { type CalendarKey, calendarId } from '../../schemas/slots'

/** A local opening of every such weekday. `closesAt` at or before `opensAt` means the next day. */
export type OpeningHours = { weekday: number; opensAt: string; closesAt: string }

/**
 * By which rules the times of a calendar can be had. What `space_rules` in the database answers; `specialist_rules` adds
 * the services, each of which is a grid of its own on the same calendar.
 */
export type Rules = CalendarKey & {
  /** The service whose times these are; its slots are named after it. */
  serviceId?: string
  /** The room that each of these times needs besides. */
  room?: RoomNeed | null
  services?: ServiceTimes[]
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

type RoomNeed = { kind: string; capacity: number }
type ServiceTimes = Required<
  Pick<Rules, 'serviceId' | 'room' | 'slotMinutes' | 'bufferMinutes' | 'priceMinor' | 'currency'>
>

/** A room that a service may need, with everything that decides whether it can be had. */
export type Room = RoomNeed & { rules: Rules; claims: Claim[] }

/** What occupies one unit of a calendar over `[from, to)`: a booking with the buffer behind it. */
export type Claim = Period & {
  unit: number
  startsAt: Millis
  endsAt: Millis
  held: boolean
  expiresAt: Millis | null
  userId: string
}

/** Everything that decides whether a time can be had. `rooms` are those that a specialist's services may need. */
export type Calendar = { rules: Rules; claims: Claim[]; now: Millis; rooms?: Room[] | null }

/** The calendar by the rules of one service; undefined where it has no such service. */
export function forService(calendar: Calendar, serviceId: string): Calendar | undefined {
  const service = calendar.rules.services?.find((offered) => offered.serviceId === serviceId)
  return service && { ...calendar, rules: { ...calendar.rules, ...service } }
}

/**
 * Whether a time can be had, and if not, why: the one rule for boards, search, hold, create and reschedule.
 * The checks stand in the order in which a person would want to hear of them.
 * @returns null where it can be had; else SLOT_PAST, SLOT_CLOSED, OFF_GRID, TOO_LONG, TOO_LATE, TOO_EARLY or SLOT_TAKEN
 */
export function unavailableReason(calendar: Calendar, time: Period): Reason | null {
  return (
    unavailableReasonByRules(calendar.rules, time, calendar.now) ??
    roomUnavailableReason(calendar, time) ??
    (availableUnits(calendar, time) > 0 ? null : 'SLOT_TAKEN')
  )
}

/** The part of `whyNot` that does not ask who else wants the time: what stands before the lock decides. */
export function unavailableReasonByRules(rules: Rules, time: Period, now: Millis): Reason | null {
  if (time.from <= now) return 'SLOT_PAST'
  return unavailableReasonOnGrid(rules, time) ?? unavailableReasonNow(rules, time, now)
}

/** Notice and closures: what can refuse a time that is a row of whole slots. */
export function unavailableReasonNow(rules: Rules, time: Period, now: Millis): Reason | null {
  if (rules.closures.some((closure) => overlap(closure, time))) return 'SLOT_CLOSED'
  if (time.from < now + rules.minNoticeMinutes * MINUTE) return 'TOO_LATE'
  if (time.from > now + rules.maxNoticeDays * DAY) return 'TOO_EARLY'
  return null
}

/** A time must be a row of whole slots, each beginning where the last one ends. */
function unavailableReasonOnGrid(rules: Rules, time: Period): Reason | null {
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
export function freeUnits(
  rules: Rules,
  claims: Claim[],
  time: Period,
  bufferMinutes = rules.bufferMinutes,
): number {
  const busy = new Set<number>()
  for (const claim of overlappingClaims(rules, claims, time, bufferMinutes)) busy.add(claim.unit)
  return rules.units - busy.size
}

export function overlappingClaims(
  rules: Rules,
  claims: Claim[],
  time: Period,
  bufferMinutes = rules.bufferMinutes,
): Claim[] {
  const claimed = { from: time.from, to: time.to + bufferMinutes * MINUTE }
  return claims.filter((claim) => claim.unit <= rules.units && overlap(claim, claimed))
}

/** How many units can be had; where a room is needed besides, whether both can. */
export function availableUnits(calendar: Calendar, time: Period): number {
  const { rules, claims } = calendar
  if (!rules.room) return freeUnits(rules, claims, time)
  return freeRoom(calendar, time) ? 1 : 0
}

/** The room that a claim of this time would get. */
export function freeRoom(calendar: Calendar, time: Period): Room | undefined {
  const { rules, claims } = calendar
  return openRooms(calendar, time).find((room) => {
    const bufferMinutes = Math.max(rules.bufferMinutes, room.rules.bufferMinutes)
    return (
      freeUnits(rules, claims, time, bufferMinutes) > 0 &&
      freeUnits(room.rules, room.claims, time, bufferMinutes) > 0
    )
  })
}

/**
 * The rooms that a service may take at a time, the cheapest first: of the kind and size it needs, and open throughout.
 * A room's own grid, notice and length are for those who book it alone.
 */
export function openRooms({ rules, rooms }: Calendar, time: Period): Room[] {
  const { room: need } = rules
  if (!need || !rooms) return []
  return rooms
    .filter(
      (room) =>
        room.kind === need.kind &&
        room.capacity >= need.capacity &&
        (room.rules.priceMinor === 0 || room.rules.currency === rules.currency) &&
        isOpen(room.rules, time),
    )
    .sort(
      (a, b) =>
        roomPrice(a.rules, time) - roomPrice(b.rules, time) ||
        a.capacity - b.capacity ||
        (calendarId(a.rules) < calendarId(b.rules) ? -1 : 1),
    )
}

/** The slots of a room that a time begins are paid whole. */
export const roomPrice = ({ priceMinor, slotMinutes }: Rules, time: Period): number =>
  priceMinor * Math.ceil((time.to - time.from) / (slotMinutes * MINUTE))

export const roomUnavailableReason = (calendar: Calendar, time: Period): Reason | null =>
  calendar.rules.room && openRooms(calendar, time).length === 0 ? 'SLOT_CLOSED' : null

/** Open throughout, wherever the grid stands. */
function isOpen(rules: Rules, time: Period): boolean {
  if (rules.closures.some((closure) => overlap(closure, time))) return false
  for (let at = time.from; at < time.to; ) {
    const opening = openingAt(rules, at)
    if (!opening) return false
    at = opening.to
  }
  return true
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
  // Where clocks change at midnight, an opening may run over a closed day into the one after it.
  const later = rawOpenings(rules, addDays(date, 1))[0] ?? rawOpenings(rules, addDays(date, 2))[0]
  const following = [...own.slice(1), later]
  return own.map((opening, index) => {
    const next = following[index]
    return next && next.from < opening.to ? { from: opening.from, to: next.from } : opening
  })
}

/** The openings of dates that were asked for, by the hours they follow from: rules that are remembered are asked again. */
const known = new WeakMap<OpeningHours[], Map<string, Period[]>>()

function rawOpenings({ hours, timeZone }: Pick<Rules, 'hours' | 'timeZone'>, date: string): Period[] {
  return known
    .getOrInsertComputed(hours, () => new Map())
    .getOrInsertComputed(`${date} ${timeZone}`, () => readOpenings({ hours, timeZone }, date))
}

function readOpenings({ hours, timeZone }: Pick<Rules, 'hours' | 'timeZone'>, date: string): Period[] {
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
