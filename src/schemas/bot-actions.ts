import { z } from 'zod'
import { MINUTE, type Millis } from '../lib/time'
import { Id, LocalDate } from './common'

export type Offered = 'spaces' | 'services'
export type Offer = { of: 'spaces'; id: string } | { of: 'services'; id: string; specialistId: string }

/** Actions of the bot's buttons. */
export type BotAction =
  | { do: 'menu' | 'join' | 'requests' | 'languages' }
  | { do: 'locations'; of: Offered }
  | { do: 'offers'; of: Offered; locationId: string; cursor?: string | undefined }
  | { do: 'days'; offer: Offer; from: string }
  | { do: 'times'; offer: Offer; date: string; page: number }
  | { do: 'hold'; of: Offered; id: string; startsAt: Millis; nonce: string }
  | { do: 'bookings'; cursor?: string | undefined }
  | { do: 'booking' | 'release' | 'askCancel' | 'cancel' | 'accept' | 'decline'; id: string }
  | { do: 'rate'; id: string; rating: 1 | 2 | 3 | 4 | 5 }
  | { do: 'language'; language: 'en' | 'it' | 'fr' }

/** First letter of `callback_data`, which Telegram limits to 64 bytes. */
const LETTERS = {
  menu: 'm',
  join: 'j',
  requests: 'w',
  languages: 'g',
  locations: 'l',
  offers: 'o',
  days: 'd',
  times: 't',
  hold: 'h',
  bookings: 'b',
  booking: 'i',
  release: 'u',
  askCancel: 'q',
  cancel: 'c',
  accept: 'y',
  decline: 'n',
  rate: 'r',
  language: 'k',
} as const satisfies Record<BotAction['do'], string>

/** Encodes an action as `callback_data`; `readButton` decodes it. */
export function buttonData(action: BotAction): string {
  return [LETTERS[action.do], ...fieldsOf(action)].join('.')
}

function fieldsOf(action: BotAction): string[] {
  switch (action.do) {
    case 'locations':
      return [kindOf(action.of)]
    case 'offers':
      return [kindOf(action.of), short(action.locationId), ...(action.cursor ? [short(action.cursor)] : [])]
    case 'days':
      return [...offerFields(action.offer), shortDate(action.from)]
    case 'times':
      return [...offerFields(action.offer), shortDate(action.date), String(action.page)]
    case 'hold':
      return [kindOf(action.of), short(action.id), (action.startsAt / MINUTE).toString(36), action.nonce]
    case 'bookings':
      return action.cursor ? [short(action.cursor)] : []
    case 'rate':
      return [short(action.id), String(action.rating)]
    case 'language':
      return [action.language]
    default:
      return 'id' in action ? [short(action.id)] : []
  }
}

const kindOf = (of: Offered) => (of === 'spaces' ? 's' : 'v')
const short = (id: string) => Buffer.from(id.replaceAll('-', ''), 'hex').toString('base64url')
const shortDate = (date: string) => date.slice(2).replaceAll('-', '')
const offerFields = (offer: Offer) => [
  kindOf(offer.of),
  short(offer.id),
  ...(offer.of === 'services' ? [short(offer.specialistId)] : []),
]

const Kind = z.enum(['s', 'v']).transform((letter): Offered => (letter === 's' ? 'spaces' : 'services'))
const ShortId = z
  .string()
  .regex(/^[\w-]{22}$/)
  .transform((text) => {
    const hex = Buffer.from(text, 'base64url').toString('hex')
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
  })
  .pipe(Id)
const ShortDate = z
  .string()
  .regex(/^\d{6}$/)
  .transform((text) => `20${text.slice(0, 2)}-${text.slice(2, 4)}-${text.slice(4)}`)
  .pipe(LocalDate)
const ShortInstant = z
  .string()
  .regex(/^[\da-z]{1,6}$/)
  .transform((text) => Number.parseInt(text, 36) * MINUTE)
const Small = z
  .string()
  .regex(/^\d{1,2}$/)
  .transform(Number)
const Nonce = z.string().regex(/^[\w-]{1,8}$/)

const asOffer = (id: string, specialistId?: string): Offer =>
  specialistId === undefined ? { of: 'spaces', id } : { of: 'services', id, specialistId }
const alone = <D extends string>(name: D) => z.tuple([]).transform(() => ({ do: name }))
const withId = <D extends string>(name: D) => z.tuple([ShortId]).transform(([id]) => ({ do: name, id }))
const OfSpace = z.literal('s')
const OfService = z.literal('v')

/** Decoders by letter. `callback_data` can be forged, so they are as strict as any other input schema. */
const READERS: Record<string, z.ZodType<BotAction>> = {
  [LETTERS.menu]: alone('menu'),
  [LETTERS.join]: alone('join'),
  [LETTERS.requests]: alone('requests'),
  [LETTERS.languages]: alone('languages'),
  [LETTERS.locations]: z.tuple([Kind]).transform(([of]) => ({ do: 'locations', of })),
  [LETTERS.offers]: z.union([
    z.tuple([Kind, ShortId]).transform(([of, locationId]) => ({ do: 'offers' as const, of, locationId })),
    z
      .tuple([Kind, ShortId, ShortId])
      .transform(([of, locationId, cursor]) => ({ do: 'offers' as const, of, locationId, cursor })),
  ]),
  [LETTERS.days]: z.union([
    z
      .tuple([OfSpace, ShortId, ShortDate])
      .transform(([, id, from]) => ({ do: 'days' as const, offer: asOffer(id), from })),
    z.tuple([OfService, ShortId, ShortId, ShortDate]).transform(([, id, specialistId, from]) => ({
      do: 'days' as const,
      offer: asOffer(id, specialistId),
      from,
    })),
  ]),
  [LETTERS.times]: z.union([
    z
      .tuple([OfSpace, ShortId, ShortDate, Small])
      .transform(([, id, date, page]) => ({ do: 'times' as const, offer: asOffer(id), date, page })),
    z
      .tuple([OfService, ShortId, ShortId, ShortDate, Small])
      .transform(([, id, specialistId, date, page]) => ({
        do: 'times' as const,
        offer: asOffer(id, specialistId),
        date,
        page,
      })),
  ]),
  [LETTERS.hold]: z
    .tuple([Kind, ShortId, ShortInstant, Nonce])
    .transform(([of, id, startsAt, nonce]) => ({ do: 'hold', of, id, startsAt, nonce })),
  [LETTERS.bookings]: z.union([
    z.tuple([]).transform(() => ({ do: 'bookings' as const })),
    z.tuple([ShortId]).transform(([cursor]) => ({ do: 'bookings' as const, cursor })),
  ]),
  [LETTERS.booking]: withId('booking'),
  [LETTERS.release]: withId('release'),
  [LETTERS.askCancel]: withId('askCancel'),
  [LETTERS.cancel]: withId('cancel'),
  [LETTERS.accept]: withId('accept'),
  [LETTERS.decline]: withId('decline'),
  [LETTERS.rate]: z
    .tuple([ShortId, z.enum(['1', '2', '3', '4', '5'])])
    .transform(([id, rating]) => ({ do: 'rate', id, rating: Number(rating) as 1 | 2 | 3 | 4 | 5 })),
  [LETTERS.language]: z
    .tuple([z.enum(['en', 'it', 'fr'])])
    .transform(([language]) => ({ do: 'language', language })),
}

/** Decodes `callback_data`. Returns undefined if it is not from one of our buttons. */
export function readButton(data: string): BotAction | undefined {
  const [letter = '', ...fields] = data.split('.')
  const reader = Object.hasOwn(READERS, letter) ? READERS[letter] : undefined
  return reader?.safeParse(fields).data
}
