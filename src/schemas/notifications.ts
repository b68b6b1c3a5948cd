import { z } from 'zod'
import { CHANNELS, type ChannelName } from '../db/schema/notifications'
import { Id, InstantOut } from './common'

const CATEGORIES = ['bookings', 'reminders', 'payments', 'reviews', 'events', 'loyalty'] as const
type Category = (typeof CATEGORIES)[number]

/** Determines the facts available to the text of a kind. */
type About = 'booking' | 'money' | 'event' | 'loyalty'
type Kind = { category: Category; about: About; channels: readonly ChannelName[] }

const kind = <A extends About>(category: Category, about: A, channels: readonly ChannelName[]) => ({
  category,
  about,
  channels,
})
const everywhere = CHANNELS
const appOnly = ['app'] as const

/**
 * All kinds of notifications, with category, subject and default channels. A new kind also needs a text in each catalogue of
 * `src/i18n` and a rule in `services/notifications/still-relevant.ts`; the compiler reports missing ones.
 */
export const KINDS = {
  booking_requested: kind('bookings', 'booking', everywhere),
  booking_confirmed: kind('bookings', 'booking', everywhere),
  booking_accepted: kind('bookings', 'booking', everywhere),
  booking_declined: kind('bookings', 'booking', everywhere),
  booking_cancelled: kind('bookings', 'booking', everywhere),
  booking_moved: kind('bookings', 'booking', everywhere),
  booking_no_show: kind('bookings', 'booking', everywhere),
  booking_completed: kind('bookings', 'booking', appOnly),
  reminder_day: kind('reminders', 'booking', everywhere),
  reminder_hour: kind('reminders', 'booking', ['app', 'telegram']),
  payment_received: kind('payments', 'money', ['app', 'email']),
  payment_returned: kind('payments', 'money', everywhere),
  refund_made: kind('payments', 'money', ['app', 'email']),
  refund_failed: kind('payments', 'money', everywhere),
  balance_declined: kind('payments', 'money', everywhere),
  review_received: kind('reviews', 'booking', ['app', 'email']),
  review_answered: kind('reviews', 'booking', ['app', 'email']),
  event_place: kind('events', 'event', everywhere),
  event_place_to_pay: kind('events', 'event', everywhere),
  event_place_lost: kind('events', 'event', everywhere),
  event_changed: kind('events', 'event', everywhere),
  event_cancelled: kind('events', 'event', everywhere),
  event_reminder: kind('reminders', 'event', ['app', 'telegram']),
  event_passed_on: kind('events', 'event', ['app', 'email']),
  points_earned: kind('loyalty', 'loyalty', appOnly),
  tier_reached: kind('loyalty', 'loyalty', ['app', 'email']),
} satisfies Record<string, Kind>

export type NotificationKind = keyof typeof KINDS
export type KindAbout<A extends About> = {
  [K in NotificationKind]: (typeof KINDS)[K]['about'] extends A ? K : never
}[NotificationKind]

export const KIND_NAMES = Object.keys(KINDS) as [NotificationKind, ...NotificationKind[]]
export const isKind = (name: string): name is NotificationKind => Object.hasOwn(KINDS, name)

export const NotificationSchema = z
  .object({
    id: Id,
    kind: z.string(),
    text: z.string().meta({ description: "Text in the user's language." }),
    bookingId: Id.nullable(),
    eventId: Id.nullable(),
    readAt: InstantOut.nullable(),
    createdAt: InstantOut,
  })
  .meta({ id: 'Notification' })
export type Notification = z.infer<typeof NotificationSchema>

export const PreferenceSchema = z
  .object({
    kind: z.enum(KIND_NAMES),
    category: z.enum(CATEGORIES),
    app: z.boolean(),
    email: z.boolean(),
    telegram: z.boolean(),
  })
  .meta({ id: 'NotificationPreference' })
export type Preference = z.infer<typeof PreferenceSchema>
