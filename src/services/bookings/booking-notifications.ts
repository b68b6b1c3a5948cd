import type { Actor } from '../../actor'
import type { BookingRow, BookingStatus } from '../../db/schema'
import type { KindAbout } from '../../schemas/notifications'
import type { By, Notice } from '../notifications/notify'

const KIND_BY_STATUS = {
  pending: 'booking_requested',
  confirmed: 'booking_confirmed',
  declined: 'booking_declined',
  cancelled: 'booking_cancelled',
  completed: 'booking_completed',
  no_show: 'booking_no_show',
} as const

/**
 * Notifications of a transition for the customer and the specialist, as a record also for the user that caused it. Released
 * and expired holds and the claims of events have none.
 * @param row the booking after the transition
 */
export function transitionNotifications(
  row: BookingRow,
  { from, by, refundMinor = 0 }: { from: BookingStatus; by: By; refundMinor?: number },
): Notice[] {
  const { status } = row
  if (row.kind === 'event') return []
  if (status === 'held' || status === 'expired' || (status === 'cancelled' && from === 'held')) return []
  // This notification asks for a review, and event seats have none.
  if (status === 'completed' && row.kind === 'attendance') return []
  const kind = status === 'confirmed' && from === 'pending' ? 'booking_accepted' : KIND_BY_STATUS[status]
  const money = refundMinor > 0 ? { amountMinor: refundMinor, currency: row.currency } : {}
  return forBothSides(row, { kind, bookingId: row.id, source: row.id, by, ...money })
}

export const rescheduleNotifications = (before: BookingRow, after: BookingRow): Notice[] =>
  forBothSides(after, {
    kind: 'booking_moved',
    bookingId: after.id,
    source: `${after.id}:${after.updatedAt.getTime()}`,
    by: 'customer',
    formerly: before.startsAt,
  })

export const paymentNotifications = (
  row: BookingRow,
  money: { kind: KindAbout<'money'>; source: string; amountMinor: number; currency: string },
): Notice[] => forBothSides(row, { ...money, bookingId: row.id })

type ToBoth<N = Notice> = N extends Notice ? Omit<N, 'userId'> : never

function forBothSides({ userId, specialistUserId }: BookingRow, notice: ToBoth): Notice[] {
  const userIds = new Set([userId, specialistUserId].filter((id) => id !== null))
  return [...userIds].map((id) => ({ ...notice, userId: id }))
}

/** The side of the booking on which the actor acts; a payment acts for the customer. */
export function sideOf(actor: Actor, row: Pick<BookingRow, 'userId' | 'specialistUserId'>): By {
  if (actor.kind === 'payment') return 'customer'
  if (actor.kind !== 'user') return 'clock'
  if (actor.id === row.userId) return 'customer'
  return actor.id === row.specialistUserId ? 'specialist' : 'operator'
}
