import type { BookingStatus } from '../../db/schema'
import type { Reason } from '../../errors'

/** All texts of the bot in one language. A missing or surplus text does not compile. */
export type BotTexts = {
  /** For dates and amounts. */
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
  chooseDay: (offer: string) => string
  chooseTime: (offer: string, day: string) => string
  noTimes: (offer: string, day: string) => string
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
  sure: (booking: string) => string
  getBack: (amount: string) => string
  yesCancel: string
  keep: string
  rated: string
  accept: string
  decline: string
  /** The button below a notification that opens its booking. */
  show: string
  noBookings: string
  noRequests: string
  /** Brief results that Telegram shows for a moment. */
  done: Record<'held' | 'confirmed' | 'pending' | 'cancelled' | 'accepted' | 'declined' | 'language', string>
  /** Texts for refusals; a reason that is not listed is shown as `refused`. */
  reasons: Partial<Record<Reason, string>>
  refused: string
  commands: { start: string; book: string; bookings: string }
}
