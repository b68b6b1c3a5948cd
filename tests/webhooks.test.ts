import { afterAll, beforeAll, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import Stripe from 'stripe'
import { stripeEvents } from '../src/db/schema'
import type { RunningServer } from '../src/server'
import { enqueue, requeueLostWork, rescueJobs } from '../src/services/jobs/jobs'
import { bookingRow, eventOf, holdToPay, payInBrowser, stripeOf, untilBooking } from './support/money'
import { clientOf, makePerson, startTestServer, stopTestServers, until } from './support/world'

const OLD_SECRET = 'whsec_the_old_one'
const SECRET = 'whsec_the_new_one'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ queue: true, env: { STRIPE_WEBHOOK_SECRET: `${OLD_SECRET}, ${SECRET}` } })
})
afterAll(stopTestServers)

const storedEvents = async () => {
  const [row] = await server.deps.db.execute<{ count: number }>(
    sql`SELECT count(*)::int AS count FROM stripe_events`,
  )
  return row?.count ?? 0
}

type Sent = { path?: string; headers?: Record<string, string>; secret?: string; timestamp?: number }

async function deliver(
  payload: string,
  { path = '/webhooks/stripe', headers = {}, secret = SECRET, timestamp }: Sent = {},
) {
  const signature = await Stripe.webhooks.generateTestHeaderStringAsync({
    payload,
    secret,
    ...(timestamp !== undefined && { timestamp }),
  })
  const sent = { 'content-type': 'application/json', 'stripe-signature': signature, ...headers }
  const response = await fetch(`${server.url}${path}`, { method: 'POST', body: payload, headers: sent })
  return { status: response.status, body: await response.text() }
}

test('a Stripe event is accepted on both paths, with any secret, and stored once', async () => {
  const before = await storedEvents()
  const event = eventOf('payment_intent.created', { id: 'pi_unknown', object: 'payment_intent' })
  for (const sent of [{}, { path: '/webhook' }, { secret: OLD_SECRET }]) {
    expect(await deliver(JSON.stringify(event), sent)).toEqual({ status: 200, body: '{"received":true}' })
  }
  expect(await storedEvents()).toBe(before + 1)
})

test('a thousand forged deliveries are refused, and nothing is stored', async () => {
  const before = await storedEvents()
  const now = Math.floor(Date.now() / 1000)
  const forged: (() => Promise<{ status: number; body: string }>)[] = [
    () => deliver(payload(), { secret: 'whsec_of_another_account' }),
    () => deliver(payload(), { timestamp: now - 301 }),
    () => deliver(payload(), { timestamp: now - 86_400 }),
    () => deliver(payload(), { headers: { 'stripe-signature': '' } }),
    () => deliver(payload(), { headers: { 'stripe-signature': 't=1,v1=00' } }),
    () => deliver(payload(), { headers: { 'stripe-signature': `t=${now},v0=${'a'.repeat(64)}` } }),
    () => deliver(payload(), { headers: { 'stripe-signature': 'x'.repeat(5000) } }),
    // The signature of another body.
    async () => {
      const signature = await Stripe.webhooks.generateTestHeaderStringAsync({
        payload: payload(),
        secret: SECRET,
      })
      return deliver(payload(), { headers: { 'stripe-signature': signature } })
    },
    // Correctly signed, but not a Stripe event.
    () => deliver('{}'),
    () => deliver('[]'),
    () => deliver('null'),
    () => deliver('not json'),
    () => deliver(''),
    () => deliver(JSON.stringify({ id: 'evt_x', type: 'x'.repeat(200), data: { object: {} } })),
    () => deliver(JSON.stringify({ id: "evt_'; DROP TABLE stripe_events", type: 'x', data: { object: {} } })),
    () => deliver(JSON.stringify({ id: 'evt_nothing', type: 'x', data: {} })),
  ]
  const huge = [600_000, 1_000_000].map(
    (bytes) => () => deliver(JSON.stringify({ ...eventOf('x', {}), text: 'x'.repeat(bytes) })),
  )
  const statuses = new Map<number, number>()
  for (let sent = 0; sent < 1000; sent += 50) {
    const calls = Array.from({ length: 50 }, (_, index) =>
      index < 49 ? forged[(sent + index) % forged.length] : huge[(sent / 50) % 2],
    )
    for (const { status } of await Promise.all(calls.map((call) => call?.() ?? { status: 0 })))
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  expect([...statuses.values()].reduce((sum, count) => sum + count, 0)).toBe(1000)
  expect([...statuses.keys()].filter((status) => status !== 400 && status !== 413)).toEqual([])
  expect(await storedEvents()).toBe(before)
})

const payload = () =>
  JSON.stringify(eventOf('payment_intent.succeeded', { id: 'pi_x', object: 'payment_intent' }))

test('repeated, late and unordered Stripe events confirm each payment exactly once', async () => {
  server.sandbox?.setFaults({ duplicateWebhook: 1, delayWebhookMs: 300 })
  const paid = await Promise.all(Array.from({ length: 5 }, () => holdToPay(server)))
  await Promise.all(paid.map(({ intent }) => payInBrowser(server, intent)))
  for (const { booking } of paid)
    await untilBooking(server, booking.id, ({ status }) => status === 'confirmed')
  server.sandbox?.setFaults({})
  await until(async () => (await server.sandbox?.pendingDeliveries()) === 0)
  for (const { booking } of paid)
    expect(await bookingRow(server, booking.id)).toMatchObject({
      status: 'confirmed',
      paidMinor: 2000,
      refundedMinor: 0,
    })
})

test('a Stripe event’s content is not trusted: the intent is read from Stripe', async () => {
  const { booking, intent } = await holdToPay(server)
  const [id] = intent.clientSecret.split('_secret_')
  const claims = { id, object: 'payment_intent', status: 'succeeded', amount_received: 2000 }
  const event = eventOf('payment_intent.succeeded', claims)
  expect((await deliver(JSON.stringify(event))).status).toBe(200)
  await until(async () => (await stored(event.id))?.state === 'done')
  expect(await bookingRow(server, booking.id)).toMatchObject({ status: 'held', paidMinor: 0 })
})

const stored = async (id: string) => {
  const [row] = await server.deps.db.select().from(stripeEvents).where(sql`${stripeEvents.id} = ${id}`)
  return row
}

test('a foreign Stripe event is ignored; a failed one is listed and can be retried', async () => {
  const foreign = await stripeOf(server).paymentIntents.create({ amount: 500, currency: 'eur' })
  const ignored = eventOf('payment_intent.created', { id: foreign.id, object: 'payment_intent' })
  await deliver(JSON.stringify(ignored))
  await until(async () => (await stored(ignored.id))?.state === 'ignored')

  const failing = eventOf('charge.succeeded', { id: 'ch_1', object: 'charge', payment_intent: 'pi_gone' })
  await deliver(JSON.stringify(failing))
  await until(async () => (await stored(failing.id))?.state === 'failed')
  const admin = clientOf(server, await makePerson(server, 'admin'))
  const { items } = await admin.payments.events.query({ state: 'failed' })
  expect(items.find(({ id }) => id === failing.id)).toMatchObject({
    attempts: 1,
    error: "No such payment_intent: 'pi_gone'",
  })
  expect(await admin.payments.retryEvent.mutate({ id: failing.id })).toMatchObject({ state: 'waiting' })
  await until(async () => ((await stored(failing.id))?.attempts ?? 0) >= 2)
})

test('another server runs the job of a server that died', async () => {
  const { booking, intent } = await holdToPay(server)
  server.sandbox?.setFaults({ dropWebhook: 1 })
  await payInBrowser(server, intent)
  server.sandbox?.setFaults({})
  const [id] = intent.clientSecret.split('_secret_')
  const event = eventOf('payment_intent.succeeded', { id, object: 'payment_intent' })
  await server.deps.db.transaction(async (tx) => {
    await tx.insert(stripeEvents).values({ id: event.id, type: event.type, intentId: String(id) })
    await enqueue(tx, 'stripe-event', { eventId: event.id }, { key: `stripe-event:${event.id}` })
    // As left behind by a server that was killed four minutes ago.
    await tx.execute(sql`UPDATE graphile_worker._private_jobs SET locked_at = now() - interval '4 minutes', locked_by = 'gone'
      WHERE key = ${`stripe-event:${event.id}`}`)
  })
  expect(await bookingRow(server, booking.id)).toMatchObject({ status: 'held' })
  expect(await rescueJobs(server.deps.db)).toBe(1)
  await untilBooking(server, booking.id, ({ status }) => status === 'confirmed')
})

test('a Stripe event gets one new job if its job was lost', async () => {
  const { booking, intent } = await holdToPay(server)
  server.sandbox?.setFaults({ dropWebhook: 1 })
  await payInBrowser(server, intent)
  server.sandbox?.setFaults({})
  const [id] = intent.clientSecret.split('_secret_')
  const lost = eventOf('payment_intent.succeeded', { id, object: 'payment_intent' })
  const receivedAt = sql`now() - interval '11 minutes'`
  await server.deps.db
    .insert(stripeEvents)
    .values({ id: lost.id, type: lost.type, intentId: String(id), receivedAt })
  expect(await requeueLostWork(server.deps.db)).toBe(1)
  await untilBooking(server, booking.id, ({ status }) => status === 'confirmed')
  expect(await requeueLostWork(server.deps.db)).toBe(0)
})
