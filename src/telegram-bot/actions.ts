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

/** What a visitor may begin with. */
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

/** What is shown upon a press, if anything new, and a word that is shown for a moment. */
export type Shown = { screen?: Screen; said?: string; alarming?: boolean }

/**
 * Does what a button asks for, by the same services as every other door, with the rights of the person who pressed it.
 * @param pressed names the press, so that the same one that comes again does nothing again
 * @throws AppError as the service refuses it
 */
export async function act(visitor: Visitor, action: BotAction, pressed: string): Promise<Shown> {
  const { ctx, texts } = visitor
  const once = <T>(run: () => Promise<T>) =>
    runOnce(ctx, { key: pressed, procedure: `bot.${action.do}`, input: action }, run)
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
      const said =
        status === 'pending' ? texts.done.pending : texts.done[status === 'held' ? 'held' : 'confirmed']
      return { screen: await showBooking(visitor, id), said }
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
      return { screen: await showBooking(visitor, action.id), said: texts.done.cancelled }
    case 'cancel':
      await once(() => cancelBooking(ctx, action))
      return { screen: await showBooking(visitor, action.id), said: texts.done.cancelled }
    case 'accept':
      await once(() => acceptBooking(ctx, action))
      return { screen: await showBooking(visitor, action.id), said: texts.done.accepted }
    case 'decline':
      await once(() => declineBooking(ctx, action))
      return { screen: await showBooking(visitor, action.id), said: texts.done.declined }
    case 'rate':
      await once(() => createReview(ctx, { bookingId: action.id, rating: action.rating }))
      return { screen: await showBookings(visitor), said: texts.rated }
    case 'languages':
      return { screen: chooseLanguage(visitor) }
    case 'language': {
      const { language } = await updateMe(ctx, { language: action.language })
      const changed = visitorOf(ctx, { ...visitor.user, language })
      return { screen: showMenu(changed), said: changed.texts.done.language }
    }
  }
}

/** Books what is held, where nothing is to be paid first. */
async function bookIfFree({ ctx }: Visitor, id: string): Promise<Booking> {
  const booking = await getBooking(ctx, { id })
  return booking.status === 'held' && dueOf(booking) <= 0 ? confirmBooking(ctx, { id }) : booking
}

/** What a refused press shows: what it was about, as it is now. A list stays as it is. */
export async function showAfterRefusal(visitor: Visitor, action: BotAction): Promise<Screen | undefined> {
  if (!('id' in action) || action.do === 'hold') return undefined
  return showBooking(visitor, action.id).catch(() => showMenu(visitor))
}
