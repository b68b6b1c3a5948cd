import { localMoney } from '../lib/money'
import { addDays, dateAt } from '../lib/time'
import type { Offer, Offered } from '../schemas/bot-actions'
import { getBoard } from '../services/calendar/boards'
import { listSpecialists } from '../services/catalog/search-specialists'
import { listServices } from '../services/catalog/services'
import { getSpace, listSpaces } from '../services/catalog/spaces'
import { getSpecialist } from '../services/catalog/specialists'
import { getLocation, listLocations } from '../services/locations/locations'
import { button, inRows, type Screen, type Visitor } from './screen'

const OFFERS_SHOWN = 12
const DAYS_SHOWN = 7
const TIMES_SHOWN = 48

export async function chooseLocation({ ctx, texts }: Visitor, of: Offered): Promise<Screen> {
  const { items } = await listLocations(ctx, { limit: 50 })
  return {
    text: items.length > 0 ? texts.chooseLocation : texts.nothingHere,
    keyboard: [
      ...items.map(({ id, name, city }) => [
        button(city ? `${name}, ${city}` : name, { do: 'offers', of, locationId: id }),
      ]),
      [button(texts.back, { do: 'menu' })],
    ],
  }
}

export async function chooseOffer(
  visitor: Visitor,
  { of, locationId, cursor }: { of: Offered; locationId: string; cursor?: string | undefined },
): Promise<Screen> {
  const { ctx, texts } = visitor
  const { name, timeZone } = await getLocation(ctx, { id: locationId })
  const page = { locationId, cursor, limit: OFFERS_SHOWN }
  const { lines, nextCursor } =
    of === 'spaces' ? await spaceLines(visitor, page) : await serviceLines(visitor, page)
  const from = dateAt(Date.now(), timeZone)
  const ask = of === 'spaces' ? texts.chooseSpace(name) : texts.chooseService(name)
  return {
    text: lines.length > 0 ? ask : texts.nothingHere,
    keyboard: [
      ...lines.map(({ offer, text }) => [button(text, { do: 'days', offer, from })]),
      [
        button(texts.back, { do: 'locations', of }),
        ...(nextCursor ? [button(texts.more, { do: 'offers', of, locationId, cursor: nextCursor })] : []),
      ],
    ],
  }
}

type OfferPage = { locationId: string; cursor: string | undefined; limit: number }
type OfferLine = { offer: Offer; text: string }
type OfferLines = { lines: OfferLine[]; nextCursor: string | null }

async function spaceLines(visitor: Visitor, page: OfferPage): Promise<OfferLines> {
  const { items, nextCursor } = await listSpaces(visitor.ctx, page)
  const lines = items.map(({ id, name, priceMinor, currency }) => ({
    offer: { of: 'spaces' as const, id },
    text: `${name} · ${priceText(visitor, priceMinor, currency)}`,
  }))
  return { lines, nextCursor }
}

async function serviceLines(visitor: Visitor, page: OfferPage): Promise<OfferLines> {
  const { items, nextCursor } = await listServices(visitor.ctx, page)
  const { items: specialists } = await listSpecialists(visitor.ctx, {
    locationId: page.locationId,
    limit: 100,
  })
  const lines = items.map(({ id, specialistId, name, priceMinor, currency }) => {
    const specialist = specialists.find((candidate) => candidate.id === specialistId)?.name
    const title = specialist ? visitor.texts.with(name, specialist) : name
    return {
      offer: { of: 'services' as const, id, specialistId },
      text: `${title} · ${priceText(visitor, priceMinor, currency)}`,
    }
  })
  return { lines, nextCursor }
}

export const priceText = ({ texts }: Visitor, amountMinor: number, currency: string): string =>
  amountMinor === 0 ? texts.free : localMoney(amountMinor, currency, texts.locale)

type Found = { name: string; locationId: string; timeZone: string }

/** @throws NOT_FOUND */
async function findOffer({ ctx, texts }: Visitor, offer: Offer): Promise<Found> {
  if (offer.of === 'spaces') return getSpace(ctx, { id: offer.id })
  const specialist = await getSpecialist(ctx, { id: offer.specialistId })
  const { items } = await listServices(ctx, { specialistId: offer.specialistId, limit: 100 })
  const service = items.find(({ id }) => id === offer.id)
  const name = texts.with(service?.name ?? '…', specialist.name)
  return { name, locationId: specialist.locationId, timeZone: specialist.timeZone }
}

/** @throws NOT_FOUND */
export async function chooseDay(
  visitor: Visitor,
  { offer, from }: { offer: Offer; from: string },
): Promise<Screen> {
  const { texts } = visitor
  const { name, locationId, timeZone } = await findOffer(visitor, offer)
  const today = dateAt(Date.now(), timeZone)
  const first = from < today ? today : from
  const days = Array.from({ length: DAYS_SHOWN }, (_, day) => addDays(first, day))
  const back = first > today ? { do: 'days' as const, offer, from: earlier(first, today) } : undefined
  return {
    text: texts.chooseDay(name),
    keyboard: [
      ...inRows(
        days.map((date) => button(dayText(visitor, date), { do: 'times', offer, date, page: 0 })),
        2,
      ),
      [
        button(texts.back, back ?? { do: 'offers', of: offer.of, locationId }),
        button(texts.laterDays, { do: 'days', offer, from: addDays(first, DAYS_SHOWN) }),
      ],
    ],
  }
}

const earlier = (date: string, today: string) => {
  const before = addDays(date, -DAYS_SHOWN)
  return before < today ? today : before
}

const dayText = ({ texts }: Visitor, date: string) =>
  new Intl.DateTimeFormat(texts.locale, {
    weekday: 'short',
    day: 'numeric',
    month: 'long',
    timeZone: 'UTC',
  }).format(Date.parse(`${date}T00:00:00Z`))

/** Offers the free slots of a day's board. @throws NOT_FOUND */
export async function chooseTime(
  visitor: Visitor,
  { offer, date, page }: { offer: Offer; date: string; page: number },
): Promise<Screen> {
  const { ctx, texts } = visitor
  const { name, timeZone } = await findOffer(visitor, offer)
  const key =
    offer.of === 'spaces'
      ? { spaceId: offer.id, date }
      : { specialistId: offer.specialistId, serviceId: offer.id, date }
  const { slots } = await getBoard(ctx, key)
  const free = slots.filter(({ status }) => status === 'free')
  const shown = free.slice(page * TIMES_SHOWN, (page + 1) * TIMES_SHOWN)
  const clock = new Intl.DateTimeFormat(texts.locale, { hour: '2-digit', minute: '2-digit', timeZone })
  // Part of the press key: a double press of a button holds once, and the button of a later screen can hold again.
  const nonce = Buffer.from(crypto.getRandomValues(new Uint8Array(3))).toString('base64url')
  const times = shown.map(({ startsAt }) => {
    const at = Date.parse(startsAt)
    return button(clock.format(at), { do: 'hold', of: offer.of, id: offer.id, startsAt: at, nonce })
  })
  const more = free.length > (page + 1) * TIMES_SHOWN
  const day = dayText(visitor, date)
  return {
    text: shown.length > 0 ? texts.chooseTime(name, day) : texts.noTimes(name, day),
    keyboard: [
      ...inRows(times, 4),
      [
        button(texts.otherDays, { do: 'days', offer, from: date }),
        ...(more ? [button(texts.more, { do: 'times', offer, date, page: page + 1 })] : []),
      ],
    ],
  }
}
