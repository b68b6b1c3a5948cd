import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { bookings, payments, stripeEvents } from '../src/db/schema'
import type { RunningServer } from '../src/server'
import { enqueue } from '../src/services/jobs/jobs'
import { admin } from './support/admin'
import { bookingRow, eventOf, holdToPay, payInBrowser, paymentRow, untilBooking } from './support/money'
import { startTestServer, stopTestServers, until } from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ queue: true })
})
afterAll(stopTestServers)

const settingsOf = ({ deps }: RunningServer) => ({ DATABASE_URL: deps.env.DATABASE_URL ?? '' })
const run = (...words: string[]) => admin(settingsOf(server), 'payments', ...words)

async function paidBooking() {
  const held = await holdToPay(server)
  await payInBrowser(server, held.intent)
  await untilBooking(server, held.booking.id, ({ status }) => status === 'confirmed')
  // A late Stripe event about the same intent would repair the difference that a test creates.
  await until(async () => {
    const waiting = await server.deps.db.$count(stripeEvents, eq(stripeEvents.state, 'waiting'))
    return (waiting === 0 && (await server.sandbox?.pendingDeliveries()) === 0) || undefined
  })
  return held
}

type Differences = { differences: { kind: string; bookingId: string; mended: boolean }[] }

test('reconcile finds manual changes and corrects them only with --fix', async () => {
  const { booking, intent } = await paidBooking()
  expect(await run('reconcile', '--grace', '0')).toMatchObject({
    code: 0,
    out: expect.stringContaining('No differences.'),
  })
  const { deps } = server
  await deps.db.update(payments).set({ receivedMinor: 500 }).where(eq(payments.id, intent.paymentId))
  await deps.db.update(bookings).set({ paidMinor: 700 }).where(eq(bookings.id, booking.id))

  const found = await run('reconcile', '--grace', '0', '--json')
  expect(found.code).toBe(1)
  expect(found.json<Differences>().differences).toMatchObject([
    { kind: 'payment_differs', bookingId: booking.id, mended: false },
    { kind: 'sums_differ', bookingId: booking.id, mended: false },
  ])
  expect(await run('reconcile', '--grace', '0')).toMatchObject({
    code: 1,
    out: expect.stringContaining('Add --fix to correct them.'),
  })
  expect(await bookingRow(server, booking.id)).toMatchObject({ paidMinor: 700 })

  const fixed = await run('reconcile', '--grace', '0', '--fix', '--json')
  expect(fixed.code).toBe(0)
  expect(fixed.json<Differences>().differences).toMatchObject([{ kind: 'payment_differs', mended: true }])
  expect(await bookingRow(server, booking.id)).toMatchObject({ paidMinor: 2000, status: 'confirmed' })
  expect(await paymentRow(server, intent.paymentId)).toMatchObject({ receivedMinor: 2000 })
  expect((await run('reconcile', '--grace', '0')).code).toBe(0)
  const before = await run(
    'reconcile',
    '--from',
    '2020-01-01T00:00:00Z',
    '--to',
    '2020-02-01T00:00:00Z',
    '--json',
  )
  expect(before.json()).toMatchObject({ intents: 0, differences: [] })
})

test('payments are listed, all of them or those of one booking', async () => {
  const { booking, intent } = await paidBooking()
  await paidBooking()
  const listed = await run('list', '--booking', booking.id, '--json')
  expect(listed.json<object[]>()).toMatchObject([
    { id: intent.paymentId, status: 'succeeded', amountMinor: 2000, currency: 'EUR' },
  ])
  const newest = await run('list', '--limit', '1')
  expect(newest.out).toContain('More results exist. Raise --limit to see them.')
  expect(newest.out).not.toContain(intent.paymentId)
})

test('a failed Stripe event is listed with its error and processed again on retry', async () => {
  const { intent } = await paidBooking()
  const { stripeIntentId } = await paymentRow(server, intent.paymentId)
  const event = eventOf('payment_intent.succeeded', { object: 'payment_intent', id: stripeIntentId })
  await server.deps.db
    .insert(stripeEvents)
    .values({ id: event.id, type: event.type, intentId: stripeIntentId, state: 'failed', error: 'timeout' })
  const failed = await run('events', '--state', 'failed', '--json')
  expect(failed.json<object[]>()).toMatchObject([
    { id: event.id, error: 'timeout', intentId: stripeIntentId },
  ])

  expect(await run('retry', event.id)).toMatchObject({ code: 0, err: '' })
  const stateOf = async () => {
    const [row] = await server.deps.db.select().from(stripeEvents).where(eq(stripeEvents.id, event.id))
    return row?.state
  }
  await until(async () => (await stateOf()) === 'done' || undefined)
  expect((await run('events', '--state', 'failed')).out).toBe('No Stripe events found.\n')
  expect((await run('events')).out).toContain(event.id)
  const again = await run('retry', event.id, '--json')
  expect(again.code).toBe(1)
  expect(JSON.parse(again.err)).toMatchObject({ error: { reason: 'INVALID_STATE' } })
  expect((await run('retry', 'evt_unknown')).code).toBe(1)
})

test('doctor and metrics report waiting and failed payment work without any worker', async () => {
  const own = await startTestServer()
  const look = (...words: string[]) => admin(settingsOf(own), ...words)
  expect((await look('doctor')).out).toContain('No waiting or failed Stripe events, jobs or refunds.')
  await own.deps.db.insert(stripeEvents).values({
    id: 'evt_late',
    type: 'payment_intent.succeeded',
    receivedAt: new Date(Date.now() - 3_600_000),
  })
  await enqueue(own.deps.db, 'make-refund', { refundId: 'x' }, { key: 'make-refund:x' })
  await own.deps.db.execute(sql`UPDATE graphile_worker._private_jobs
    SET attempts = max_attempts, last_error = 'Stripe is away' WHERE key = 'make-refund:x'`)

  const doctor = await look('doctor')
  expect(doctor.code).toBe(0)
  expect(doctor.out).toContain('Stripe events waiting: 1, jobs failed: 1, jobs given up: 1.')
  expect((await look('payments', 'jobs', '--json')).json<object[]>()).toMatchObject([
    { name: 'make-refund', key: 'make-refund:x', givenUp: true, lastError: 'Stripe is away' },
  ])
  expect((await look('payments', 'jobs')).out).toContain('given up')
  const metrics = await (await fetch(`${own.url}/metrics`)).text()
  expect(metrics).toContain('coworkspace_payment_troubles{kind="waitingEvents"} 1')
  expect(metrics).toContain('coworkspace_payment_troubles{kind="givenUpJobs"} 1')
})

test('doctor reports a missing key, an unreachable Stripe and unverified webhooks', async () => {
  const stripe = async (settings: Record<string, string>) => {
    const { code, json } = await admin({ ...settingsOf(server), ...settings }, 'doctor', '--json')
    const finding = json<{ name: string; state: string; says: string }[]>().find(
      ({ name }) => name === 'stripe',
    )
    return { code, state: finding?.state, says: finding?.says }
  }
  expect(await stripe({})).toMatchObject({ code: 0, state: 'off', says: expect.stringContaining('sandbox') })
  const keys = {
    STRIPE_SECRET_KEY: 'sk_test_sandbox',
    STRIPE_PUBLISHABLE_KEY: 'pk_test_sandbox',
    STRIPE_API_URL: server.sandbox?.url ?? '',
  }
  expect(await stripe(keys)).toMatchObject({
    code: 0,
    state: 'warning',
    says: expect.stringContaining('no signing secret'),
  })
  expect(await stripe({ ...keys, STRIPE_WEBHOOK_SECRET: 'whsec_abc' })).toMatchObject({
    code: 0,
    state: 'ok',
  })
  expect(await stripe({ ...keys, STRIPE_SECRET_KEY: 'sk_live_wrong' })).toMatchObject({
    code: 1,
    state: 'broken',
  })
  const nowhere = { ...keys, STRIPE_API_URL: 'http://127.0.0.1:1' }
  expect(await stripe(nowhere)).toMatchObject({ code: 1, state: 'broken' })
  const reconciled = await admin({ ...settingsOf(server), ...nowhere }, 'payments', 'reconcile', '--json')
  expect(reconciled.code).toBe(1)
  expect(JSON.parse(reconciled.err)).toMatchObject({ error: { reason: 'UNAVAILABLE' } })
  const production = { NODE_ENV: 'production', JWT_SECRET: 'p0Wq7-long-and-random-9xKd3-secret-Zr81' }
  await holdToPay(server)
  expect(await stripe(production)).toMatchObject({
    code: 0,
    state: 'warning',
    says: expect.stringContaining('cannot be booked'),
  })
})

test('invalid arguments end with exit code 2', async () => {
  for (const words of [
    ['retry', 'abc'],
    ['reconcile', '--from', 'monday'],
    ['reconcile', '--grace', '-1'],
    ['events', '--state', 'odd'],
    ['list', '--booking', 'abc'],
  ]) {
    const { code, out, err } = await run(...words)
    expect([words, code, out]).toEqual([words, 2, ''])
    expect(err).toContain('--help')
  }
  const backwards = await run('reconcile', '--from', '2027-01-02T00:00:00Z', '--to', '2027-01-01T00:00:00Z')
  expect(backwards.code).toBe(1)
})
