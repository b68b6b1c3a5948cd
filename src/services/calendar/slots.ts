import { addDays, DAY, dateAt, iso, MINUTE, type Millis, overlap, type Period } from '../../lib/time'
import { slotIdOf } from '../../schemas/common'
import { type Board, calendarId, type Slot } from '../../schemas/slots'
import {
  availableUnits,
  type Calendar,
  type Claim,
  forService,
  freeRoom,
  freeUnits,
  openRooms,
  overlappingClaims,
  type Rules,
  roomPrice,
  roomUnavailableReason,
  slotsOfDate,
  unavailableReasonNow,
} from './availability'

export function renderBoard(calendar: Calendar, date: string, me?: string): Board {
  const { spaceId = null, specialistId = null, serviceId, timeZone, version } = calendar.rules
  const slots = gridOf(calendar.rules, date).map((slot) => renderSlot(calendar, slot, me))
  return { spaceId, specialistId, ...(serviceId && { serviceId }), date, timeZone, version, slots }
}

/** Renders the slots that a change of `touched` may have changed, on the general grid and on each service's grid. */
export function renderChangedSlots(calendar: Calendar, touched: Period[]): Slot[] {
  const services = (calendar.rules.services ?? []).flatMap(
    ({ serviceId }) => forService(calendar, serviceId) ?? [],
  )
  return [calendar, ...services].flatMap((grid) => renderTouchedSlots(grid, touched))
}

export function renderTouchedSlots(calendar: Calendar, touched: Period[]): Slot[] {
  const { rules } = calendar
  const rooms = (rules.room && calendar.rooms) || []
  const bufferMinutes = Math.max(rules.bufferMinutes, ...rooms.map((room) => room.rules.bufferMinutes))
  const reach = (rules.slotMinutes + bufferMinutes) * MINUTE
  const slots = new Map<Millis, Slot>()
  for (const { from, to } of touched) {
    const lastDate = dateAt(to, rules.timeZone)
    for (
      let date = addDays(dateAt(from - reach, rules.timeZone), -2);
      date <= lastDate;
      date = addDays(date, 1)
    ) {
      for (const slot of slotsOfDate(rules, date)) {
        const claimed = { from: slot.from, to: slot.to + bufferMinutes * MINUTE }
        if (overlap(claimed, { from, to }))
          slots.set(slot.from, renderSlot(calendar, gridSlotOf(rules, slot)))
      }
    }
  }
  return [...slots.values()].sort((a, b) => (a.startsAt < b.startsAt ? -1 : 1))
}

/**
 * When time alone next changes the board: a slot starts or crosses a notice limit, or a hold ends.
 * @returns Infinity if it never does; now if rooms also decide the board, since their changes go to their own topics
 */
export function nextChangeByClock({ rules, claims, now }: Calendar, date: string): Millis {
  if (rules.room) return now
  const moments = slotsOfDate(rules, date).flatMap((slot) => [
    slot.from,
    // At the limit itself the notice is still long enough.
    slot.from - rules.minNoticeMinutes * MINUTE + 1,
    slot.from - rules.maxNoticeDays * DAY,
  ])
  for (const claim of claims) if (claim.held && claim.expiresAt !== null) moments.push(claim.expiresAt)
  return Math.min(...moments.filter((moment) => moment > now), Number.POSITIVE_INFINITY)
}

/** A slot with its texts, which are the same in every rendering. */
type GridSlot = Period & Pick<Slot, 'id' | 'startsAt' | 'endsAt'>

const gridSlotOf = (rules: Rules, slot: Period): GridSlot => ({
  ...slot,
  id: slotIdOf(rules.serviceId ?? calendarId(rules), slot.from),
  startsAt: iso(slot.from),
  endsAt: iso(slot.to),
})

/** The grids of the latest dates by the opening hours they follow from: formatting instants is a third of a rendering. */
const grids = new WeakMap<Rules['hours'], Map<string, GridSlot[]>>()
const MAX_DATES = 31

function gridOf(rules: Rules, date: string): GridSlot[] {
  const { hours, timeZone, slotMinutes, serviceId } = rules
  const byDate = grids.getOrInsertComputed(hours, () => new Map())
  if (byDate.size > MAX_DATES) byDate.clear()
  return byDate.getOrInsertComputed(`${date} ${timeZone} ${slotMinutes} ${serviceId}`, () =>
    slotsOfDate(rules, date).map((slot) => gridSlotOf(rules, slot)),
  )
}

function renderSlot(calendar: Calendar, slot: GridSlot, me?: string): Slot {
  const { rules, claims, now } = calendar
  const past = slot.from <= now
  const reason = past
    ? null
    : (unavailableReasonNow(rules, slot, now) ?? roomUnavailableReason(calendar, slot))
  const free = past || reason ? 0 : availableUnits(calendar, slot)
  const room = free > 0 && rules.room ? freeRoom(calendar, slot) : undefined
  return {
    id: slot.id,
    startsAt: slot.startsAt,
    endsAt: slot.endsAt,
    status: past
      ? 'past'
      : reason
        ? 'closed'
        : free > 0
          ? 'free'
          : mayComeBack(calendar, slot)
            ? 'held'
            : 'booked',
    reason,
    free,
    units: rules.units,
    taken: takenUnits(calendar, slot),
    heldByMe:
      me !== undefined && claims.some((claim) => claim.held && claim.userId === me && isDuring(claim, slot)),
    priceMinor: rules.priceMinor + (room ? roomPrice(room.rules, slot) : 0),
    currency: rules.currency,
  }
}

/** Counts units booked during the slot, without buffers. A service that needs a room is taken once every room is. */
function takenUnits(calendar: Calendar, slot: Period): number {
  const taken = unitsInUse(calendar, slot)
  if (taken > 0 || !calendar.rules.room) return taken
  const rooms = openRooms(calendar, slot)
  return rooms.length > 0 && rooms.every((room) => unitsInUse(room, slot) >= room.rules.units) ? 1 : 0
}

function unitsInUse({ rules, claims }: Pick<Calendar, 'rules' | 'claims'>, slot: Period): number {
  const taken = new Set<number>()
  for (const claim of claims) if (claim.unit <= rules.units && isDuring(claim, slot)) taken.add(claim.unit)
  return taken.size
}

/** Ignores the buffer. */
const isDuring = ({ startsAt, endsAt }: Claim, { from, to }: Period) => startsAt < to && from < endsAt

function mayComeBack(calendar: Calendar, slot: Period): boolean {
  const { rules, claims } = calendar
  const overlapping = overlappingClaims(rules, claims, slot)
  if (!rules.room) return onlyHeld(overlapping)
  if (overlapping.length > 0 && !onlyHeld(overlapping)) return false
  return openRooms(calendar, slot).some((room) => {
    const bufferMinutes = Math.max(rules.bufferMinutes, room.rules.bufferMinutes)
    const inRoom = overlappingClaims(room.rules, room.claims, slot, bufferMinutes)
    return freeUnits(room.rules, inRoom, slot, bufferMinutes) > 0 || onlyHeld(inRoom)
  })
}

/** True if some unit has no claims but holds, so that it may become free within minutes. */
function onlyHeld(claims: Claim[]): boolean {
  const booked = new Set(claims.filter((claim) => !claim.held).map((claim) => claim.unit))
  return claims.some((claim) => !booked.has(claim.unit))
}
