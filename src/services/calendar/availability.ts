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

/** Opening hours in local time on a weekday. `closesAt` at or before `opensAt` means the next day. */
export type OpeningHours = { weekday: number; opensAt: string; closesAt: string }

/**
 * The booking rules of a calendar, as `space_rules` and `specialist_rules` return them. Each of a specialist's `services` is a
 * grid of its own on the same calendar.
 */
export type Rules = CalendarKey & {
  /** Set for the grid of one service, whose id the slot ids then contain. */
  serviceId?: string
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

export type Room = RoomNeed & { rules: Rules; claims: Claim[] }

/** A booking that occupies one unit over `[from, to)`, buffer included; `startsAt` and `endsAt` exclude the buffer. */
export type Claim = Period & {
  unit: number
  startsAt: Millis
  endsAt: Millis
  held: boolean
  expiresAt: Millis | null
  userId: string
}

export type Calendar = { rules: Rules; claims: Claim[]; now: Millis; rooms?: Room[] | null }

/** Applies the rules of one service; undefined if the specialist does not offer it. */
export function forService(calendar: Calendar, serviceId: string): Calendar | undefined {
  const service = calendar.rules.services?.find((offered) => offered.serviceId === serviceId)
  return service && { ...calendar, rules: { ...calendar.rules, ...service } }
}

/**
 * Decides if a time is available, for boards, search and bookings alike. The order of the checks decides which reason users see.
 * @returns null if the time is available, otherwise SLOT_PAST, SLOT_CLOSED, OFF_GRID, TOO_LONG, TOO_LATE, TOO_EARLY or SLOT_TAKEN
 */
export function unavailableReason(calendar: Calendar, time: Period): Reason | null {
  return (
    unavailableReasonByRules(calendar.rules, time, calendar.now) ??
    roomUnavailableReason(calendar, time) ??
    (availableUnits(calendar, time) > 0 ? null : 'SLOT_TAKEN')
  )
}

/** The part of `unavailableReason` that needs no claims, and so can be decided before the calendar is locked. */
export function unavailableReasonByRules(rules: Rules, time: Period, now: Millis): Reason | null {
  if (time.from <= now) return 'SLOT_PAST'
  return unavailableReasonOnGrid(rules, time) ?? unavailableReasonNow(rules, time, now)
}

/** Checks closures and notice, for a time that is known to be on the grid. */
export function unavailableReasonNow(rules: Rules, time: Period, now: Millis): Reason | null {
  if (rules.closures.some((closure) => overlap(closure, time))) return 'SLOT_CLOSED'
  if (time.from < now + rules.minNoticeMinutes * MINUTE) return 'TOO_LATE'
  if (time.from > now + rules.maxNoticeDays * DAY) return 'TOO_EARLY'
  return null
}

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

/** Counts the units that are free for the whole time and the buffer behind it, so that a hold would be accepted. */
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

/** Counts the free units; 0 or 1 if a room is needed as well. */
export function availableUnits(calendar: Calendar, time: Period): number {
  const { rules, claims } = calendar
  if (!rules.room) return freeUnits(rules, claims, time)
  return freeRoom(calendar, time) ? 1 : 0
}

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
 * Rooms of the kind and size that the service needs and that are open for the whole time, cheapest first. A room's own
 * grid, notice and maximum length only apply when it is booked alone.
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

/** In minor units. A started slot of the room is charged in full. */
export const roomPrice = ({ priceMinor, slotMinutes }: Rules, time: Period): number =>
  priceMinor * Math.ceil((time.to - time.from) / (slotMinutes * MINUTE))

export const roomUnavailableReason = (calendar: Calendar, time: Period): Reason | null =>
  calendar.rules.room && openRooms(calendar, time).length === 0 ? 'SLOT_CLOSED' : null

function isOpen(rules: Rules, time: Period): boolean {
  if (rules.closures.some((closure) => overlap(closure, time))) return false
  for (let at = time.from; at < time.to; ) {
    const opening = openingAt(rules, at)
    if (!opening) return false
    at = opening.to
  }
  return true
}

/** The slots of a local date, in order. The grid counts elapsed time from each opening; a shorter remainder is dropped. */
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
 * The openings of a local date, in order. An opening that would overlap the next one, as around a change of clocks, ends at
 * its start, so that slots never overlap.
 */
export function openingsOf(rules: Pick<Rules, 'hours' | 'timeZone'>, date: string): Period[] {
  const own = rawOpenings(rules, date)
  if (own.length === 0) return own
  // If clocks change at midnight, an opening may run over a closed day into the day after it.
  const later = rawOpenings(rules, addDays(date, 1))[0] ?? rawOpenings(rules, addDays(date, 2))[0]
  const following = [...own.slice(1), later]
  return own.map((opening, index) => {
    const next = following[index]
    return next && next.from < opening.to ? { from: opening.from, to: next.from } : opening
  })
}

/** Keyed by the array of hours, so that an entry lives as long as the cached rules. */
const openingsCache = new WeakMap<OpeningHours[], Map<string, Period[]>>()

function rawOpenings({ hours, timeZone }: Pick<Rules, 'hours' | 'timeZone'>, date: string): Period[] {
  return openingsCache
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

/** Hours belong to the date on which they began; if clocks change at midnight, they may end two dates later. */
function openingAt(rules: Rules, at: Millis): Period | undefined {
  const today = dateAt(at, rules.timeZone)
  for (const date of [today, addDays(today, -1), addDays(today, -2)]) {
    const opening = openingsOf(rules, date).find(({ from, to }) => from <= at && at < to)
    if (opening) return opening
  }
  return undefined
}
