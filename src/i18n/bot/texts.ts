import type { BookingStatus } from '../../db/schema'
import type { Reason } from '../../errors'

/** Everything that the bot says, in one language. What is missing, or one too many, does not compile. */
export type BotTexts = {
  /** How dates and amounts are written. */
  locale: string
  welcome: string
  isNew: string
  hasAccount: string
  howToLink: (address: string) => string
  linked: (name: string) => string
  codeGone: string
  codeTaken: string
  menu: (name: string) => string
  bookSpace: string
  bookService: string
  mine: string
  requests: string
  language: string
  back: string
  more: string
  chooseLocation: string
  chooseSpace: (location: string) => string
  chooseService: (location: string) => string
  chooseDay: (what: string) => string
  chooseTime: (what: string, day: string) => string
  noTimes: (what: string, day: string) => string
  nothingHere: string
  otherDays: string
  laterDays: string
  free: string
  with: (service: string, specialist: string) => string
  status: Record<BookingStatus, string>
  until: (time: string) => string
  pay: (amount: string) => string
  payHow: (amount: string, address: string) => string
  paid: string
  release: string
  cancel: string
  sure: (what: string) => string
  getBack: (amount: string) => string
  yesCancel: string
  keep: string
  rated: string
  accept: string
  decline: string
  /** Below a notification, to what it is about. */
  show: string
  noBookings: string
  noRequests: string
  /** Short words for what was done, shown for a moment. */
  done: Record<'held' | 'confirmed' | 'pending' | 'cancelled' | 'accepted' | 'declined' | 'language', string>
  /** Why something was refused, where it is more than `refused`. */
  reasons: Partial<Record<Reason, string>>
  refused: string
  commands: { start: string; book: string; bookings: string }
}
