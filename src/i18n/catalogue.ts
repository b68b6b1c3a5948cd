import type { UserRow } from '../db/schema'
import type { KINDS, NotificationKind } from '../schemas/notifications'

export type Language = UserRow['language']

/** Who has done it, as its reader would say. */
export type Doer = 'you' | 'them' | 'operator' | 'nobody'

/** What a sentence may speak of, by what its kind is about; times and amounts are in the reader's language already. */
export type Facts = {
  booking: {
    /** The space, or the service and with whom, or for whom. */
    what: string
    /** In the location's zone. */
    when: string
    /** Its former start, where it was moved; the same as `when` where it kept it and has another place or length. */
    formerly: string
    answerBy: string
    by: Doer
    /** Whether its reader is the customer, and not the specialist. */
    mine: boolean
    /** The name of the other side. */
    other: string
    /** What goes back to the customer; empty where nothing does. */
    amount: string
  }
  money: {
    what: string
    when: string
    amount: string
    /** Whether its reader is who pays and is paid back, and not the specialist. */
    mine: boolean
    /** The name of the other side. */
    other: string
  }
  event: {
    what: string
    when: string
    where: string
    /** Its former start; empty where it kept it. */
    formerly: string
    /** What a place costs, and until when that is to be paid; or what goes back, empty where nothing does. */
    amount: string
    answerBy: string
  }
  loyalty: {
    what: string
    points: number
    /** How many there are, with these. */
    total: number
    tier: string
    discountPercent: number
    extraNoticeDays: number
  }
}

export type Message<K extends NotificationKind> = {
  /** A few words, for the subject of an e-mail. */
  subject: string
  text: (facts: Facts[(typeof KINDS)[K]['about']]) => string
}

/** Everything that people are told, in one language. A kind that is missing, or one too many, does not compile. */
export type Catalogue = {
  /** How dates and amounts are written. */
  locale: string
  phrases: {
    serviceWith: (service: string, name: string) => string
    serviceFor: (service: string, name: string) => string
    somebody: string
    booking: string
    tiers: Record<'bronze' | 'silver' | 'gold', string>
    /** The mail with which one chooses a new password. */
    newPassword: { subject: string; text: (link: string) => string }
    /** At the end of an e-mail. */
    farewell: string
    hello: (name: string) => string
    /** Where one says what one wishes to be told. */
    choose: (address: string) => string
  }
  kinds: {
    [K in NotificationKind]: Message<K>
  }
}
