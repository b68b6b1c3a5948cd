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

function titleOf({ texts }: Visitor, names: BookingNames | undefined): string {
  if (!names) return '…'
  const { service, specialist, space, event, location } = names
  const offer = service ? texts.with(service, specialist ?? '…') : (space ?? event)
  return [offer, service ? space : null, location].filter(Boolean).join(', ')
}

function periodOf(
  { texts }: Visitor,
  { startsAt, endsAt }: Booking,
  { timeZone = 'UTC' }: Partial<BookingNames> = {},
) {
  const end = new Intl.DateTimeFormat(texts.locale, { hour: '2-digit', minute: '2-digit', timeZone })
  return `${localTimeIn(Date.parse(startsAt), timeZone, texts.locale)} – ${end.format(Date.parse(endsAt))}`
}

/** The user's bookings, newest first. */
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

/** The requests that await the user's approval as a specialist. */
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
    const text = `${day} · ${titleOf(visitor, names.get(booking.id))} · ${visitor.texts.status[booking.status]}`
    return [button(text, { do: 'booking', id: booking.id })]
  })
}

/** A booking with buttons for the actions that the user can take. @throws NOT_FOUND */
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
    titleOf(visitor, names),
    periodOf(visitor, booking, names),
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
      // Events are not reviewed.
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

/** Asks to confirm a cancellation and shows the refund. @throws NOT_FOUND, NOT_CANCELLABLE */
export async function askToCancel(visitor: Visitor, id: string): Promise<Screen> {
  const { ctx, texts } = visitor
  const { amountMinor, currency } = await previewRefund(ctx, { id })
  const names = (await nameBookings(ctx, [id])).get(id)
  const back = amountMinor > 0 ? [texts.getBack(localMoney(amountMinor, currency, texts.locale))] : []
  return {
    text: [texts.sure(titleOf(visitor, names)), ...back].join('\n'),
    keyboard: [[button(texts.yesCancel, { do: 'cancel', id }), button(texts.keep, { do: 'booking', id })]],
  }
}
