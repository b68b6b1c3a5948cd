import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import fc from 'fast-check'
import { systemContext } from '../src/context'
import { notifications, payments, refunds, users } from '../src/db/schema'
import { shareOf } from '../src/lib/money'
import type { RunningServer } from '../src/server'
import { refundPercent } from '../src/services/bookings/refunds'
import { enqueue } from '../src/services/jobs/jobs'
import { reconcile } from '../src/services/payments/reconcile'
import { bookingRow, holdToPay, payInBrowser, paymentRow, stripeOf, untilBooking } from './support/money'
import {
  clientOf,
  makePerson,
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

type Settings = Parameters<typeof holdToPay>[1] & { card?: string }

async function paidBooking({ card, ...settings }: Settings = {}) {
  const held = await holdToPay(server, settings)
  await payInBrowser(server, held.intent, card)
  await untilBooking(server, held.booking.id, ({ status }) => status === 'confirmed')
  const { stripeIntentId } = await paymentRow(server, held.intent.paymentId)
  return { ...held, intentId: String(stripeIntentId) }
}

const refundsOf = (paymentId: string) =>
  server.deps.db.select().from(refunds).where(eq(refunds.paymentId, paymentId)).orderBy(refunds.id)
const atStripe = async (intentId: string) =>
  (await stripeOf(server).refunds.list({ payment_intent: intentId })).data
const settled = (paymentId: string) =>
  until(async () => {
    const rows = await refundsOf(paymentId)
    return rows.length > 0 && rows.every(({ status }) => status !== 'requested') ? rows : undefined
  })
const admin = async () => clientOf(server, await makePerson(server, 'admin'))

test('cancelling refunds the previewed amount, by the policy at the time of booking', async () => {
  const policy = [{ hoursBefore: 24, refundPercent: 50 }]
  const { booking, client, intent, intentId, space } = await paidBooking({
    cancellation: policy,
    priceMinor: 2001,
  })
  await (await admin()).spaces.update.mutate({ id: space.id, cancellation: [] })
  const preview = { amountMinor: 1001, points: 0, currency: 'EUR' }
  expect(await client.bookings.previewRefund.query({ id: booking.id })).toEqual(preview)
  expect(await client.bookings.cancel.mutate({ id: booking.id })).toMatchObject({
    status: 'cancelled',
    paidMinor: 2001,
    refundedMinor: 1001,
  })
  expect(await reasonOf(client.bookings.previewRefund.query({ id: booking.id }))).toBe('NOT_CANCELLABLE')
  await settled(intent.paymentId)
  expect(await atStripe(intentId)).toMatchObject([{ amount: 1001, status: 'succeeded' }])
})

test('the refund tier with the most hours that still fits applies, to the second', () => {
  const tiers = [
    { hoursBefore: 24, refundPercent: 50 },
    { hoursBefore: 72, refundPercent: 100 },
    { hoursBefore: 0, refundPercent: 10 },
  ]
  const given = [100, 72, 72 - 1 / 3600, 24, 23.99, 0, -1].map((hours) => refundPercent(tiers, hours))
  expect(given).toEqual([100, 100, 50, 50, 10, 10, 0])
  expect(refundPercent([], 1000)).toBe(0)
})

test('a share never exceeds the amount and is payable in its currency', () => {
  fc.assert(
    fc.property(
      fc.nat(100_000_000),
      fc.integer({ min: 0, max: 100 }),
      fc.constantFrom('EUR', 'JPY', 'ISK'),
      (amount, percent, currency) => {
        const share = shareOf(amount, percent, currency)
        expect(share).toBeGreaterThanOrEqual(0)
        expect(share).toBeLessThanOrEqual(amount)
        expect(Math.abs(share - (amount * percent) / 100)).toBeLessThanOrEqual(0.5)
      },
    ),
  )
  expect(shareOf(5010, 50, 'KWD')).toBe(2510)
})

test('a cancellation by an admin is refunded in full, whatever the policy', async () => {
  const { booking, intent } = await paidBooking({ cancellation: [] })
  expect(await (await admin()).bookings.previewRefund.query({ id: booking.id })).toMatchObject({
    amountMinor: 2000,
  })
  expect(await (await admin()).bookings.cancel.mutate({ id: booking.id })).toMatchObject({
    refundedMinor: 2000,
  })
  expect(await settled(intent.paymentId)).toMatchObject([{ amountMinor: 2000, status: 'succeeded' }])
})

test('an admin can refund in parts, to the last cent and never more', async () => {
  const { booking, intent, intentId, client } = await paidBooking()
  const operator = await admin()
  const refund = (amountMinor?: number) =>
    operator.payments.refund.mutate({ bookingId: booking.id, amountMinor, reason: 'Noise' })
  expect(await refund(700)).toMatchObject({
    booking: { status: 'confirmed', refundedMinor: 700 },
    refunds: [{ amountMinor: 700, status: 'requested', reason: 'Noise' }],
  })
  expect(await reasonOf(refund(1301))).toBe('NOT_REFUNDABLE')
  const racing = await Promise.all(Array.from({ length: 6 }, () => reasonOf(refund(500))))
  expect(racing.filter((reason) => reason === 'was not refused')).toHaveLength(2)
  expect(racing.filter((reason) => reason === 'NOT_REFUNDABLE')).toHaveLength(4)
  expect(await refund()).toMatchObject({ booking: { refundedMinor: 2000 }, refunds: [{ amountMinor: 300 }] })
  expect(await reasonOf(refund())).toBe('NOT_REFUNDABLE')
  await settled(intent.paymentId)
  const made = await until(async () => {
    const rows = await atStripe(intentId)
    return rows.length === 4 ? rows : undefined
  })
  expect(made.map(({ amount }) => amount).sort()).toEqual([300, 500, 500, 700])
  const [payment] = (await client.payments.list.query({ bookingId: booking.id })).items
  expect(payment).toMatchObject({ amountMinor: 2000, refundedMinor: 2000 })

  const first = await operator.payments.refunds.query({ status: 'succeeded', limit: 3 })
  const next = await operator.payments.refunds.query({
    status: 'succeeded',
    limit: 100,
    cursor: first.nextCursor ?? undefined,
  })
  const ours = [...first.items, ...next.items].filter(({ bookingId }) => bookingId === booking.id)
  expect(ours.map(({ amountMinor }) => amountMinor)).toEqual([300, 500, 500, 700])
  expect(ours.at(-1)).toMatchObject({ reason: 'Noise', currency: 'EUR', failureCode: null })
})

test('a refund by the owner is a cancellation, without a choice of amount', async () => {
  const { booking, client } = await paidBooking()
  const ask = (amountMinor?: number) => client.payments.refund.mutate({ bookingId: booking.id, amountMinor })
  expect(await reasonOf(ask(1))).toBe('NOT_ALLOWED')
  expect(await ask()).toMatchObject({ booking: { status: 'cancelled', refundedMinor: 2000 } })
})

/** Leaves enough money at Stripe for a second refund to succeed by mistake. */
const HALF = [{ hoursBefore: 0, refundPercent: 50 }]

test('a refund is made once, even if its job runs again after the key expired', async () => {
  const { booking, client, intent, intentId } = await paidBooking({ cancellation: HALF })
  server.sandbox?.setFaults({ dropWebhook: 1 })
  await client.bookings.cancel.mutate({ id: booking.id })
  const [refund] = await settled(intent.paymentId)
  if (!refund) throw new Error('no refund was requested')
  await until(async () => {
    const [work] = await server.deps.db.execute<{ left: number }>(
      'SELECT count(*)::int AS left FROM graphile_worker.jobs WHERE last_error IS NULL',
    )
    return work?.left === 0 && (await server.sandbox?.pendingDeliveries()) === 0
  })
  // As days after a crash between Stripe's response and our commit.
  await server.deps.db
    .update(refunds)
    .set({ status: 'requested', stripeRefundId: null, attempt: 9 })
    .where(eq(refunds.id, refund.id))
  await enqueue(server.deps.db, 'make-refund', { refundId: refund.id })
  await settled(intent.paymentId)
  server.sandbox?.setFaults({})
  expect(await atStripe(intentId)).toHaveLength(1)
  expect(await bookingRow(server, booking.id)).toMatchObject({ paidMinor: 2000, refundedMinor: 1000 })
})

test('a refund is made once despite lost responses and failed requests', async () => {
  for (const fault of [{ loseAnswer: 1 }, { failAfter: 1 }, { failBefore: 1 }]) {
    const { booking, client, intent, intentId } = await paidBooking({ cancellation: HALF })
    server.sandbox?.setFaults({ ...fault, dropWebhook: 1 })
    await client.bookings.cancel.mutate({ id: booking.id })
    const [refund] = await refundsOf(intent.paymentId)
    const key = `make-refund:${refund?.id}`
    await until(async () => {
      const failed = await server.deps.db.execute(
        sql`SELECT FROM graphile_worker.jobs WHERE key = ${key} AND last_error IS NOT NULL`,
      )
      return failed.length === 1
    })
    server.sandbox?.setFaults({})
    expect(await refundsOf(intent.paymentId)).toMatchObject([{ status: 'requested' }])
    // Skips the delay before the retry.
    await server.deps.db.execute(
      sql`UPDATE graphile_worker._private_jobs SET run_at = now() WHERE key = ${key}`,
    )
    await settled(intent.paymentId)
    expect(await atStripe(intentId)).toMatchObject([{ amount: 1000 }])
  }
})

test('a refund that the bank returns fails, and its owner is notified', async () => {
  const { booking, client, intent, person } = await paidBooking({ card: 'pm_card_refundFail' })
  await client.bookings.cancel.mutate({ id: booking.id })
  await until(async () => (await refundsOf(intent.paymentId)).some(({ status }) => status === 'failed'))
  expect(await bookingRow(server, booking.id)).toMatchObject({ paidMinor: 2000, refundedMinor: 0 })
  const told = await server.deps.db.select().from(notifications).where(eq(notifications.userId, person.id))
  // The bank accepts it first, so the user may have been notified of a success in between.
  const kinds = told.map(({ kind }) => kind).filter((kind) => kind !== 'refund_made')
  expect(kinds.sort()).toEqual([
    'booking_cancelled',
    'booking_confirmed',
    'payment_received',
    'refund_failed',
  ])
})

test('a slow refund stays requested until it succeeds', async () => {
  const { booking, client, intent } = await paidBooking({ card: 'pm_card_pendingRefund' })
  await client.bookings.cancel.mutate({ id: booking.id })
  expect(await settled(intent.paymentId)).toMatchObject([{ status: 'succeeded', amountMinor: 2000 }])
})

test('a refund made at Stripe by hand is recorded and limits later refunds', async () => {
  const { booking, intent, intentId } = await paidBooking()
  await stripeOf(server).refunds.create({ payment_intent: intentId, amount: 1500 })
  await untilBooking(server, booking.id, ({ refundedMinor }) => refundedMinor === 1500)
  expect(await refundsOf(intent.paymentId)).toMatchObject([{ reason: 'made at Stripe', status: 'succeeded' }])
  expect(
    await reasonOf((await admin()).payments.refund.mutate({ bookingId: booking.id, amountMinor: 501 })),
  ).toBe('NOT_REFUNDABLE')
})

test('deleting an account cancels and refunds its bookings and erases the user', async () => {
  const { booking, intent, intentId, person } = await paidBooking()
  const unpaid = await holdToPay(server, { person })
  expect((await rest(server, '/auth/me', { method: 'DELETE', person })).status).toBe(200)
  expect(await bookingRow(server, booking.id)).toMatchObject({ status: 'cancelled', refundedMinor: 2000 })
  await settled(intent.paymentId)
  expect(await atStripe(intentId)).toMatchObject([{ amount: 2000 }])
  await until(async () => (await paymentRow(server, unpaid.intent.paymentId)).status === 'cancelled')
  const [left] = await server.deps.db.select().from(users).where(eq(users.id, person.id))
  expect(left).toMatchObject({ email: null, name: 'Deleted user', stripeCustomerId: null })
})

test('the reconciliation reports each difference and corrects it on request', async () => {
  server.sandbox?.setFaults({ dropWebhook: 1 })
  const lost = await holdToPay(server)
  await payInBrowser(server, lost.intent)
  const stray = await stripeOf(server).paymentIntents.create({
    amount: 2000,
    currency: 'eur',
    metadata: { bookingId: lost.booking.id, kind: 'full' },
  })
  const { intentId, ...back } = await paidBookingQuietly()
  await stripeOf(server).refunds.create({ payment_intent: intentId, amount: 300 })
  const disputed = await stripeOf(server).paymentIntents.retrieve(intentId)
  await fetch(`${server.sandbox?.url}/v1/charges/${disputed.latest_charge}/dispute`, {
    method: 'POST',
    headers: { authorization: 'Bearer sk_test_sandbox' },
  })
  server.sandbox?.setFaults({})

  const ctx = systemContext(server.deps, 'payment')
  const period = { from: new Date(Date.now() - 60_000), to: new Date(Date.now() + 1000), graceMs: -1000 }
  const mine = ({ bookingId }: { bookingId: string | null }) =>
    bookingId === lost.booking.id || bookingId === back.booking.id
  const looked = (await reconcile(ctx, { ...period, fix: false })).differences.filter(mine)
  expect(looked.map(({ kind, mended }) => `${kind} ${mended}`).sort()).toEqual([
    'dispute false',
    'payment_differs false',
    'refund_differs false',
    'unknown_intent false',
  ])
  expect(await bookingRow(server, lost.booking.id)).toMatchObject({ status: 'held' })
  await reconcile(ctx, { ...period, fix: true })
  expect(await bookingRow(server, lost.booking.id)).toMatchObject({ status: 'confirmed', paidMinor: 2000 })
  expect(await bookingRow(server, back.booking.id)).toMatchObject({ refundedMinor: 300 })
  expect(await stripeOf(server).paymentIntents.retrieve(stray.id)).toMatchObject({ status: 'canceled' })
  const after = (await reconcile(ctx, { ...period, fix: true })).differences.filter(mine)
  expect(after.map(({ kind }) => kind)).toEqual(['dispute'])
  const [row] = await server.deps.db.select().from(payments).where(eq(payments.id, back.intent.paymentId))
  expect(row).toMatchObject({ disputed: true })
})

test('the reconciliation cancels an intent that a crashed server left open', async () => {
  const { booking } = await holdToPay(server)
  server.sandbox?.setFaults({ dropWebhook: 1 })
  const { id: stripeIntentId } = await stripeOf(server).paymentIntents.create({
    amount: 2000,
    currency: 'eur',
    metadata: { bookingId: booking.id, kind: 'full' },
  })
  server.sandbox?.setFaults({})
  await server.deps.db.insert(payments).values({
    bookingId: booking.id,
    kind: 'full',
    status: 'cancelled',
    amountMinor: 2000,
    currency: 'EUR',
    stripeIntentId,
  })
  const ctx = systemContext(server.deps, 'payment')
  const period = { from: new Date(Date.now() - 60_000), to: new Date(Date.now() + 1000), graceMs: -1000 }
  const differing = async () =>
    (await reconcile(ctx, { ...period, fix: true })).differences.filter(
      ({ stripeId }) => stripeId === stripeIntentId,
    )
  expect(await differing()).toMatchObject([
    { kind: 'payment_differs', ours: 'cancelled 0 EUR', stripes: 'open 0 EUR', mended: true },
  ])
  expect(await stripeOf(server).paymentIntents.retrieve(stripeIntentId)).toMatchObject({ status: 'canceled' })
  expect(await differing()).toEqual([])
  expect(await bookingRow(server, booking.id)).toMatchObject({ status: 'held' })
})

/** A paid booking that the return page confirms, without webhooks. */
async function paidBookingQuietly() {
  const held = await holdToPay(server)
  await payInBrowser(server, held.intent)
  await held.client.payments.confirm.mutate({ bookingId: held.booking.id })
  const { stripeIntentId } = await paymentRow(server, held.intent.paymentId)
  return { ...held, intentId: String(stripeIntentId) }
}
