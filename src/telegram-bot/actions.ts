import type { Booking } from '../schemas/bookings'
import type { BotAction } from '../schemas/bot-actions'
import { updateMe } from '../services/accounts/accounts'
import {
  acceptBooking,
  cancelBooking,
  confirmBooking,
  declineBooking,
  getBooking,
  releaseHold,
} from '../services/bookings/bookings'
import { holdTime } from '../services/bookings/hold'
import { createReview } from '../services/catalog/reviews'
import { dueOf } from '../services/payments/payment-intents'
import { runOnce } from '../services/shared/idempotency'
import { askToCancel, showBooking, showBookings, showRequests } from './bookings'
import { chooseDay, chooseLocation, chooseOffer, chooseTime } from './offers'
import { button, type Screen, type Visitor, visitorOf, webButton } from './screen'

/** The main menu. */
export function showMenu({ ctx, user, texts }: Visitor): Screen {
  return {
    text: texts.menu(user.name),
    keyboard: [
      [button(texts.bookSpace, { do: 'locations', of: 'spaces' })],
      [button(texts.bookService, { do: 'locations', of: 'services' })],
      [button(texts.mine, { do: 'bookings' })],
      ...(user.role === 'customer' ? [] : [[button(texts.requests, { do: 'requests' })]]),
      [button(texts.language, { do: 'languages' }), ...webButton(ctx, 'CoworkSpace', '/')],
    ],
  }
}

const LANGUAGES = [
  ['en', 'English'],
  ['it', 'Italiano'],
  ['fr', 'Français'],
] as const

function chooseLanguage({ texts }: Visitor): Screen {
  return {
    text: texts.language,
    keyboard: [
      LANGUAGES.map(([language, name]) => button(name, { do: 'language', language })),
      [button(texts.back, { do: 'menu' })],
    ],
  }
}

/** The result of a press: a new screen, if any, and a brief notice. `alert` shows the notice as a dialog. */
export type Shown = { screen?: Screen; notice?: string; alert?: boolean }

/**
 * Runs the action of a button with the rights of the user, through the same services as the API.
 * @param pressKey identifies the press, so that a repeated update changes nothing twice
 * @throws AppError as the service does
 */
export async function act(visitor: Visitor, action: BotAction, pressKey: string): Promise<Shown> {
  const { ctx, texts } = visitor
  const once = <T>(run: () => Promise<T>) =>
    runOnce(ctx, { key: pressKey, procedure: `bot.${action.do}`, input: action }, run)
  switch (action.do) {
    case 'menu':
    case 'join':
      return { screen: showMenu(visitor) }
    case 'locations':
      return { screen: await chooseLocation(visitor, action.of) }
    case 'offers':
      return { screen: await chooseOffer(visitor, action) }
    case 'days':
      return { screen: await chooseDay(visitor, action) }
    case 'times':
      return { screen: await chooseTime(visitor, action) }
    case 'hold': {
      const { id } = await once(() =>
        holdTime(ctx, { slotOf: action.id, startsAt: new Date(action.startsAt) }),
      )
      const { status } = await bookIfFree(visitor, id)
      const notice =
        status === 'pending' ? texts.done.pending : texts.done[status === 'held' ? 'held' : 'confirmed']
      return { screen: await showBooking(visitor, id), notice }
    }
    case 'bookings':
      return { screen: await showBookings(visitor, action.cursor) }
    case 'requests':
      return { screen: await showRequests(visitor) }
    case 'booking':
      return { screen: await showBooking(visitor, action.id) }
    case 'askCancel':
      return { screen: await askToCancel(visitor, action.id) }
    case 'release':
      await once(() => releaseHold(ctx, action))
      return { screen: await showBooking(visitor, action.id), notice: texts.done.cancelled }
    case 'cancel':
      await once(() => cancelBooking(ctx, action))
      return { screen: await showBooking(visitor, action.id), notice: texts.done.cancelled }
    case 'accept':
      await once(() => acceptBooking(ctx, action))
      return { screen: await showBooking(visitor, action.id), notice: texts.done.accepted }
    case 'decline':
      await once(() => declineBooking(ctx, action))
      return { screen: await showBooking(visitor, action.id), notice: texts.done.declined }
    case 'rate':
      await once(() => createReview(ctx, { bookingId: action.id, rating: action.rating }))
      return { screen: await showBookings(visitor), notice: texts.rated }
    case 'languages':
      return { screen: chooseLanguage(visitor) }
    case 'language': {
      const { language } = await updateMe(ctx, { language: action.language })
      const changed = visitorOf(ctx, { ...visitor.user, language })
      return { screen: showMenu(changed), notice: changed.texts.done.language }
    }
  }
}

/** Confirms a hold that needs no payment. */
async function bookIfFree({ ctx }: Visitor, id: string): Promise<Booking> {
  const booking = await getBooking(ctx, { id })
  return booking.status === 'held' && dueOf(booking) <= 0 ? confirmBooking(ctx, { id }) : booking
}

/** After a refusal, shows the current state of the booking. A list stays as it is. */
export async function showAfterRefusal(visitor: Visitor, action: BotAction): Promise<Screen | undefined> {
  if (!('id' in action) || action.do === 'hold') return undefined
  return showBooking(visitor, action.id).catch(() => showMenu(visitor))
}
