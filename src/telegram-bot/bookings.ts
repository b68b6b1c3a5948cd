import type { InlineKeyboardButton } from 'grammy/types'
import { localMoney } from '../lib/money'
import { localTimeIn } from '../lib/time'
import type { Booking } from '../schemas/bookings'
import { getBooking, listBookings, previewRefund } from '../services/bookings/bookings'
import { type BookingNames, nameBookings } from '../services/bookings/display-names'
import { dueOf } from '../services/payments/payment-intents'
import { priceText } from './offers'
import { button, type Screen, type Visitor, webAddress, webButton } from './screen'

const BOOKINGS_SHOWN = 8

function whatOf({ texts }: Visitor, names: BookingNames | undefined): string {
  if (!names) return '…'
  const { service, specialist, space, event, location } = names
  const what = service ? texts.with(service, specialist ?? '…') : (space ?? event)
  return [what, service ? space : null, location].filter(Boolean).join(', ')
}

function whenOf(
  { texts }: Visitor,
  { startsAt, endsAt }: Booking,
  { timeZone = 'UTC' }: Partial<BookingNames> = {},
) {
  const end = new Intl.DateTimeFormat(texts.locale, { hour: '2-digit', minute: '2-digit', timeZone })
  return `${localTimeIn(Date.parse(startsAt), timeZone, texts.locale)} – ${end.format(Date.parse(endsAt))}`
}

/** One's own bookings, the newest first. */
export async function showBookings(visitor: Visitor, cursor?: string): Promise<Screen> {
  const { ctx, texts } = visitor
  const { items, nextCursor } = await listBookings(ctx, { as: 'customer', limit: BOOKINGS_SHOWN, cursor })
  return {
    text: items.length > 0 ? texts.mine : texts.noBookings,
    keyboard: [
      ...(await linesOf(visitor, items)),
      [
        button(texts.back, { do: 'menu' }),
        ...(nextCursor ? [button(texts.more, { do: 'bookings', cursor: nextCursor })] : []),
      ],
    ],
  }
}

/** What waits for the visitor's own yes. */
export async function showRequests(visitor: Visitor): Promise<Screen> {
  const { ctx, texts } = visitor
  const { items } = await listBookings(ctx, { as: 'specialist', status: 'pending', limit: BOOKINGS_SHOWN })
  return {
    text: items.length > 0 ? texts.requests : texts.noRequests,
    keyboard: [...(await linesOf(visitor, items)), [button(texts.back, { do: 'menu' })]],
  }
}

async function linesOf(visitor: Visitor, items: Booking[]): Promise<InlineKeyboardButton[][]> {
  const names = await nameBookings(
    visitor.ctx,
    items.map(({ id }) => id),
  )
  return items.map((booking) => {
    const { timeZone = 'UTC' } = names.get(booking.id) ?? {}
    const day = new Intl.DateTimeFormat(visitor.texts.locale, {
      day: 'numeric',
      month: 'short',
      hour: '2-digit',
      minute: '2-digit',
      timeZone,
    }).format(Date.parse(booking.startsAt))
    const text = `${day} · ${whatOf(visitor, names.get(booking.id))} · ${visitor.texts.status[booking.status]}`
    return [button(text, { do: 'booking', id: booking.id })]
  })
}

/** One booking, with what its visitor may do with it. @throws NOT_FOUND */
export async function showBooking(visitor: Visitor, id: string): Promise<Screen> {
  const { ctx, texts } = visitor
  const booking = await getBooking(ctx, { id })
  const names = (await nameBookings(ctx, [id])).get(id)
  const mine = booking.userId === ctx.actor.id
  const due = dueOf(booking)
  const owed =
    booking.status === 'held' && due > 0 ? localMoney(due, booking.currency, texts.locale) : undefined
  const until = booking.holdExpiresAt ?? booking.answerBy
  const lines = [
    whatOf(visitor, names),
    whenOf(visitor, booking, names),
    priceText(visitor, booking.priceMinor, booking.currency),
    ...(mine || !names ? [] : [names.customer]),
    `${texts.status[booking.status]}${until ? ` ${texts.until(clockOf(visitor, until, names))}` : ''}`,
    ...(mine && owed ? ['', texts.payHow(owed, webAddress(ctx, '/bookings'))] : []),
  ]
  const keyboard = mine ? ownButtons(visitor, booking, owed) : requestButtons(visitor, booking)
  const back = mine ? ({ do: 'bookings' } as const) : ({ do: 'requests' } as const)
  return { text: lines.join('\n'), keyboard: [...keyboard, [button(texts.back, back)]] }
}

const clockOf = ({ texts }: Visitor, instant: string, { timeZone = 'UTC' }: Partial<BookingNames> = {}) =>
  localTimeIn(Date.parse(instant), timeZone, texts.locale)

function ownButtons({ ctx, texts }: Visitor, booking: Booking, owed: string | undefined) {
  const { id, status } = booking
  const pay = owed ? webButton(ctx, texts.pay(owed), '/bookings') : []
  switch (status) {
    case 'held':
      return [
        ...(pay.length > 0 ? [pay] : []),
        [button(texts.paid, { do: 'booking', id }), button(texts.release, { do: 'release', id })],
      ]
    case 'pending':
    case 'confirmed':
      return [[button(texts.cancel, { do: 'askCancel', id })]]
    case 'completed':
      // Spaces and specialists are reviewed, and events are not.
      if (booking.spaceId === null && booking.specialistId === null) return []
      return [
        [1, 2, 3, 4, 5].map((stars) =>
          button('★'.repeat(stars), { do: 'rate', id, rating: stars as 1 | 2 | 3 | 4 | 5 }),
        ),
      ]
    default:
      return []
  }
}

function requestButtons({ texts }: Visitor, { id, status }: Booking) {
  return status === 'pending'
    ? [[button(texts.accept, { do: 'accept', id }), button(texts.decline, { do: 'decline', id })]]
    : []
}

/** Asks once more, and says what would come back. @throws NOT_FOUND, NOT_CANCELLABLE */
export async function askToCancel(visitor: Visitor, id: string): Promise<Screen> {
  const { ctx, texts } = visitor
  const { amountMinor, currency } = await previewRefund(ctx, { id })
  const names = (await nameBookings(ctx, [id])).get(id)
  const back = amountMinor > 0 ? [texts.getBack(localMoney(amountMinor, currency, texts.locale))] : []
  return {
    text: [texts.sure(whatOf(visitor, names)), ...back].join('\n'),
    keyboard: [[button(texts.yesCancel, { do: 'cancel', id }), button(texts.keep, { do: 'booking', id })]],
  }
}
