import type { UserRow } from '../db/schema'
import type { KINDS, NotificationKind } from '../schemas/notifications'

export type Language = UserRow['language']

/** The agent of a change from the reader's point of view; `system` if it happened by itself. */
export type Agent = 'you' | 'them' | 'operator' | 'system'

/** The facts that a text can use, by the subject of its kind. Times and amounts are already formatted. */
export type Facts = {
  booking: {
    /** The space, or the service with the name of the other side. */
    title: string
    /** The start, in the location's time zone. */
    time: string
    /** The start before a reschedule; equals `time` if only the space or the length has changed. */
    previousTime: string
    answerBy: string
    by: Agent
    /** False if the reader is the specialist. */
    isCustomer: boolean
    /** The name of the other side. */
    other: string
    /** The refund of the customer, or empty. */
    amount: string
  }
  money: {
    title: string
    time: string
    amount: string
    /** False if the reader is the specialist. */
    isCustomer: boolean
    other: string
  }
  event: {
    title: string
    time: string
    location: string
    /** Empty if the start has not changed. */
    previousTime: string
    /** The price of a seat to pay by `answerBy`, the new price, or the refund; empty without one. */
    amount: string
    answerBy: string
  }
  loyalty: {
    title: string
    points: number
    /** The balance, these points included. */
    total: number
    tier: string
    discountPercent: number
    extraNoticeDays: number
  }
}

export type Message<K extends NotificationKind> = {
  /** A few words for the subject line of an email. */
  subject: string
  text: (facts: Facts[(typeof KINDS)[K]['about']]) => string
}

/** All texts of notifications and emails in one language. A missing or surplus kind does not compile. */
export type Catalogue = {
  /** For dates and amounts. */
  locale: string
  phrases: {
    serviceWith: (service: string, name: string) => string
    serviceFor: (service: string, name: string) => string
    /** Replaces the name of a deleted account. */
    formerUser: string
    booking: string
    tiers: Record<'bronze' | 'silver' | 'gold', string>
    newPassword: { subject: string; text: (link: string) => string }
    farewell: string
    hello: (name: string) => string
    /** Links to the notification settings. */
    settings: (address: string) => string
  }
  kinds: {
    [K in NotificationKind]: Message<K>
  }
}
