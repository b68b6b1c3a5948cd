import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { systemContext } from '../src/context'
import { loyaltyEntries } from '../src/db/schema'
import { refuseUnpayablePrice } from '../src/money'
import type { RunningServer } from '../src/server'
import { tellOfPoints } from '../src/services/loyaltyNotices'
import { admin as command } from './support/admin'
import { balanceOf, earnPoints, givePoints, ledgerOf } from './support/loyalty'
import { holdToPay, payInBrowser, paymentRow, untilBooking, untilPayment } from './support/money'
import { rowsFor, untilTold } from './support/notifications'
import { makePaidEvent, takePlace } from './support/paidEvents'
import { constraintOf, insertBooking } from './support/rows'
import { letPass, makeSpecialist } from './support/specialists'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
  reasonOf,
  rest,
  startTestServer,
  stopTestServers,
  until,
} from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ queue: true })
})
afterAll(stopTestServers)

const admin = async () => clientOf(server, await makePerson(server, 'admin'))

/** Somebody pays 20.00 for an hour, which then took place. */
async function paidAndPast(settings: Parameters<typeof holdToPay>[1] = {}) {
  const held = await holdToPay(server, settings)
  await payInBrowser(server, held.intent)
  await untilBooking(server, held.booking.id, ({ status }) => status === 'confirmed')
  await letPass(server, held.booking.id)
  await (await admin()).bookings.complete.mutate({ id: held.booking.id })
  return held
}

test('a booking that took place earns a point for each euro that was paid, once, and not before it is over', async () => {
  const { client, person, booking, intent } = await holdToPay(server, { priceMinor: 2050 })
  await payInBrowser(server, intent)
  await untilBooking(server, booking.id, ({ status }) => status === 'confirmed')
  expect(await client.loyalty.mine.query({})).toMatchObject({ points: 0, tier: 'bronze', entries: [] })
  await letPass(server, booking.id)
  const operator = await admin()
  await operator.bookings.complete.mutate({ id: booking.id })
  expect(await reasonOf(operator.bookings.complete.mutate({ id: booking.id }))).toBe('INVALID_STATE')
  const loyalty = await client.loyalty.mine.query({})
  expect(loyalty).toMatchObject({ points: 20, tierPoints: 20, nextTierAt: 500 })
  expect(loyalty.entries).toMatchObject([{ kind: 'earned', points: 20, bookingId: booking.id, reason: null }])
  expect(await rest(server, '/loyalty', { person })).toMatchObject({ status: 200, body: loyalty })
})

test('a refund claws back what was earned with the money, also below zero, and nothing twice', async () => {
  const { client, person, booking } = await paidAndPast()
  const other = await holdToPay(server, { person, hour: 11 })
  await client.payments.createIntent.mutate({ bookingId: other.booking.id, redeemPoints: 20 })
  expect(await balanceOf(server, person)).toBe(0)
  const operator = await admin()
  await operator.payments.refund.mutate({ bookingId: booking.id, amountMinor: 550 })
  expect(await balanceOf(server, person)).toBe(-6)
  await operator.payments.refund.mutate({ bookingId: booking.id })
  await untilBooking(server, booking.id, ({ refundedMinor }) => refundedMinor === 2000)
  expect(await client.loyalty.mine.query({})).toMatchObject({ points: -20, tierPoints: 0 })
  expect(await ledgerOf(server, person)).toEqual([
    ['clawed_back', -14],
    ['clawed_back', -6],
    ['redeemed', -20],
    ['earned', 20],
  ])
})

test('a refund that fails at Stripe gives back the points that it had cost', async () => {
  const held = await holdToPay(server)
  await payInBrowser(server, held.intent, 'pm_card_refundFail')
  await untilBooking(server, held.booking.id, ({ status }) => status === 'confirmed')
  await letPass(server, held.booking.id)
  const operator = await admin()
  await operator.bookings.complete.mutate({ id: held.booking.id })
  await operator.payments.refund.mutate({ bookingId: held.booking.id })
  await untilBooking(server, held.booking.id, ({ refundedMinor }) => refundedMinor === 0)
  expect(await ledgerOf(server, held.person)).toEqual([
    ['earned', 20],
    ['clawed_back', -20],
    ['earned', 20],
  ])
})

test('a review earns while people see it, and only where the booking had a price', async () => {
  const { client, person, booking } = await paidAndPast()
  const review = await client.reviews.create.mutate({ bookingId: booking.id, rating: 4 })
  expect(await balanceOf(server, person)).toBe(30)
  await client.reviews.update.mutate({ id: review.id, rating: 5 })
  const operator = await admin()
  await operator.reviews.hide.mutate({ id: review.id, reason: 'Names a person' })
  await operator.reviews.hide.mutate({ id: review.id, reason: 'Names two persons' })
  expect(await balanceOf(server, person)).toBe(20)
  await operator.reviews.show.mutate({ id: review.id })
  expect(await balanceOf(server, person)).toBe(30)

  const space = await makeSpace(server)
  const free = await client.bookings.create.mutate({ spaceId: space.id, startsAt: at(9) })
  await client.bookings.confirm.mutate({ id: free.id })
  await letPass(server, free.id)
  await operator.bookings.complete.mutate({ id: free.id })
  await client.reviews.create.mutate({ bookingId: free.id, rating: 5 })
  expect(await balanceOf(server, person)).toBe(30)
})

test('a tier is what was earned in twelve months, whatever was spent of it or given by an operator', async () => {
  const person = await makePerson(server)
  const client = clientOf(server, person)
  await earnPoints(server, person, 5000, 370)
  await givePoints(server, person, 5000)
  expect(await client.loyalty.mine.query({})).toMatchObject({ points: 10_000, tier: 'bronze', tierPoints: 0 })
  await earnPoints(server, person, 499, 360)
  expect(await client.loyalty.mine.query({})).toMatchObject({ tier: 'bronze', nextTierAt: 500 })
  await earnPoints(server, person, 1)
  const silver = { tier: 'silver', nextTierAt: 2000, benefits: { discountPercent: 5, extraNoticeDays: 7 } }
  expect(await client.loyalty.mine.query({})).toMatchObject(silver)
  await (await admin()).loyalty.correct.mutate({ id: person.id, points: -10_500, reason: 'All of them' })
  expect(await client.loyalty.mine.query({})).toMatchObject({ points: 0, ...silver })
  await earnPoints(server, person, 1500)
  expect(await client.loyalty.mine.query({})).toMatchObject({ tier: 'gold', nextTierAt: null })
})

test('a tier takes its percentage off the price when a time is held, and the booking keeps that price', async () => {
  const person = await makePerson(server)
  await earnPoints(server, person, 500)
  const { client, booking, intent, space } = await holdToPay(server, { person, priceMinor: 1999 })
  expect(booking).toMatchObject({ priceMinor: 1900, discountMinor: 99 })
  expect(intent).toMatchObject({ amountMinor: 1900 })
  await earnPoints(server, person, 2000)
  await payInBrowser(server, intent)
  await untilBooking(server, booking.id, ({ status }) => status === 'confirmed')
  const moved = await client.bookings.reschedule.mutate({ id: booking.id, startsAt: at(15) })
  expect(moved).toMatchObject({ priceMinor: 1900, discountMinor: 99, paidMinor: 1900 })

  const held = await client.bookings.create.mutate({ spaceId: space.id, startsAt: at(9) })
  expect(held).toMatchObject({ priceMinor: 1800, discountMinor: 199 })
  const longer = await client.bookings.reschedule.mutate({ id: held.id, endsAt: at(11) })
  expect(longer).toMatchObject({ priceMinor: 3599, discountMinor: 399 })
  // Less than a card can be charged is nobody's price.
  const cheap = await makeSpace(server, { priceMinor: 52 })
  const small = await client.bookings.create.mutate({ spaceId: cheap.id, startsAt: at(9) })
  expect(small).toMatchObject({ priceMinor: 52, discountMinor: 0 })
})

test('a tier lets one hold a time further ahead than everyone, and move to one, and no further', async () => {
  const space = await makeSpace(server, { maxNoticeDays: 10 })
  const day = (days: number) => new Date(Math.ceil(Date.now() / 3_600_000) * 3_600_000 + days * 86_400_000)
  const hold = (client: ReturnType<typeof clientOf>, days: number) =>
    client.bookings.create.mutate({ spaceId: space.id, startsAt: day(days).toISOString() })
  const anyone = clientOf(server, await makePerson(server))
  expect(await reasonOf(hold(anyone, 12))).toBe('TOO_EARLY')
  const person = await makePerson(server)
  await earnPoints(server, person, 600)
  const member = clientOf(server, person)
  const booking = await hold(member, 12)
  expect(booking).toMatchObject({ status: 'held' })
  expect(await reasonOf(hold(member, 18))).toBe('TOO_EARLY')
  const near = await hold(member, 5)
  const moveTo = (days: number) =>
    member.bookings.reschedule.mutate({ id: near.id, startsAt: day(days).toISOString() })
  expect(await moveTo(14)).toMatchObject({ status: 'held' })
  expect(await reasonOf(moveTo(19))).toBe('TOO_EARLY')
  const date = booking.startsAt.slice(0, 10)
  const { slots } = await anyone.slots.day.query({ spaceId: space.id, date })
  expect(slots.find(({ startsAt }) => startsAt === booking.startsAt)).toMatchObject({
    status: 'closed',
    reason: 'TOO_EARLY',
  })
})

test('points lower what is to be paid, as often as one asks, and the intent that was begun before is replaced', async () => {
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
  // Only money earns.
  expect(await balanceOf(server, person)).toBe(110)
})

test('where a card could not be charged the rest, fewer points are taken; never more than are needed', async () => {
  const { client, person, booking } = await holdToPay(server, { priceMinor: 1998 })
  await givePoints(server, person, 1000)
  const pay = (redeemPoints: number) =>
    client.payments.createIntent.mutate({ bookingId: booking.id, redeemPoints })
  expect(await pay(399)).toMatchObject({ amountMinor: 53, redeemedPoints: 389, pointsMinor: 1945 })
  expect(await pay(1000)).toMatchObject({ amountMinor: 0, redeemedPoints: 400, pointsMinor: 1998 })
  expect(await balanceOf(server, person)).toBe(600)
})

test('what points pay for whole is a booking at once, with no intent, and the one before cannot be paid any more', async () => {
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

test('money that arrives for what points have paid meanwhile goes back', async () => {
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

test('points come back with a hold that is released or ends, and money that comes later goes back too', async () => {
  const first = await holdToPay(server)
  const { client, person, booking } = first
  await givePoints(server, person, 100)
  const redeem = (bookingId: string) => client.payments.createIntent.mutate({ bookingId, redeemPoints: 100 })
  await redeem(booking.id)
  expect(await client.bookings.cancel.mutate({ id: booking.id })).toMatchObject({ redeemedPoints: 0 })
  expect(await balanceOf(server, person)).toBe(100)

  const second = await holdToPay(server, { person })
  const intent = await redeem(second.booking.id)
  await server.deps.db.execute(
    sql`UPDATE bookings SET hold_expires_at = clock_timestamp() - interval '1 second' WHERE id = ${second.booking.id}`,
  )
  await payInBrowser(server, intent)
  await untilPayment(server, intent.paymentId, ({ status }) => status === 'succeeded')
  // The next who wants the time ends the hold.
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

test('points come back by the share of the policy that the money follows', async () => {
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

test('all points come back where somebody else cancels, and none where nobody came', async () => {
  const cancelled = await paidWithPoints([])
  await (await admin()).bookings.cancel.mutate({ id: cancelled.booking.id })
  expect(await balanceOf(server, cancelled.person)).toBe(101)
  const missed = await paidWithPoints([])
  await letPass(server, missed.booking.id)
  await (await admin()).bookings.noShow.mutate({ id: missed.booking.id })
  expect(await balanceOf(server, missed.person)).toBe(0)
})

test('a deposit is lowered and its card is kept for the balance; points alone pay a service whole, and wait for a yes', async () => {
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
  // What is earned with the deposit and with the balance.
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

test('what points pay for keeps its price: a hold moves to another only without them', async () => {
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

test('nobody redeems for another, for nothing, in a currency without a rate, or after the hold', async () => {
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
  await server.deps.db.execute(
    sql`UPDATE bookings SET hold_expires_at = clock_timestamp() - interval '1 second' WHERE id = ${ended.booking.id}`,
  )
  expect(await redeem(ended.booking.id)).toBe('HOLD_EXPIRED')
  expect(await balanceOf(server, stranger)).toBe(500)
})

test('two redemptions at once, on two servers, never spend the same points', async () => {
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

test('the ledger is never changed, and goes only with its person', async () => {
  const { person, client } = await paidAndPast()
  const { db } = server.deps
  const own = eq(loyaltyEntries.userId, person.id)
  expect(await constraintOf(db.update(loyaltyEntries).set({ points: 1 }).where(own))).toBe(
    'loyalty_entries_stay',
  )
  expect(await constraintOf(db.delete(loyaltyEntries).where(own))).toBe('loyalty_entries_stay')
  const [entry] = await db.select().from(loyaltyEntries).where(own)
  const again = db.insert(loyaltyEntries).values({
    ...entry,
    userId: person.id,
    points: 20,
    kind: 'earned',
    source: entry?.source ?? '',
    id: Bun.randomUUIDv7(),
  })
  expect(await constraintOf(again)).toBe('loyalty_entries_source_key')
  expect((await client.auth.exportMe.query()).loyalty).toMatchObject([{ kind: 'earned', points: 20 }])
  await client.auth.deleteMe.mutate()
  expect(await db.$count(loyaltyEntries, own)).toBe(0)

  const fresh = await makePerson(server)
  await givePoints(server, fresh, 400)
  const unpaid = await holdToPay(server, { person: fresh })
  await unpaid.client.payments.createIntent.mutate({ bookingId: unpaid.booking.id, redeemPoints: 400 })
  await unpaid.client.auth.deleteMe.mutate()
  expect(await db.$count(loyaltyEntries, eq(loyaltyEntries.userId, fresh.id))).toBe(0)
})

test('an operator corrects with a reason that the person sees, and takes no more than there is', async () => {
  const person = await makePerson(server)
  const operator = await admin()
  const correct = (points: number) =>
    operator.loyalty.correct.mutate({ id: person.id, points, reason: 'Sorry' })
  expect(await correct(50)).toMatchObject({ points: 50, tier: 'bronze' })
  expect(await reasonOf(correct(-51))).toBe('NOT_ENOUGH_POINTS')
  expect(await reasonOf(correct(0))).toBe('VALIDATION')
  const words = ['loyalty', person.email, '--correct=-20', '--reason', 'Given twice', '--json']
  const ran = await command({ DATABASE_URL: server.deps.env.DATABASE_URL ?? '' }, ...words)
  expect(ran.json()).toMatchObject({
    points: 30,
    entries: [{ points: -20, reason: 'Given twice' }, { points: 50 }],
  })
  const text = await command({ DATABASE_URL: server.deps.env.DATABASE_URL ?? '' }, 'loyalty', person.email)
  expect(text).toMatchObject({ code: 0, out: expect.stringContaining('30 points, bronze') })
  const half = await command(
    { DATABASE_URL: server.deps.env.DATABASE_URL ?? '' },
    'loyalty',
    person.email,
    '--correct',
    '5',
  )
  expect(half).toMatchObject({ code: 1, err: expect.stringContaining('--reason') })
  const first = await clientOf(server, person).loyalty.mine.query({ limit: 1 })
  expect(first.entries).toMatchObject([{ points: -20 }])
  const rest = await operator.loyalty.ofUser.query({ id: person.id, cursor: first.nextCursor ?? '' })
  expect(rest).toMatchObject({ points: 30, entries: [{ points: 50 }], nextCursor: null })
  expect(await reasonOf(operator.loyalty.ofUser.query({ id: Bun.randomUUIDv7() }))).toBe('NOT_FOUND')
})

test('the database knows the least that a card can be charged as the code does', async () => {
  const currencies = Intl.supportedValuesOf('currency')
  const rows = await server.deps.db.execute<{
    currency: string
    least: number | null
    earn: number
    point: number
  }>(
    sql`SELECT c AS currency, t.least_minor AS least, t.earn_minor AS earn, t.point_minor AS point
      FROM unnest(${`{${currencies.join()}}`}::text[]) AS c, loyalty_currency(c) t`,
  )
  const known = rows.filter(({ least }) => least !== null)
  expect(known.length).toBeGreaterThan(20)
  for (const { currency, least, earn, point } of known) {
    const leastMinor = least ?? 0
    expect(() => refuseUnpayablePrice({ leastMinor, currency })).not.toThrow()
    expect(() => refuseUnpayablePrice({ leastMinor: leastMinor - 1, currency })).toThrow()
    expect(earn).toBeGreaterThan(point)
  }
})

test('points that were earned are told of once, and so is the tier that they reach, in the language of the person', async () => {
  const person = await makePerson(server)
  await earnPoints(server, person, 480)
  const client = clientOf(server, person)
  await client.auth.update.mutate({ language: 'it' })
  const { booking, space } = await paidAndPast({ person })
  const told = await until(async () => {
    await untilTold(server)
    const { items } = await client.notifications.list.query({})
    const ours = items.filter(({ kind }) => kind === 'points_earned' || kind === 'tier_reached')
    return ours.length >= 3 ? ours : undefined
  })
  const sentences = told.map(({ kind, text, bookingId }) => ({ kind, text, bookingId }))
  expect(sentences).toContainEqual({
    kind: 'points_earned',
    text: `Hai guadagnato 20 punti con ${space.name}, House. Ora ne hai 500.`,
    bookingId: booking.id,
  })
  expect(sentences.filter(({ kind }) => kind === 'tier_reached')).toMatchObject([
    { text: expect.stringContaining('argento: 5% di sconto'), bookingId: null },
  ])
  const [entry] = await server.deps.db
    .select()
    .from(loyaltyEntries)
    .where(eq(loyaltyEntries.bookingId, booking.id))
  const rows = await rowsFor(server, person)
  await tellOfPoints(systemContext(server.deps, 'clock'), { entryId: entry?.id ?? '' })
  expect(await rowsFor(server, person)).toEqual(rows)
})

test('points pay for a place at an event, and come back where it is cancelled', async () => {
  const event = await makePaidEvent(server)
  const { person, client, bookingId } = await takePlace(server, event.id)
  await givePoints(server, person, 500)
  const answer = await client.payments.createIntent.mutate({ bookingId, redeemPoints: 400 })
  expect(answer).toMatchObject({ amountMinor: 0, redeemedPoints: 400 })
  expect(await client.events.byId.query({ id: event.id })).toMatchObject({ mine: 'attending' })
  await clientOf(server, event.maker).events.remove.mutate({ id: event.id })
  expect(await balanceOf(server, person)).toBe(500)
})

const MIGRATION = new Bun.Glob('../src/db/migrations/*_loyalty_history.sql')

test('what took place before there were points has earned them as of its day, once, and nobody is told', async () => {
  const person = await makePerson(server)
  const space = await makeSpace(server, { priceMinor: 2000 })
  const past = { from: '2026-01-05T09:00:00Z', to: '2026-01-05T10:00:00Z', status: 'completed' as const }
  const money = { priceMinor: 2000, paidMinor: 2000, refundedMinor: 500 }
  const { id: bookingId } = await insertBooking(server, space, person, { ...past, ...money })
  const { db } = server.deps
  const [file = ''] = await Array.fromAsync(MIGRATION.scan({ cwd: import.meta.dir, absolute: true }))
  const statements = (await Bun.file(file).text()).split('--> statement-breakpoint')
  for (let times = 0; times < 2; times++)
    for (const statement of statements) await db.execute(sql.raw(statement))
  const entries = await db.select().from(loyaltyEntries).where(eq(loyaltyEntries.userId, person.id))
  expect(entries).toMatchObject([
    { kind: 'earned', points: 15, bookingId, createdAt: new Date('2026-01-05T10:00:00Z') },
  ])
  await untilTold(server)
  expect(await rowsFor(server, person)).toEqual([])
})
