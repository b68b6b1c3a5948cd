import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { bookings } from '../src/db/schema'
import type { Booking } from '../src/schemas/bookings'
import type { Notification } from '../src/schemas/notifications'
import type { Intent, Payment } from '../src/schemas/payments'
import type { Board } from '../src/schemas/slots'
import type { Service, Specialist } from '../src/schemas/specialists'
import type { SignedIn } from '../src/schemas/users'
import type { RunningServer } from '../src/server'
import { declineUnanswered } from '../src/services/bookings/sweep'
import { payInBrowser } from './support/money'
import { untilTold } from './support/notifications'
import { letPass } from './support/specialists'
import { allDay, at, rest, startTestServer, stopTestServers, testDate, until } from './support/world'

/**
 * The life of a booking through the public API and cards of the Stripe sandbox. Only the passing of time is faked in
 * the database.
 */
let server: RunningServer
const people: Record<string, { id: string; token: string }> = {}
let specialist: Specialist
let service: Service

beforeAll(async () => {
  server = await startTestServer({ queue: true, env: { SEED: 'demo' } })
  await signIn(
    'admin',
    await post('/auth/login', { email: 'admin@example.com', password: 'coworkspace-demo' }),
  )
  for (const name of ['Carla', 'Sam', 'Steve', 'Otto']) await register(name)
  for (const name of ['Sam', 'Steve'])
    await ask('PATCH', `/users/${people[name]?.id}`, 'admin', { role: 'specialist' })
  const house = { name: 'Studio', timeZone: 'Europe/Rome', hours: allDay }
  const location = await ask<{ id: string }>('POST', '/locations', 'admin', house)
  specialist = await ask('POST', '/specialists', 'Sam', {
    locationId: location.id,
    hours: allDay,
    maxNoticeDays: 3650,
  })
  service = await ask('POST', '/services', 'Sam', {
    specialistId: specialist.id,
    name: 'Tailoring',
    durationMinutes: 60,
    priceMinor: 5000,
    depositMinor: 2000,
    needsApproval: true,
    cancellation: [{ hoursBefore: 24, refundPercent: 50 }],
  })
})
afterAll(stopTestServers)

type Answer<T> = { status: number; body: T & { reason?: string } }

const send = <T>(method: string, path: string, who?: string, body?: unknown): Promise<Answer<T>> =>
  rest<T & { reason?: string }>(server, path, {
    method,
    ...(who && people[who] && { person: people[who] }),
    ...(body !== undefined && { body }),
  })

async function ask<T>(method: string, path: string, who?: string, body?: unknown): Promise<T> {
  const answer = await send<T>(method, path, who, body)
  if (answer.status !== 200) throw new Error(`${method} ${path}: ${JSON.stringify(answer.body)}`)
  return answer.body
}
const post = <T>(path: string, body: unknown): Promise<T> => ask('POST', path, undefined, body)

/** The refusal that each of these callers gets. */
async function refusals(method: string, path: string, callers: string[], body?: unknown): Promise<unknown[]> {
  const answers = []
  for (const who of callers) answers.push((await send(method, path, who, body)).body.reason)
  return answers
}

async function signIn(name: string, { user, accessToken }: SignedIn): Promise<void> {
  people[name] = { id: user.id, token: accessToken }
}
async function register(name: string): Promise<void> {
  const email = `${name.toLowerCase()}@house.example`
  await signIn(name, await post('/auth/register', { email, password: 'a-long-passphrase', name }))
}

const read = new Map<string, Set<string>>()
/** The notifications of a user since the last call, oldest first. */
async function news(who: string): Promise<[kind: string, text: string][]> {
  await untilTold(server)
  const seen = read.get(who) ?? new Set()
  read.set(who, seen)
  const { items } = await ask<{ items: Notification[] }>('GET', '/notifications?limit=100', who)
  const fresh = items.filter(({ id }) => !seen.has(id)).reverse()
  for (const { id } of fresh) seen.add(id)
  return fresh.map(({ kind, text }) => [kind, text.replace(/\s/g, ' ')])
}
const sorted = (notifications: [string, string][]) => notifications.map(([kind]) => kind).sort()

const bookingOf = (id: string, who = 'Carla') => ask<Booking>('GET', `/bookings/${id}`, who)

/** Carla holds an hour and pays its deposit with a card. */
async function request(hour: number, card = 'pm_card_visa'): Promise<Booking> {
  const held = await ask<Booking>('POST', '/bookings', 'Carla', { serviceId: service.id, startsAt: at(hour) })
  expect(held).toMatchObject({ status: 'held', depositMinor: 2000, priceMinor: 5000 })
  const body = { bookingId: held.id }
  const intent = await ask<Intent>('POST', '/payments/create-payment-intent', 'Carla', body)
  expect(intent.amountMinor).toBe(2000)
  await payInBrowser(server, intent, card)
  const { booking } = await ask<{ booking: Booking }>('POST', '/payments/confirm', 'Carla', body)
  expect(booking).toMatchObject({ status: 'pending', paidMinor: 2000, balanceDueMinor: 3000 })
  return booking
}

const WHEN = (hour: number) => `Mon, 4 January 2027 at ${hour}:00`

test('each step from search to answered review is limited to its role', async () => {
  // Search, then the board of one day.
  const query = `service=tailor&locationId=${specialist.locationId}&date=${testDate}`
  const { items } = await ask<{ items: Specialist[] }>('GET', `/specialists?${query}`)
  expect(items).toMatchObject([{ id: specialist.id, name: 'Sam', rating: null, reviewCount: 0 }])
  const day = `/specialists/${specialist.id}/slots/${testDate}?serviceId=${service.id}`
  const board = await ask<Board>('GET', day)
  const slot = board.slots.find(({ startsAt }) => startsAt === at(9))
  expect(slot).toMatchObject({ status: 'free', priceMinor: 5000, id: `${service.id}@${at(9)}` })

  // The hold notifies no one.
  const details = { serviceId: service.id, startsAt: at(9) }
  expect((await send('POST', '/bookings', undefined, details)).body.reason).toBe('NOT_SIGNED_IN')
  const { id } = await ask<Booking>('POST', '/bookings', 'Carla', details)
  expect((await send('POST', '/bookings', 'Otto', details)).body.reason).toBe('SLOT_TAKEN')
  const after = await ask<Board>('GET', day)
  expect(after.slots.find(({ startsAt }) => startsAt === at(9))).toMatchObject({ status: 'held' })
  expect([await news('Carla'), await news('Sam')]).toEqual([[], []])

  const body = { bookingId: id }
  expect(await refusals('POST', `/bookings/${id}/confirm`, ['', 'Carla', 'Otto', 'Sam'])).toEqual([
    'NOT_SIGNED_IN',
    'PAYMENT_REQUIRED',
    'NOT_FOUND',
    'NOT_ALLOWED',
  ])
  expect(
    await refusals('POST', '/payments/create-payment-intent', ['', 'Otto', 'Sam', 'Steve', 'admin'], body),
  ).toEqual(['NOT_SIGNED_IN', 'NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND', 'NOT_FOUND'])
  const intent = await ask<Intent>('POST', '/payments/create-payment-intent', 'Carla', body)
  const declined = await payInBrowser(server, intent, 'pm_card_chargeDeclined')
  expect(declined.status).toBe(402)
  expect((await send('POST', '/payments/confirm', 'Carla', body)).body.reason).toBe('PAYMENT_FAILED')
  await payInBrowser(server, intent)
  expect(await refusals('POST', '/payments/confirm', ['', 'Otto', 'Sam'], body)).toEqual([
    'NOT_SIGNED_IN',
    'NOT_FOUND',
    'NOT_FOUND',
  ])
  const paid = await ask<{ booking: Booking; payment: Payment }>('POST', '/payments/confirm', 'Carla', body)
  expect(paid.booking).toMatchObject({ status: 'pending', paidMinor: 2000, balanceDueMinor: 3000 })
  expect(paid.payment).toMatchObject({ kind: 'deposit', status: 'succeeded' })
  const asked = await news('Carla')
  expect(sorted(asked)).toEqual(['booking_requested', 'payment_received'])
  expect(asked.map(([, text]) => text).join(' ')).toContain(
    `You requested Tailoring with Sam on ${WHEN(10)}.`,
  )
  expect(asked.map(([, text]) => text).join(' ')).toContain('We received €20.00 for Tailoring with Sam')
  const requested = await news('Sam')
  expect(sorted(requested)).toEqual(['booking_requested', 'payment_received'])
  expect(new Map(requested).get('booking_requested')).toStartWith(
    `New request: Tailoring for Carla on ${WHEN(10)}. Accept or decline it by `,
  )
  expect(new Map(requested).get('payment_received')).toBe(
    `Carla paid €20.00 for Tailoring for Carla on ${WHEN(10)}.`,
  )

  // Approval.
  for (const verb of ['accept', 'decline'])
    expect(await refusals('POST', `/bookings/${id}/${verb}`, ['', 'Carla', 'Otto', 'Steve'])).toEqual([
      'NOT_SIGNED_IN',
      'NOT_ALLOWED',
      'NOT_FOUND',
      'NOT_FOUND',
    ])
  expect(await ask<Booking>('POST', `/bookings/${id}/accept`, 'Sam')).toMatchObject({ status: 'confirmed' })
  expect(await refusals('POST', `/bookings/${id}/accept`, ['Sam', 'admin'])).toEqual([
    'INVALID_STATE',
    'INVALID_STATE',
  ])
  expect(await news('Carla')).toEqual([
    ['booking_accepted', `Your request was accepted: Tailoring with Sam on ${WHEN(10)}.`],
  ])
  expect(await news('Sam')).toEqual([
    ['booking_accepted', `The request was accepted: Tailoring for Carla on ${WHEN(10)}.`],
  ])

  // Completion charges the balance.
  expect(await refusals('POST', `/bookings/${id}/complete`, ['Sam', 'Carla', 'Otto', 'Steve'])).toEqual([
    'TOO_EARLY',
    'NOT_ALLOWED',
    'NOT_FOUND',
    'NOT_FOUND',
  ])
  const review = { bookingId: id, rating: 5, comment: 'Fits' }
  expect((await send('POST', '/reviews', 'Carla', review)).body.reason).toBe('INVALID_STATE')
  await letPass(server, id)
  expect(await ask<Booking>('POST', `/bookings/${id}/complete`, 'Sam')).toMatchObject({ status: 'completed' })
  await until(async () => (await bookingOf(id)).balanceDueMinor === 0)
  expect(await bookingOf(id, 'Sam')).toMatchObject({ paidMinor: 5000, refundedMinor: 0 })
  const done = await news('Carla')
  // Points for the deposit and for the balance.
  expect(sorted(done)).toEqual(['booking_completed', 'payment_received', 'points_earned', 'points_earned'])
  expect(done.map(([, text]) => text).join(' ')).toContain('We received €30.00 for Tailoring with Sam')
  const worked = await news('Sam')
  expect(sorted(worked)).toEqual(['booking_completed', 'payment_received'])
  expect(new Map(worked).get('payment_received')).toStartWith('Carla paid €30.00 for Tailoring for Carla')

  // The review and its reply.
  expect(await refusals('POST', '/reviews', ['', 'Otto', 'Sam', 'Steve', 'admin'], review)).toEqual([
    'NOT_SIGNED_IN',
    ...Array(4).fill('NOT_FOUND'),
  ])
  const written = await ask<{ id: string }>('POST', '/reviews', 'Carla', review)
  expect((await send('POST', '/reviews', 'Carla', review)).body.reason).toBe('ALREADY_REVIEWED')
  expect(await news('Sam')).toEqual([['review_received', 'You received a review: Tailoring for Carla.']])
  const answer = { answer: 'Come again' }
  expect(
    await refusals('POST', `/reviews/${written.id}/answer`, ['', 'Carla', 'Otto', 'Steve'], answer),
  ).toEqual(['NOT_SIGNED_IN', 'NOT_ALLOWED', 'NOT_ALLOWED', 'NOT_ALLOWED'])
  for (let times = 0; times < 2; times++) await ask('POST', `/reviews/${written.id}/answer`, 'Sam', answer)
  const answered = await news('Carla')
  expect(sorted(answered)).toEqual(['points_earned', 'review_answered'])
  expect(new Map(answered).get('review_answered')).toBe('Your review of Tailoring with Sam received a reply.')
  expect(await ask<Specialist>('GET', `/specialists/${specialist.id}`)).toMatchObject({
    rating: 5,
    reviewCount: 1,
  })
  const found = await ask<{ items: Specialist[] }>('GET', `/specialists?minRating=5&${query}`)
  expect(found.items).toMatchObject([{ id: specialist.id }])
  expect([await news('Steve'), await news('Otto')]).toEqual([[], []])
  expect(await ask('POST', '/notifications/read', 'Carla', {})).toEqual({ ok: true, unread: 0 })
  expect(await ask('GET', '/notifications', 'Sam')).toMatchObject({ unread: 6 })
}, 120_000)

test('a declined request is refunded in full and frees its time', async () => {
  const { id } = await request(11)
  await Promise.all([news('Carla'), news('Sam')])
  expect(await ask<Booking>('POST', `/bookings/${id}/decline`, 'Sam')).toMatchObject({
    status: 'declined',
    refundedMinor: 2000,
    balanceDueMinor: 0,
  })
  const refunded = async () =>
    (await ask<{ items: Payment[] }>('GET', `/payments?bookingId=${id}`, 'Carla')).items
  await until(async () => (await refunded())[0]?.refundedMinor === 2000)
  const seen = new Map(await untilNews('Carla', 'refund_made'))
  expect(seen.get('booking_declined')).toBe(
    `Sam declined this request: Tailoring with Sam on ${WHEN(12)}. You will be refunded €20.00.`,
  )
  expect(seen.get('refund_made')).toBe(`We refunded €20.00 to you for Tailoring with Sam on ${WHEN(12)}.`)
  expect(await untilNews('Sam', 'refund_made')).toEqual([
    [
      'booking_declined',
      `You declined this request: Tailoring for Carla on ${WHEN(12)}. The member will be refunded €20.00.`,
    ],
    ['refund_made', `We refunded €20.00 to Carla for Tailoring for Carla on ${WHEN(12)}.`],
  ])
  const day = await ask<Board>(
    'GET',
    `/specialists/${specialist.id}/slots/${testDate}?serviceId=${service.id}`,
  )
  expect(day.slots.find(({ startsAt }) => startsAt === at(11))).toMatchObject({ status: 'free' })
  expect(await refusals('POST', `/bookings/${id}/accept`, ['Sam'])).toEqual(['INVALID_STATE'])
}, 60_000)

test('an unanswered request is declined once and refunded in full', async () => {
  const { id } = await request(13)
  await Promise.all([news('Carla'), news('Sam')])
  await server.deps.db.update(bookings).set({ answerBy: sql`clock_timestamp()` }).where(eq(bookings.id, id))
  expect(await refusals('POST', `/bookings/${id}/accept`, ['Sam'])).toEqual(['TOO_LATE'])
  await Promise.all([declineUnanswered(server.deps), declineUnanswered(server.deps)])
  expect(await bookingOf(id)).toMatchObject({ status: 'declined', refundedMinor: 2000 })
  const seen = await untilNews('Carla', 'refund_made')
  expect(sorted(seen)).toEqual(['booking_declined', 'refund_made'])
  expect(new Map(seen).get('booking_declined')).toStartWith('This request expired without an answer: ')
  expect(await untilNews('Sam', 'refund_made')).toEqual([
    [
      'booking_declined',
      `This request expired without an answer: Tailoring for Carla on ${WHEN(14)}. The member will be refunded €20.00.`,
    ],
    ['refund_made', `We refunded €20.00 to Carla for Tailoring for Carla on ${WHEN(14)}.`],
  ])
}, 60_000)

test('the refund depends on who cancels, and both sides are notified', async () => {
  const [byCarla, bySam] = [await request(15), await request(17)]
  for (const { id } of [byCarla, bySam]) await ask('POST', `/bookings/${id}/accept`, 'Sam')
  await Promise.all([news('Carla'), news('Sam')])
  expect(await refusals('DELETE', `/bookings/${byCarla.id}`, ['', 'Otto', 'Steve'])).toEqual([
    'NOT_SIGNED_IN',
    'NOT_FOUND',
    'NOT_FOUND',
  ])
  expect(await ask<Booking>('DELETE', `/bookings/${byCarla.id}`, 'Carla')).toMatchObject({
    status: 'cancelled',
    refundedMinor: 1000,
  })
  const first = new Map(await untilNews('Carla', 'refund_made'))
  expect(first.get('booking_cancelled')).toBe(
    `You cancelled this booking: Tailoring with Sam on ${WHEN(16)}. You will be refunded €10.00.`,
  )
  expect(await ask<Booking>('DELETE', `/bookings/${bySam.id}`, 'Sam')).toMatchObject({
    status: 'cancelled',
    refundedMinor: 2000,
  })
  const second = new Map(await untilNews('Carla', 'refund_made'))
  expect(second.get('booking_cancelled')).toBe(
    `Sam cancelled this booking: Tailoring with Sam on ${WHEN(18)}. You will be refunded €20.00.`,
  )
  expect(await untilNews('Sam', 'refund_made', 2)).toEqual([
    [
      'booking_cancelled',
      `Carla cancelled this booking: Tailoring for Carla on ${WHEN(16)}. The member will be refunded €10.00.`,
    ],
    ['refund_made', `We refunded €10.00 to Carla for Tailoring for Carla on ${WHEN(16)}.`],
    [
      'booking_cancelled',
      `You cancelled this booking: Tailoring for Carla on ${WHEN(18)}. The member will be refunded €20.00.`,
    ],
    ['refund_made', `We refunded €20.00 to Carla for Tailoring for Carla on ${WHEN(18)}.`],
  ])
}, 60_000)

test('only the specialist can mark a no-show, and both sides are notified', async () => {
  const { id } = await request(19)
  await ask('POST', `/bookings/${id}/accept`, 'Sam')
  await Promise.all([news('Carla'), news('Sam')])
  await letPass(server, id)
  expect(await refusals('POST', `/bookings/${id}/no-show`, ['', 'Carla', 'Otto', 'Steve'])).toEqual([
    'NOT_SIGNED_IN',
    'NOT_ALLOWED',
    'NOT_FOUND',
    'NOT_FOUND',
  ])
  expect(await ask<Booking>('POST', `/bookings/${id}/no-show`, 'Sam')).toMatchObject({
    status: 'no_show',
    paidMinor: 2000,
    refundedMinor: 0,
    balanceDueMinor: 0,
  })
  expect(sorted(await news('Carla'))).toEqual(['booking_no_show'])
  expect((await news('Sam'))[0]?.[1]).toStartWith('Carla did not show up: Tailoring for Carla on ')
}, 60_000)

test('a declined balance and a failed refund notify both sides', async () => {
  const [late, lost] = [
    await request(20, 'pm_card_chargeCustomerFail'),
    await request(22, 'pm_card_refundFail'),
  ]
  await ask('POST', `/bookings/${late.id}/accept`, 'Sam')
  await Promise.all([news('Carla'), news('Sam')])
  await letPass(server, late.id)
  await ask('POST', `/bookings/${late.id}/complete`, 'Sam')
  const owed = new Map(await untilNews('Carla', 'balance_declined')).get('balance_declined')
  expect(owed).toStartWith('Your card was declined. €30.00 is still due for Tailoring with Sam on ')
  const unpaid = new Map(await untilNews('Sam', 'balance_declined')).get('balance_declined')
  expect(unpaid).toStartWith(
    'The card of Carla was declined. €30.00 is still due for Tailoring for Carla on ',
  )
  await ask('POST', `/bookings/${lost.id}/decline`, 'Sam')
  expect(new Map(await untilNews('Carla', 'refund_failed')).get('refund_failed')).toBe(
    `Your bank rejected the refund of €20.00 for Tailoring with Sam on ${WHEN(23)}. Please contact us.`,
  )
  expect(new Map(await untilNews('Sam', 'refund_failed')).get('refund_failed')).toBe(
    `The bank of Carla rejected the refund of €20.00 for Tailoring for Carla on ${WHEN(23)}.`,
  )
}, 60_000)

/** Collects the notifications of a user until `kind` has arrived `times` times. */
async function untilNews(who: string, kind: string, times = 1): Promise<[string, string][]> {
  const seen: [string, string][] = []
  await until(async () => {
    seen.push(...(await news(who)))
    return seen.filter(([seenKind]) => seenKind === kind).length >= times
  })
  return seen
}
