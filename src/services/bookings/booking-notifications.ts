import type { Actor } from '../../actor'
import type { BookingRow, BookingStatus } from '../../db/schema'
import type { KindAbout } from '../../schemas/notifications'
import type { By, Notice } from '../notifications/notify'

/** The kind of notice that each move of a booking gives; what is not here is nobody's news, such as a hold that ends. */
const KIND_OF_MOVE = {
  pending: 'booking_requested',
  confirmed: 'booking_confirmed',
  declined: 'booking_declined',
  cancelled: 'booking_cancelled',
  completed: 'booking_completed',
  no_show: 'booking_no_show',
} as const

/**
 * What both sides of a booking are told of a move: its customer and, where there is one, its specialist. Whoever made the
 * move is told as well: it is their record of it. A hold that is given back or ends is no news, and what an event claims is
 * nobody's booking.
 * @param moved the booking as it stands after the move
 */
export function transitionNotifications(
  moved: BookingRow,
  { from, by, refundMinor = 0 }: { from: BookingStatus; by: By; refundMinor?: number },
): Notice[] {
  const { status } = moved
  if (moved.kind === 'event') return []
  if (status === 'held' || status === 'expired' || (status === 'cancelled' && from === 'held')) return []
  // It asks for a review, and events have none.
  if (status === 'completed' && moved.kind === 'attendance') return []
  const kind = status === 'confirmed' && from === 'pending' ? 'booking_accepted' : KIND_OF_MOVE[status]
  const money = refundMinor > 0 ? { amountMinor: refundMinor, currency: moved.currency } : {}
  return forBothSides(moved, { kind, bookingId: moved.id, source: moved.id, by, ...money })
}

/** What both sides are told of a booking that has another time now. */
export const rescheduleNotifications = (former: BookingRow, moved: BookingRow): Notice[] =>
  forBothSides(moved, {
    kind: 'booking_moved',
    bookingId: moved.id,
    source: `${moved.id}:${moved.updatedAt.getTime()}`,
    by: 'customer',
    formerly: former.startsAt,
  })

/** What both sides are told of money that has moved for a booking, or could not. */
export const paymentNotifications = (
  row: BookingRow,
  money: { kind: KindAbout<'money'>; source: string; amountMinor: number; currency: string },
): Notice[] => forBothSides(row, { ...money, bookingId: row.id })

type ToBoth<N = Notice> = N extends Notice ? Omit<N, 'userId'> : never

function forBothSides({ userId, specialistUserId }: BookingRow, notice: ToBoth): Notice[] {
  const people = new Set([userId, specialistUserId].filter((id) => id !== null))
  return [...people].map((id) => ({ ...notice, userId: id }))
}

/** On which side of a booking an actor has acted. */
export function sideOf(actor: Actor, row: Pick<BookingRow, 'userId' | 'specialistUserId'>): By {
  if (actor.kind === 'payment') return 'customer'
  if (actor.kind !== 'user') return 'clock'
  if (actor.id === row.userId) return 'customer'
  return actor.id === row.specialistUserId ? 'specialist' : 'operator'
}
