import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { bookings, notifications, payments } from '../src/db/schema'
import type { RunningServer } from '../src/server'
import { sweepExpiredHolds } from '../src/services/bookings/sweep'
import {
  bookingRow,
  holdToPay,
  payInBrowser,
  paymentRow,
  stripeOf,
  untilBooking,
  untilPayment,
} from './support/money'
import { openSocket } from './support/socket'
import {
  at,
  clientOf,
  endHolds,
  makePerson,
  makeSpace,
  reasonOf,
  startTestServer,
  stopTestServers,
  until,
} from './support/world'

/** Rounds of the race for late money. */
const ROUNDS = process.env.PROVE === '1' ? 60 : 4

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ queue: true })
})
afterAll(stopTestServers)

test('the webhook alone confirms a paid hold and sends its owner a message', async () => {
  const { booking, intent, person } = await holdToPay(server)
  const socket = await openSocket(server, person.token)
  expect(intent).toMatchObject({ amountMinor: 2000, currency: 'EUR', publishableKey: 'pk_test_sandbox' })
  expect(await payInBrowser(server, intent)).toMatchObject({ status: 200, body: { status: 'succeeded' } })
  await untilBooking(
    server,
    booking.id,
    ({ status, paidMinor }) => status === 'confirmed' && paidMinor === 2000,
  )
  const { payment } = await socket.next('payment_update')
  expect(payment).toMatchObject({
    id: intent.paymentId,
    status: 'succeeded',
    amountMinor: 2000,
    refundedMinor: 0,
  })
  await socket.close()
})

test('the return page confirms a paid hold, with or without the webhook', async () => {
  server.sandbox?.setFaults({ dropWebhook: 1 })
  const { booking, intent, client } = await holdToPay(server)
  expect(await reasonOf(client.payments.confirm.mutate({ bookingId: booking.id }))).toBe('PAYMENT_REQUIRED')
  await payInBrowser(server, intent)
  server.sandbox?.setFaults({})
  const [first, second] = [
    await client.payments.confirm.mutate({ bookingId: booking.id }),
    await client.payments.confirm.mutate({ bookingId: booking.id }),
  ]
  expect(first).toMatchObject({
    booking: { status: 'confirmed', paidMinor: 2000 },
    payment: { status: 'succeeded' },
  })
  expect(second).toEqual(first)
})

test('ten concurrent calls create one intent and extend the hold once', async () => {
  const space = await makeSpace(server, { priceMinor: 2000 })
  const person = await makePerson(server)
  const client = clientOf(server, person)
  const booking = await client.bookings.create.mutate({ spaceId: space.id, startsAt: at(9) })
  const before = await bookingRow(server, booking.id)
  const intents = await Promise.all(
    Array.from({ length: 10 }, () => client.payments.createIntent.mutate({ bookingId: booking.id })),
  )
  expect(new Set(intents.map(({ clientSecret }) => clientSecret)).size).toBe(1)
  const after = await bookingRow(server, booking.id)
  expect(Number(after.holdExpiresAt) - Number(before.holdExpiresAt)).toBe(600_000)
  expect(await server.deps.db.select().from(payments).where(eq(payments.bookingId, booking.id))).toHaveLength(
    1,
  )
})

test('a declined card keeps the hold, and another card pays the same intent', async () => {
  const { booking, intent, client } = await holdToPay(server)
  expect(await payInBrowser(server, intent, 'pm_card_chargeDeclinedInsufficientFunds')).toMatchObject({
    status: 402,
    body: { error: { type: 'card_error', decline_code: 'insufficient_funds' } },
  })
  expect(await reasonOf(client.payments.confirm.mutate({ bookingId: booking.id }))).toBe('PAYMENT_FAILED')
  expect(await paymentRow(server, intent.paymentId)).toMatchObject({
    status: 'failed',
    failureCode: 'insufficient_funds',
  })
  const again = await client.payments.createIntent.mutate({ bookingId: booking.id })
  expect(again.clientSecret).toBe(intent.clientSecret)
  await payInBrowser(server, again)
  await untilBooking(server, booking.id, ({ status }) => status === 'confirmed')
})

test('a card that needs authentication pays after its owner authenticates', async () => {
  const { booking, intent, client } = await holdToPay(server)
  const asked = await payInBrowser(server, intent, 'pm_card_authenticationRequired')
  expect(asked).toMatchObject({ status: 200, body: { status: 'requires_action' } })
  expect(await reasonOf(client.payments.confirm.mutate({ bookingId: booking.id }))).toBe('PAYMENT_REQUIRED')
  const [id] = intent.clientSecret.split('_secret_')
  const said = await fetch(`${server.sandbox?.url}/v1/payment_intents/${id}/authenticate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${intent.publishableKey}` },
    body: new URLSearchParams({ client_secret: intent.clientSecret }),
  })
  expect(said.status).toBe(200)
  await untilBooking(server, booking.id, ({ status }) => status === 'confirmed')
})

test('paying is refused for free bookings, expired holds and other users’ bookings', async () => {
  const { booking, client, space } = await holdToPay(server)
  const other = clientOf(server, await makePerson(server))
  expect(await reasonOf(other.payments.createIntent.mutate({ bookingId: booking.id }))).toBe('NOT_FOUND')
  expect(await reasonOf(other.payments.confirm.mutate({ bookingId: booking.id }))).toBe('NOT_FOUND')
  expect(await reasonOf(client.bookings.confirm.mutate({ id: booking.id }))).toBe('PAYMENT_REQUIRED')
  await endHolds(server, space.id)
  expect(await reasonOf(client.payments.createIntent.mutate({ bookingId: booking.id }))).toBe('HOLD_EXPIRED')
  const free = await client.bookings.create.mutate({ spaceId: (await makeSpace(server)).id, startsAt: at(9) })
  expect(await reasonOf(client.payments.createIntent.mutate({ bookingId: free.id }))).toBe('INVALID_STATE')
})

test('an intent is cancelled at Stripe when its hold is released, swept or taken', async () => {
  const released = await holdToPay(server)
  const swept = await holdToPay(server)
  const taken = await holdToPay(server)
  await released.client.bookings.cancel.mutate({ id: released.booking.id })
  await endHolds(server, swept.space.id)
  await sweepExpiredHolds(server.deps)
  await endHolds(server, taken.space.id)
  const other = clientOf(server, await makePerson(server))
  await other.bookings.create.mutate({ spaceId: taken.space.id, startsAt: at(9) })
  for (const { intent } of [released, swept, taken]) {
    const { stripeIntentId } = await untilPayment(
      server,
      intent.paymentId,
      ({ status }) => status === 'cancelled',
    )
    expect(await stripeOf(server).paymentIntents.retrieve(String(stripeIntentId))).toMatchObject({
      status: 'canceled',
    })
    expect(await payInBrowser(server, intent)).toMatchObject({ status: 400 })
  }
})

/** Pays while webhooks are dropped, then ends the hold. */
async function payLate(settings: Parameters<typeof holdToPay>[1] = {}) {
  server.sandbox?.setFaults({ dropWebhook: 1 })
  const held = await holdToPay(server, settings)
  await payInBrowser(server, held.intent)
  server.sandbox?.setFaults({})
  await endHolds(server, held.space.id)
  return held
}

test('late money gets its time back if any unit is free', async () => {
  const { space, booking, client } = await payLate({ units: 2 })
  const other = clientOf(server, await makePerson(server))
  await other.bookings.create.mutate({ spaceId: space.id, startsAt: at(9) })
  const { booking: paid } = await client.payments.confirm.mutate({ bookingId: booking.id })
  expect(paid).toMatchObject({ status: 'confirmed', unit: 2, paidMinor: 2000, refundedMinor: 0 })
})

test('late money is refunded, and the user notified, if the time is taken', async () => {
  const { space, booking, client, person } = await payLate()
  const other = clientOf(server, await makePerson(server))
  await other.bookings.create.mutate({ spaceId: space.id, startsAt: at(9) })
  const { booking: late, payment } = await client.payments.confirm.mutate({ bookingId: booking.id })
  expect(late).toMatchObject({ status: 'expired', paidMinor: 2000, refundedMinor: 2000 })
  expect(payment).toMatchObject({ status: 'succeeded', refundedMinor: 2000 })
  const { stripeIntentId } = await paymentRow(server, payment.id)
  await until(async () => {
    const { data } = await stripeOf(server).refunds.list({ payment_intent: String(stripeIntentId) })
    return data.length === 1 && data[0]?.amount === 2000
  })
  const told = await until(async () => {
    const rows = await server.deps.db.select().from(notifications).where(eq(notifications.userId, person.id))
    return rows.length === 2 && rows
  })
  const about = { bookingId: booking.id, facts: { amountMinor: 2000, currency: 'EUR' } }
  expect(told).toMatchObject([
    { kind: 'payment_returned', ...about },
    { kind: 'refund_made', ...about },
  ])
})

test('late money and another claim race: one gets the time, and no money is lost', async () => {
  const outcomes: string[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const { space, booking, client } = await payLate()
    const other = clientOf(server, await makePerson(server))
    const [claim, late] = await Promise.all([
      reasonOf(other.bookings.create.mutate({ spaceId: space.id, startsAt: at(9) })),
      client.payments.confirm.mutate({ bookingId: booking.id }),
    ])
    const paid = `${late.booking.status} ${late.booking.paidMinor - late.booking.refundedMinor}`
    outcomes.push(`${claim}: ${paid}`)
  }
  const possible = ['was not refused: expired 0', 'SLOT_TAKEN: confirmed 2000']
  expect(outcomes.filter((outcome) => !possible.includes(outcome))).toEqual([])
})

test('a second payment of a booking is cancelled or refunded in full', async () => {
  const { booking, client, intent } = await holdToPay(server)
  // An intent without a payment row, as an interrupted call may leave behind.
  const stray = await stripeOf(server).paymentIntents.create({
    amount: 2000,
    currency: 'eur',
    metadata: { bookingId: booking.id, paymentId: intent.paymentId, kind: 'full' },
  })
  await payInBrowser(server, intent)
  await untilBooking(server, booking.id, ({ status }) => status === 'confirmed')
  await stripeOf(server)
    .paymentIntents.confirm(stray.id, { payment_method: 'pm_card_visa' })
    .catch(() => undefined)
  const state = await until(async () => {
    const { items } = await client.payments.list.query({ bookingId: booking.id })
    const second = items.find(({ id }) => id !== intent.paymentId)
    return second && (second.status === 'cancelled' || second.refundedMinor === 2000) ? second : undefined
  })
  expect(state).toMatchObject({ amountMinor: 2000 })
  const row = await bookingRow(server, booking.id)
  expect(row).toMatchObject({ status: 'confirmed' })
  expect(row.paidMinor - row.refundedMinor).toBe(2000)
})

test('a hold rescheduled to another price needs a new intent; the old one is void', async () => {
  const { booking, client, intent, space } = await holdToPay(server)
  const dearer = await makeSpace(server, { priceMinor: 3000, locationId: space.locationId })
  await client.bookings.reschedule.mutate({ id: booking.id, spaceId: dearer.id })
  const next = await client.payments.createIntent.mutate({ bookingId: booking.id })
  expect(next).toMatchObject({ amountMinor: 3000 })
  expect(next.paymentId).not.toBe(intent.paymentId)
  expect(await payInBrowser(server, intent)).toMatchObject({ status: 400 })
  await payInBrowser(server, next)
  await untilBooking(
    server,
    booking.id,
    ({ status, paidMinor }) => status === 'confirmed' && paidMinor === 3000,
  )
})

test('a price that no card can pay is refused, in every kind of currency', async () => {
  const admin = clientOf(server, await makePerson(server, 'admin'))
  const { locationId } = await makeSpace(server)
  const create = (priceMinor: number, currency: string) =>
    reasonOf(admin.spaces.create.mutate({ locationId, name: 'Desk', kind: 'desk', priceMinor, currency }))
  const tooLittle = { EUR: 49, GBP: 29, JPY: 49, HUF: 17_499, KWD: 1005, XQZ: 100 }
  for (const [currency, price] of Object.entries(tooLittle))
    expect(await create(price, currency)).toBe('VALIDATION')
  const enough = { EUR: 50, GBP: 30, JPY: 50, HUF: 17_500, KWD: 1010, USD: 0 }
  for (const [currency, price] of Object.entries(enough))
    expect(await create(price, currency)).toBe('was not refused')
  const space = await makeSpace(server, { priceMinor: 100 })
  expect(await reasonOf(admin.spaces.update.mutate({ id: space.id, priceMinor: 10 }))).toBe('VALIDATION')
  expect(await admin.spaces.byId.query({ id: space.id })).toMatchObject({ priceMinor: 100 })
})

test('currencies with zero or three decimals are charged the right amount', async () => {
  for (const [currency, priceMinor, atStripe] of [
    ['JPY', 1200, 1200],
    ['ISK', 1200, 120_000],
    ['KWD', 5010, 5010],
  ] as const) {
    const { booking, intent } = await holdToPay(server, { currency, priceMinor })
    const paid = await payInBrowser(server, intent)
    expect(paid.body).toMatchObject({
      amount: atStripe,
      amount_received: atStripe,
      currency: currency.toLowerCase(),
    })
    await untilBooking(
      server,
      booking.id,
      ({ status, paidMinor }) => status === 'confirmed' && paidMinor === priceMinor,
    )
  }
})

test('a deposit saves the card, which pays the balance once the booking is completed', async () => {
  const { booking } = await paidDeposit('pm_card_visa')
  expect(await bookingRow(server, booking.id)).toMatchObject({
    status: 'confirmed',
    paidMinor: 500,
    balanceDueMinor: 1500,
  })
  await complete(booking.id)
  await untilBooking(
    server,
    booking.id,
    ({ paidMinor, balanceDueMinor }) => paidMinor === 2000 && balanceDueMinor === 0,
  )
})

test('a declined balance stays due, notifies the user and can be paid by hand', async () => {
  const { booking, person, client } = await paidDeposit('pm_card_chargeCustomerFail')
  await complete(booking.id)
  const [told] = await until(async () => {
    const rows = await server.deps.db.select().from(notifications).where(eq(notifications.userId, person.id))
    const declined = rows.filter(({ kind }) => kind === 'balance_declined')
    return declined.length > 0 ? declined : undefined
  })
  expect(told).toMatchObject({ bookingId: booking.id, facts: { amountMinor: 1500, currency: 'EUR' } })
  expect(await bookingRow(server, booking.id)).toMatchObject({ status: 'completed', balanceDueMinor: 1500 })
  const intent = await client.payments.createIntent.mutate({ bookingId: booking.id })
  expect(intent).toMatchObject({ amountMinor: 1500 })
  await payInBrowser(server, intent)
  await untilBooking(
    server,
    booking.id,
    ({ balanceDueMinor, paidMinor }) => balanceDueMinor === 0 && paidMinor === 2000,
  )
})

/** A confirmed booking of 20.00 with a paid deposit of 5.00. */
async function paidDeposit(card: string) {
  const space = await makeSpace(server, { priceMinor: 2000 })
  const person = await makePerson(server)
  const client = clientOf(server, person)
  const booking = await client.bookings.create.mutate({ spaceId: space.id, startsAt: at(9) })
  await server.deps.db.update(bookings).set({ depositMinor: 500 }).where(eq(bookings.id, booking.id))
  const intent = await client.payments.createIntent.mutate({ bookingId: booking.id })
  expect(intent).toMatchObject({ amountMinor: 500 })
  await payInBrowser(server, intent, card)
  await untilBooking(server, booking.id, ({ status }) => status === 'confirmed')
  return { booking, person, client, intent }
}

async function complete(id: string): Promise<void> {
  const ago = (hours: number) => sql`now() - make_interval(hours => ${hours})`
  await server.deps.db
    .update(bookings)
    .set({ startsAt: ago(3), endsAt: ago(2), claimed: sql`tstzrange(${ago(3)}, ${ago(2)})` })
    .where(eq(bookings.id, id))
  const admin = clientOf(server, await makePerson(server, 'admin'))
  await admin.bookings.complete.mutate({ id })
}
