import { afterAll, beforeAll, expect, test } from 'bun:test'
import Stripe from 'stripe'
import { createLog } from '../src/lib/logger'
import { type StripeSandbox, startStripeSandbox } from '../src/sandbox/stripe'
import fields from './fixtures/stripe-fields.json'
import { createDatabase } from './support/database'

let sandbox: StripeSandbox
let stripe: Stripe
let databaseUrl: string
const log = createLog({ level: 'silent', terminal: false })

const sdkOf = ({ url, secretKey }: StripeSandbox) => {
  const { hostname, port } = new URL(url)
  return new Stripe(secretKey, {
    host: hostname,
    port,
    protocol: 'http',
    maxNetworkRetries: 0,
    telemetry: false,
  })
}

beforeAll(async () => {
  databaseUrl = await createDatabase()
  sandbox = await startStripeSandbox({ databaseUrl, log })
  stripe = sdkOf(sandbox)
})
afterAll(() => sandbox.stop())

const pay = async (amount = 2000, payment_method = 'pm_card_visa') => {
  const { id } = await stripe.paymentIntents.create({ amount, currency: 'eur' })
  return stripe.paymentIntents.confirm(id, { payment_method, expand: ['latest_charge'] })
}

async function failureOf(call: Promise<unknown>) {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!(error instanceof Stripe.errors.StripeError)) throw new Error(`not a Stripe error: ${error}`)
  return { type: error.type, code: error.code, decline: error.decline_code, status: error.statusCode }
}

test('objects have all fields of Stripe’s published ones, with their type or null', async () => {
  const intent = await pay()
  const charge = intent.latest_charge as Stripe.Charge
  const refund = await stripe.refunds.create({ payment_intent: intent.id, amount: 100 })
  const customer = await stripe.customers.create({ email: 'ada@example.com' })
  const payment_method = await stripe.paymentMethods.retrieve(String(intent.payment_method))
  const [event] = (await stripe.events.list({ limit: 1 })).data
  await fetch(`${sandbox.url}/v1/charges/${charge.id}/dispute`, {
    method: 'POST',
    headers: { authorization: `Bearer ${sandbox.secretKey}` },
  })
  const [dispute] = (await stripe.disputes.list()).data
  const ours: Record<string, object | undefined> = {
    payment_intent: intent,
    charge,
    refund,
    customer,
    payment_method,
    event,
    dispute,
  }
  for (const [name, object] of Object.entries(ours)) {
    const expected = fields[name as Exclude<keyof typeof fields, 'source'>]
    const wrong = Object.entries(expected).filter(([field, type]) => {
      const value = (object as Record<string, unknown> | undefined)?.[field]
      if (value === undefined) return true
      return value !== null && type !== 'null' && type !== (Array.isArray(value) ? 'array' : typeof value)
    })
    expect({ name, wrong }).toEqual({ name, wrong: [] })
  }
})

test('test cards behave as at Stripe, and errors have Stripe’s shape', async () => {
  expect((await pay()).status).toBe('succeeded')
  expect(await failureOf(pay(2000, 'pm_card_chargeDeclined'))).toEqual({
    type: 'StripeCardError',
    code: 'card_declined',
    decline: 'generic_decline',
    status: 402,
  })
  expect(await failureOf(pay(2000, 'pm_card_chargeDeclinedInsufficientFunds'))).toMatchObject({
    decline: 'insufficient_funds',
  })
  expect((await pay(2000, 'pm_card_authenticationRequired')).status).toBe('requires_action')
  const { id } = await stripe.paymentIntents.create({ amount: 2000, currency: 'eur' })
  const offSession = stripe.paymentIntents.confirm(id, {
    payment_method: 'pm_card_authenticationRequired',
    off_session: true,
  })
  expect(await failureOf(offSession)).toMatchObject({ code: 'authentication_required', status: 402 })
  expect(await failureOf(stripe.paymentIntents.create({ amount: 49, currency: 'eur' }))).toMatchObject({
    code: 'amount_too_small',
    status: 400,
  })
  expect(await failureOf(stripe.paymentIntents.retrieve('pi_none'))).toMatchObject({
    code: 'resource_missing',
    status: 404,
  })
  expect(await failureOf(stripe.paymentIntents.cancel((await pay()).id))).toMatchObject({
    code: 'payment_intent_unexpected_state',
  })
})

test('an idempotency key repeats the response to its request and refuses another one', async () => {
  const key = { idempotencyKey: 'the-same-key' }
  const create = (amount: number) => stripe.paymentIntents.create({ amount, currency: 'eur' }, key)
  const [first, again] = [await create(700), await create(700)]
  expect(again).toEqual(first)
  expect(await failureOf(create(701))).toMatchObject({ type: 'StripeIdempotencyError', status: 400 })
  const racing = await Promise.all(
    Array.from({ length: 10 }, () =>
      stripe.paymentIntents.create({ amount: 800, currency: 'eur' }, { idempotencyKey: 'raced' }),
    ),
  )
  expect(new Set(racing.map(({ id }) => id)).size).toBe(1)
})

test('partial refunds never exceed the payment, even if they are concurrent', async () => {
  const { id: payment_intent } = await pay(1000)
  const outcomes = await Promise.allSettled(
    Array.from({ length: 8 }, () => stripe.refunds.create({ payment_intent, amount: 300 })),
  )
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(3)
  await stripe.refunds.create({ payment_intent })
  expect(await failureOf(stripe.refunds.create({ payment_intent }))).toMatchObject({
    code: 'charge_already_refunded',
  })
})

test('lists are filtered and paged, newest first', async () => {
  const customer = (await stripe.customers.create({})).id
  const made: string[] = []
  for (let amount = 100; amount < 105; amount++)
    made.unshift((await stripe.paymentIntents.create({ amount, currency: 'eur', customer })).id)
  const first = await stripe.paymentIntents.list({ customer, limit: 2 })
  expect(first).toMatchObject({ object: 'list', has_more: true })
  const all = await stripe.paymentIntents.list({ customer, limit: 2 }).autoPagingToArray({ limit: 100 })
  expect(all.map(({ id }) => id)).toEqual(made)
  const before = await stripe.paymentIntents.list({ customer, ending_before: String(made[2]) })
  expect(before.data.map(({ id }) => id)).toEqual(made.slice(0, 2))
})

test('a publishable key reads an intent with its client secret, and nothing else', async () => {
  const intent = await stripe.paymentIntents.create({ amount: 500, currency: 'eur' })
  const ask = async (path: string, key = sandbox.publishableKey) =>
    (await fetch(`${sandbox.url}/v1/${path}`, { headers: { authorization: `Bearer ${key}` } })).status
  expect(await ask(`payment_intents/${intent.id}?client_secret=${intent.client_secret}`)).toBe(200)
  expect(await ask(`payment_intents/${intent.id}?client_secret=wrong`)).toBe(404)
  expect(await ask(`payment_intents/${intent.id}`)).toBe(404)
  expect(await ask('payment_intents')).toBe(403)
  expect(await ask('customers')).toBe(403)
  expect(await ask('payment_intents', 'sk_live_stolen')).toBe(401)
})

test('a body with countless or deeply nested parameters is refused at once', async () => {
  const deep = `a${'[b]'.repeat(100_000)}=1`
  const many = 'a[]=1&'.repeat(100_000)
  for (const body of [deep, '['.repeat(20_000), many]) {
    const answer = await fetch(`${sandbox.url}/v1/payment_intents`, {
      method: 'POST',
      headers: { authorization: `Bearer ${sandbox.publishableKey}` },
      body,
    })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ error: { type: 'invalid_request_error' } })
  }
  expect((await stripe.paymentIntents.create({ amount: 500, currency: 'eur' })).amount).toBe(500)
})

test('a second sandbox on the same database sees the same data and secret', async () => {
  const { id } = await stripe.paymentIntents.create({ amount: 500, currency: 'eur' })
  const other = await startStripeSandbox({ databaseUrl, log })
  expect((await sdkOf(other).paymentIntents.retrieve(id)).amount).toBe(500)
  expect(other.webhookSecret).toBe(sandbox.webhookSecret)
  await other.stop()
})

test('webhooks are signed and repeated until accepted, but no longer', async () => {
  const seen: string[] = []
  const receiver = Bun.serve({
    port: 0,
    hostname: '127.0.0.1',
    async fetch(request) {
      const body = await request.text()
      const signature = String(request.headers.get('stripe-signature'))
      const event = await Stripe.webhooks.constructEventAsync(body, signature, sandbox.webhookSecret)
      seen.push(event.id)
      return new Response(null, { status: seen.length < 2 ? 500 : 200 })
    },
  })
  sandbox.setWebhookUrl(`http://127.0.0.1:${receiver.port}`)
  while ((await sandbox.pendingDeliveries()) > 0) await Bun.sleep(10)
  const [first] = seen
  expect(seen.filter((id) => id === first)).toHaveLength(2)
  expect(new Set(seen).size).toBe(seen.length - 1)
  await receiver.stop(true)
})
