import { afterAll, beforeAll, expect, test } from 'bun:test'
import type { RunningServer } from '../src/server'
import { balanceOf, givePoints, ledgerOf } from './support/loyalty'
import { holdToPay, payInBrowser, paymentRow, untilBooking, untilPayment } from './support/money'
import { makePaidEvent, takePlace } from './support/paid-events'
import { letPass, makeSpecialist } from './support/specialists'
import {
  at,
  clientOf,
  endHolds,
  makePerson,
  makeSpace,
  reasonOf,
  startTestServer,
  stopTestServers,
} from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ queue: true })
})
afterAll(stopTestServers)

const admin = async () => clientOf(server, await makePerson(server, 'admin'))

test('redeeming points lowers the amount due and replaces the intent', async () => {
  const { client, person, booking, intent } = await holdToPay(server)
  await givePoints(server, person, 300)
  const pay = (redeemPoints: number) =>
    client.payments.createIntent.mutate({ bookingId: booking.id, redeemPoints })
  const lower = await pay(100)
  expect(lower).toMatchObject({ amountMinor: 1500, redeemedPoints: 100, pointsMinor: 500 })
  expect(lower.paymentId).not.toBe(intent.paymentId)
  expect(await paymentRow(server, intent.paymentId)).toMatchObject({ status: 'cancelled' })
  expect(await pay(100)).toEqual(lower)
  expect(await client.payments.createIntent.mutate({ bookingId: booking.id })).toEqual(lower)
  expect(await pay(300)).toMatchObject({ amountMinor: 500, redeemedPoints: 300 })
  expect(await reasonOf(pay(301))).toBe('NOT_ENOUGH_POINTS')
  expect(await pay(0)).toMatchObject({ amountMinor: 2000, redeemedPoints: 0, pointsMinor: 0 })
  expect(await balanceOf(server, person)).toBe(300)

  const last = await pay(200)
  await payInBrowser(server, last)
  const paid = await untilBooking(server, booking.id, ({ status }) => status === 'confirmed')
  expect(paid).toMatchObject({ paidMinor: 1000, refundedMinor: 0, balanceDueMinor: 0, pointsMinor: 1000 })
  expect(await reasonOf(pay(100))).toBe('INVALID_STATE')
  expect(await balanceOf(server, person)).toBe(100)
  await letPass(server, booking.id)
  await (await admin()).bookings.complete.mutate({ id: booking.id })
  // Only money earns points.
  expect(await balanceOf(server, person)).toBe(110)
})

test('redeemed points leave a chargeable rest and never exceed the price', async () => {
  const { client, person, booking } = await holdToPay(server, { priceMinor: 1998 })
  await givePoints(server, person, 1000)
  const pay = (redeemPoints: number) =>
    client.payments.createIntent.mutate({ bookingId: booking.id, redeemPoints })
  expect(await pay(399)).toMatchObject({ amountMinor: 53, redeemedPoints: 389, pointsMinor: 1945 })
  expect(await pay(1000)).toMatchObject({ amountMinor: 0, redeemedPoints: 400, pointsMinor: 1998 })
  expect(await balanceOf(server, person)).toBe(600)
})

test('points that cover the price confirm the hold and cancel the earlier intent', async () => {
  const { client, person, booking, intent } = await holdToPay(server)
  await givePoints(server, person, 500)
  const pay = () => client.payments.createIntent.mutate({ bookingId: booking.id, redeemPoints: 400 })
  const answer = await pay()
  expect(answer).toMatchObject({ paymentId: '', clientSecret: '', amountMinor: 0, redeemedPoints: 400 })
  expect(await pay()).toEqual(answer)
  expect(await client.bookings.byId.query({ id: booking.id })).toMatchObject({
    status: 'confirmed',
    paidMinor: 0,
    balanceDueMinor: 0,
    pointsMinor: 2000,
  })
  await untilPayment(server, intent.paymentId, ({ status }) => status === 'cancelled')
  expect(await reasonOf(client.payments.createIntent.mutate({ bookingId: booking.id }))).toBe('INVALID_STATE')
  expect(await balanceOf(server, person)).toBe(100)
})

test('money that arrives after points covered the price is refunded', async () => {
  const { client, person, booking, intent } = await holdToPay(server)
  await givePoints(server, person, 400)
  await server.sandbox?.setFaults({ dropWebhook: 1 })
  await payInBrowser(server, intent)
  await client.payments.createIntent.mutate({ bookingId: booking.id, redeemPoints: 400 })
  await server.sandbox?.setFaults({})
  await client.payments.confirm.mutate({ bookingId: booking.id })
  const row = await untilBooking(server, booking.id, ({ refundedMinor }) => refundedMinor === 2000)
  expect(row).toMatchObject({ status: 'confirmed', paidMinor: 2000, pointsMinor: 2000 })
})

test('a released or expired hold returns its points, and late money is refunded', async () => {
  const first = await holdToPay(server)
  const { client, person, booking } = first
  await givePoints(server, person, 100)
  const redeem = (bookingId: string) => client.payments.createIntent.mutate({ bookingId, redeemPoints: 100 })
  await redeem(booking.id)
  expect(await client.bookings.cancel.mutate({ id: booking.id })).toMatchObject({ redeemedPoints: 0 })
  expect(await balanceOf(server, person)).toBe(100)

  const second = await holdToPay(server, { person })
  const intent = await redeem(second.booking.id)
  await endHolds(server, second.space.id)
  await payInBrowser(server, intent)
  await untilPayment(server, intent.paymentId, ({ status }) => status === 'succeeded')
  // The next claim on the time expires the hold.
  const other = clientOf(server, await makePerson(server))
  await other.bookings.create.mutate({ spaceId: second.space.id, startsAt: at(9) })
  const row = await untilBooking(server, second.booking.id, ({ refundedMinor }) => refundedMinor === 1500)
  expect(row).toMatchObject({ status: 'expired', paidMinor: 1500, redeemedPoints: 0 })
  expect(await balanceOf(server, person)).toBe(100)
  expect((await ledgerOf(server, person)).map(([kind]) => kind)).toEqual([
    'given_back',
    'redeemed',
    'given_back',
    'redeemed',
    'correction',
  ])
})

async function paidWithPoints(cancellation: { hoursBefore: number; refundPercent: number }[]) {
  const held = await holdToPay(server, { cancellation })
  await givePoints(server, held.person, 101)
  const intent = await held.client.payments.createIntent.mutate({
    bookingId: held.booking.id,
    redeemPoints: 101,
  })
  await payInBrowser(server, intent)
  await untilBooking(server, held.booking.id, ({ status }) => status === 'confirmed')
  return held
}

test('a cancellation returns points by the same percentage as money', async () => {
  const { client, person, booking } = await paidWithPoints([{ hoursBefore: 0, refundPercent: 50 }])
  expect(await client.bookings.previewRefund.query({ id: booking.id })).toEqual({
    amountMinor: 748,
    points: 51,
    currency: 'EUR',
  })
  expect(await client.bookings.cancel.mutate({ id: booking.id })).toMatchObject({
    refundedMinor: 748,
    redeemedPoints: 50,
    pointsMinor: 250,
  })
  expect(await balanceOf(server, person)).toBe(51)
})

test('a cancellation by an admin returns all points, and a no-show none', async () => {
  const cancelled = await paidWithPoints([])
  await (await admin()).bookings.cancel.mutate({ id: cancelled.booking.id })
  expect(await balanceOf(server, cancelled.person)).toBe(101)
  const missed = await paidWithPoints([])
  await letPass(server, missed.booking.id)
  await (await admin()).bookings.noShow.mutate({ id: missed.booking.id })
  expect(await balanceOf(server, missed.person)).toBe(0)
})

test('points lower a deposit, or pay in full for a service that needs approval', async () => {
  const { service, client: specialist } = await makeSpecialist(server, {
    service: { priceMinor: 6000, depositMinor: 2000, needsApproval: true },
  })
  const person = await makePerson(server)
  const client = clientOf(server, person)
  await givePoints(server, person, 1200)
  const booking = await client.bookings.create.mutate({ serviceId: service.id, startsAt: at(9) })
  const pay = (redeemPoints: number) =>
    client.payments.createIntent.mutate({ bookingId: booking.id, redeemPoints })
  expect(await pay(500)).toMatchObject({ amountMinor: 50, redeemedPoints: 390 })
  const intent = await pay(100)
  expect(intent).toMatchObject({ amountMinor: 1500 })
  await payInBrowser(server, intent)
  const row = await untilBooking(server, booking.id, ({ status }) => status === 'pending')
  expect(row).toMatchObject({ paidMinor: 1500, balanceDueMinor: 4000 })
  await specialist.bookings.accept.mutate({ id: booking.id })
  await letPass(server, booking.id)
  await specialist.bookings.complete.mutate({ id: booking.id })
  await untilBooking(server, booking.id, ({ paidMinor }) => paidMinor === 5500)
  // The deposit earns 15 points and the balance the rest.
  expect(await ledgerOf(server, person)).toContainEqual(['earned', 15])
  expect(await balanceOf(server, person)).toBe(1200 - 100 + 55)

  await givePoints(server, person, 100)
  const whole = await client.bookings.create.mutate({ serviceId: service.id, startsAt: at(12) })
  await client.payments.createIntent.mutate({ bookingId: whole.id, redeemPoints: 1200 })
  expect(await client.bookings.byId.query({ id: whole.id })).toMatchObject({
    status: 'pending',
    balanceDueMinor: 0,
  })
  await specialist.bookings.decline.mutate({ id: whole.id })
  expect(await balanceOf(server, person)).toBe(1255)
})

test('a hold with redeemed points can only be rescheduled at the same price', async () => {
  const { client, person, booking } = await holdToPay(server)
  await givePoints(server, person, 100)
  await client.payments.createIntent.mutate({ bookingId: booking.id, redeemPoints: 100 })
  const longer = () => client.bookings.reschedule.mutate({ id: booking.id, endsAt: at(11) })
  expect(await reasonOf(longer())).toBe('NOT_RESCHEDULABLE')
  expect(
    await client.bookings.reschedule.mutate({ id: booking.id, startsAt: at(10), endsAt: at(11) }),
  ).toMatchObject({ redeemedPoints: 100 })
  await client.payments.createIntent.mutate({ bookingId: booking.id, redeemPoints: 0 })
  expect(await longer()).toMatchObject({ priceMinor: 2000 })
})

test('points are refused for expired or free holds, unrated currencies, other users', async () => {
  const { client, booking } = await holdToPay(server)
  const stranger = await makePerson(server)
  await givePoints(server, stranger, 500)
  const other = clientOf(server, stranger)
  const redeem = (bookingId: string, redeemPoints = 400) =>
    reasonOf(other.payments.createIntent.mutate({ bookingId, redeemPoints }))
  expect(await redeem(booking.id)).toBe('NOT_FOUND')
  expect(await redeem(booking.id, -1)).toBe('VALIDATION')
  expect(await redeem(booking.id, 1.5)).toBe('VALIDATION')
  const free = await other.bookings.create.mutate({ spaceId: (await makeSpace(server)).id, startsAt: at(9) })
  expect(await redeem(free.id)).toBe('INVALID_STATE')
  const dinars = await makeSpace(server, { priceMinor: 2000, currency: 'BHD' })
  const foreign = await other.bookings.create.mutate({ spaceId: dinars.id, startsAt: at(9) })
  expect(await redeem(foreign.id)).toBe('INVALID_STATE')
  await client.bookings.cancel.mutate({ id: booking.id })
  const ended = await holdToPay(server, { person: stranger })
  await endHolds(server, ended.space.id)
  expect(await redeem(ended.booking.id)).toBe('HOLD_EXPIRED')
  expect(await balanceOf(server, stranger)).toBe(500)
})

test('concurrent redemptions on two servers never spend the same points', async () => {
  const second = await startTestServer({ databaseUrl: server.deps.env.DATABASE_URL ?? '' })
  const person = await makePerson(server)
  const space = await makeSpace(server, { priceMinor: 2000, units: 12 })
  const clients = [clientOf(server, person), clientOf(second, person)]
  for (let round = 0; round < 3; round++) {
    await givePoints(server, person, 700 - (await balanceOf(server, person)))
    const held = await Promise.all(
      [0, 1, 2, 3].map((index) =>
        clients[index % 2]?.bookings.create.mutate({ spaceId: space.id, startsAt: at(9 + round) }),
      ),
    )
    const outcomes = await Promise.all(
      held.map(async (booking, index) =>
        reasonOf(
          clients[index % 2]?.payments.createIntent.mutate({
            bookingId: booking?.id ?? '',
            redeemPoints: 400,
          }) ?? Promise.resolve(),
        ),
      ),
    )
    expect(outcomes.sort()).toEqual([...Array(3).fill('NOT_ENOUGH_POINTS'), 'was not refused'])
    expect(await balanceOf(server, person)).toBe(300)
  }
})

test('points pay for a seat and come back if the event is cancelled', async () => {
  const event = await makePaidEvent(server)
  const { person, client, bookingId } = await takePlace(server, event.id)
  await givePoints(server, person, 500)
  const answer = await client.payments.createIntent.mutate({ bookingId, redeemPoints: 400 })
  expect(answer).toMatchObject({ amountMinor: 0, redeemedPoints: 400 })
  expect(await client.events.byId.query({ id: event.id })).toMatchObject({ mine: 'attending' })
  await clientOf(server, event.maker).events.remove.mutate({ id: event.id })
  expect(await balanceOf(server, person)).toBe(500)
})
