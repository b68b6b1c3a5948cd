import type { Outputs } from '@coworkspace/client'

type Preference = Outputs['notifications']['preferences']['items'][number]

const categories: Record<Preference['category'], string> = {
  bookings: 'Bookings',
  reminders: 'Reminders',
  payments: 'Payments',
  reviews: 'Reviews',
  events: 'Events',
  loyalty: 'Points',
}
const kinds: Record<Preference['kind'], string> = {
  booking_requested: 'New booking request',
  booking_confirmed: 'Booking confirmed',
  booking_accepted: 'Request accepted',
  booking_declined: 'Request declined',
  booking_cancelled: 'Booking cancelled',
  booking_moved: 'Booking rescheduled',
  booking_no_show: 'No-show',
  booking_completed: 'Booking completed',
  reminder_day: '1 day before',
  reminder_hour: '1 hour before',
  payment_received: 'Payment received',
  payment_returned: 'Payment returned',
  refund_made: 'Refund issued',
  refund_failed: 'Refund failed',
  balance_declined: 'Balance payment declined',
  review_received: 'New review',
  review_answered: 'Reply to a review',
  event_place: 'Event seat confirmed',
  event_place_to_pay: 'Event seat available, payment due',
  event_place_lost: 'Event seat lost, not paid in time',
  event_changed: 'Event changed',
  event_cancelled: 'Event cancelled',
  event_reminder: 'Event reminder',
  event_passed_on: 'Event assigned to you',
  points_earned: 'Points earned',
  tier_reached: 'New tier reached',
}

export const notifications = {
  title: 'Notifications',
  bell: (count: number) => `Notifications, ${count} new`,
  unread: (count: number) => `${count} unread`,
  readAll: 'Mark all as read',
  read: 'Mark as read',
  isNew: 'New:',
  none: 'No notifications yet.',
  toBooking: 'View booking',
  toEvent: 'View event',
  preferences: 'Notification settings',
  preferencesText: 'Without “In app”, a notification is listed as read and does not pop up.',
  about: 'Topic',
  channels: { app: 'In app', email: 'Email', telegram: 'Telegram' },
  categories,
  kinds,
}
