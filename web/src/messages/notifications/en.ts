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
/** What a person may be told: the compiler asks for the words of what is new. */
const kinds: Record<Preference['kind'], string> = {
  booking_requested: 'Somebody asks for a time',
  booking_confirmed: 'A booking is made',
  booking_accepted: 'A request is accepted',
  booking_declined: 'A request is declined',
  booking_cancelled: 'A booking is cancelled',
  booking_moved: 'A booking is moved',
  booking_no_show: 'Nobody came',
  booking_completed: 'A booking took place',
  reminder_day: 'A day before',
  reminder_hour: 'An hour before',
  payment_received: 'A payment has arrived',
  payment_returned: 'A payment is given back',
  refund_made: 'A refund is made',
  refund_failed: 'A refund has failed',
  balance_declined: 'The rest could not be charged',
  review_received: 'Somebody wrote a review',
  review_answered: 'A review was answered',
  event_place: 'You have a place at an event',
  event_place_to_pay: 'A place at an event is yours, to be paid',
  event_place_lost: 'A place at an event was not paid for in time',
  event_changed: 'An event has changed',
  event_cancelled: 'An event is cancelled',
  event_reminder: 'Before an event',
  event_passed_on: 'An event is yours now',
  points_earned: 'Points are earned',
  tier_reached: 'A new tier is reached',
}

export const notifications = {
  title: 'Notifications',
  bell: (count: number) => `Notifications, ${count} new`,
  unread: (count: number) => (count === 1 ? 'One is new.' : `${count} are new.`),
  readAll: 'Mark all as read',
  read: 'Mark as read',
  isNew: 'New:',
  none: 'Nobody has told you anything yet.',
  toBooking: 'See it',
  toEvent: 'See the event',
  preferences: 'What you are told, and where',
  preferencesText: 'Without “Here” it is listed as read and not shown as it happens.',
  about: 'About',
  channels: { app: 'Here', email: 'E-mail', telegram: 'Telegram' },
  categories,
  kinds,
}
