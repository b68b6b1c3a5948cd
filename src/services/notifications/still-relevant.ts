import type { NotificationRow } from '../../db/schema'
import type { BookingStatus } from '../../db/schema/bookings'
import type { Millis } from '../../lib/time'
import type { Event } from '../../schemas/events'
import type { NotificationKind } from '../../schemas/notifications'

/** The current state of the booking or event of a notification. */
export type Present = {
  now: Millis
  booking: { status: BookingStatus; startsAt: Date; balanceDueMinor: number } | null
  event: { startsAt: Date; mine: Event['mine']; creatorId: string | null } | null
}
type Check = (row: NotificationRow, present: Present) => boolean

const always: Check = () => true
const whileBooking =
  (...statuses: BookingStatus[]): Check =>
  (_, { booking }) =>
    booking !== null && statuses.includes(booking.status)
const atNotifiedTime: Check = ({ facts }, { booking, event }) =>
  (booking ?? event)?.startsAt.getTime() === facts.startsAt
const notBegun: Check = (_, { booking, event, now }) => Number((booking ?? event)?.startsAt) > now
const whileOwed: Check = (_, { booking }) => booking !== null && booking.balanceDueMinor > 0
const whileAttending: Check = (_, { event }) => event?.mine === 'attending'
const whileInvolved: Check = ({ userId }, { event }) =>
  event !== null && (event.mine !== null || event.creatorId === userId)
const whileNotAttending: Check = (_, { event }) => event?.mine === null
const whileEventExists: Check = (_, { event }) => event !== null
const all =
  (...checks: Check[]): Check =>
  (row, present) =>
    checks.every((check) => check(row, present))

const atSameTime = all(whileBooking('confirmed', 'completed', 'no_show'), atNotifiedTime)

/** The check for each kind. Final statuses and payments remain true. */
const CHECKS: Record<NotificationKind, Check> = {
  booking_requested: whileBooking('pending'),
  booking_confirmed: atSameTime,
  booking_accepted: atSameTime,
  booking_declined: always,
  booking_cancelled: always,
  booking_moved: atSameTime,
  booking_no_show: always,
  booking_completed: always,
  reminder_day: all(whileBooking('confirmed'), atNotifiedTime, notBegun),
  reminder_hour: all(whileBooking('confirmed'), atNotifiedTime, notBegun),
  payment_received: always,
  payment_returned: always,
  refund_made: always,
  refund_failed: always,
  balance_declined: whileOwed,
  review_received: always,
  review_answered: always,
  event_place: whileAttending,
  event_place_to_pay: whileBooking('held'),
  event_place_lost: whileNotAttending,
  event_changed: all(whileInvolved, atNotifiedTime),
  event_cancelled: always,
  event_reminder: all(whileAttending, atNotifiedTime, notBegun),
  event_passed_on: whileEventExists,
  points_earned: always,
  tier_reached: always,
}

/** Whether a notification is still true. One that was undone before its delivery is not delivered. */
export const isStillRelevant = (kind: NotificationKind, row: NotificationRow, present: Present): boolean =>
  CHECKS[kind](row, present)
