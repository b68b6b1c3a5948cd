import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { bookings, loyaltyEntries, payments, refunds } from '../src/db/schema'
import { listFailedJobs } from '../src/services/jobs/jobs'
import { reconcile } from '../src/services/payments/reconcile'
import { everythingIn, raiseStage, randomOf, SECRETS, type Stage } from './support/histories'
import { at, until } from './support/world'

const HISTORIES = process.env.PROVE === '1' ? 500 : 14
const AT_ONCE = 12
const SEED = Number(process.env.HISTORIES_SEED ?? Math.floor(Math.random() * 1e9))
const PRICE = 2000
/** The space's share if a customer cancels under the policy that refunds half. */
const KEPT = 1000
/** Even, so that half of each is a whole number. The last covers the full price. */
const REDEEMED = [0, 100, 100, 390, 400] as const

const random = randomOf(SEED)
const chance = (share: number) => random() < share
const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T

let stage: Stage
const began = new Date(Date.now() - 1000)
beforeAll(async () => {
  stage = await raiseStage(random)
}, 60_000)
afterAll(() => stage?.strike())

test(
  `after ${HISTORIES} histories with kills and faults, all money is settled (seed ${SEED})`,
  async () => {
    let over = false
    const chaos = Promise.all([misbehave(() => over), killAtRandom(() => over)])
    const clientSecrets: string[] = []
    for (let done = 0; done < HISTORIES; done += AT_ONCE) {
      const spaces = [await stage.space(terms(1)), await stage.space(terms(2))]
      const batch = Math.min(AT_ONCE, HISTORIES - done)
      await Promise.all(Array.from({ length: batch }, () => live(pick(spaces), clientSecrets)))
    }
    over = true
    const [, kills] = await chaos
    stage.sandbox.setFaults({})
    await comeToRest()

    await expectEachBookingSettled()
    await expectLedgersToAgree()
    await expectPointsToAgree()
    const quiet = await reconcileAll(false)
    expect(quiet.differences).toEqual([])
    expect(kills).toBeGreaterThan(0)

    const written = `${stage.output()}\n${await everythingIn(stage)}`
    const secrets = [...Object.values(SECRETS), ...clientSecrets, '4242424242424242', '"last4"', 'exp_month']
    expect(written.length).toBeGreaterThan(10_000)
    expect(secrets.filter((secret) => written.includes(secret))).toEqual([])
  },
  HISTORIES * 3000 + 180_000,
)

const terms = (units: number) => ({
  units,
  priceMinor: PRICE,
  cancellation: chance(0.5)
    ? [{ hoursBefore: 0, refundPercent: 100 }]
    : [{ hoursBefore: 0, refundPercent: 50 }],
})

/** A user holds, pays, reschedules and cancels at random, with pauses in which holds expire. */
async function live(spaceId: string, clientSecrets: string[]): Promise<void> {
  const token = await stage.person()
  if (chance(0.5)) await giveSomePoints(token)
  const bookingId = await hold(spaceId, token)
  if (!bookingId) return
  if (chance(0.1)) await stage.ask('DELETE', `/bookings/${bookingId}`, token)
  const begin = (withPoints = chance(0.5)) =>
    stage.ask('POST', '/payments/create-payment-intent', token, {
      bookingId,
      ...(withPoints && { redeemPoints: pick(REDEEMED) }),
    })
  const first = await begin()
  const begun = first.body.reason === 'NOT_ENOUGH_POINTS' ? await begin(false) : first
  if (begun.status !== 200 || begun.body.amountMinor === 0) return
  clientSecrets.push(String(begun.body.clientSecret))
  await pause([0, 0, 0, 500, 3200])
  if (chance(0.2)) await pay(String(begun.body.clientSecret), 'pm_card_chargeDeclined')
  const cancelled = chance(0.15) ? stage.ask('DELETE', `/bookings/${bookingId}`, token) : undefined
  const redeemed = chance(0.15) ? begin() : undefined
  await pay(String(begun.body.clientSecret), pick(['pm_card_visa', 'pm_card_visa', 'pm_card_pendingRefund']))
  await cancelled
  await redeemed
  await pause([0, 0, 300, 3200])
  if (chance(0.5)) await stage.ask('POST', '/payments/confirm', token, { bookingId })
  if (chance(0.2)) await begin()
  if (chance(0.15))
    await stage.ask('PUT', `/bookings/${bookingId}`, token, { startsAt: at(14 + Math.floor(random() * 3)) })
  if (chance(0.3)) await stage.ask('DELETE', `/bookings/${bookingId}`, token)
  if (chance(0.1)) await stage.ask('POST', '/payments/refund', stage.admin, { bookingId })
  if (chance(0.1)) await stage.ask('DELETE', '/auth/me', token)
}

async function giveSomePoints(token: string): Promise<void> {
  const me = await stage.ask('GET', '/auth/me', token)
  const points = pick([150, 400, 1000])
  await stage.ask('POST', `/users/${me.body.id}/loyalty`, stage.admin, { points, reason: 'Welcome' })
}

/** Holds any free hour. If a kill lost the response, the hold is in the user's list. */
async function hold(spaceId: string, token: string): Promise<string | undefined> {
  for (let attempt = 0; attempt < 4; attempt++) {
    const startsAt = at(8 + Math.floor(random() * 5))
    const held = await stage.ask('POST', '/bookings', token, { spaceId, startsAt })
    if (held.status === 200) return String(held.body.id)
    const mine = await stage.ask('GET', '/bookings?status=held', token)
    if (mine.body.items?.[0]) return String(mine.body.items[0].id)
  }
  return undefined
}

const pause = (choices: number[]) => Bun.sleep(pick(choices) * random())

/** Pays as a browser does, repeating failed requests like Stripe.js. */
async function pay(clientSecret: string, card: string): Promise<void> {
  const [id] = clientSecret.split('_secret_')
  for (let attempt = 0; attempt < 3; attempt++) {
    const response = await fetch(`${stage.sandbox.url}/v1/payment_intents/${id}/confirm`, {
      method: 'POST',
      headers: { authorization: `Bearer ${stage.sandbox.publishableKey}` },
      body: new URLSearchParams({ client_secret: clientSecret, payment_method: card }),
    })
    if (response.status < 500) return
  }
}

async function misbehave(isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    stage.sandbox.setFaults({
      failBefore: 0.15 * random(),
      failAfter: 0.1 * random(),
      loseAnswer: 0.15 * random(),
      dropWebhook: chance(0.3) ? 1 : 0.5 * random(),
      duplicateWebhook: random(),
      delayWebhookMs: 2000 * random(),
    })
    await Bun.sleep(300)
  }
}

async function killAtRandom(isOver: () => boolean): Promise<number> {
  for (let kills = 0; ; kills++) {
    await Bun.sleep(600 + 2500 * random())
    await stage.restart()
    if (isOver()) return kills + 1
  }
}

const reconcileAll = (fix: boolean) =>
  reconcile(stage.system(), { from: began, to: new Date(Date.now() + 1000), fix, graceMs: -1000 })

/** Waits for holds, webhooks and jobs, and reconciles until no difference is left. */
async function comeToRest(): Promise<void> {
  const left = (condition: ReturnType<typeof sql>) =>
    stage.db.execute<{ id: string }>(sql`SELECT id FROM ${condition} LIMIT 1`)
  await until(async () => {
    const holds = await left(sql`bookings WHERE status = 'held'`)
    return holds.length === 0 && (await stage.sandbox.pendingDeliveries()) === 0
  }, 60_000)
  let remains: unknown
  await until(async () => {
    await reconcileAll(true)
    await Bun.sleep(200)
    const waiting = await stage.db.select().from(refunds).where(eq(refunds.status, 'requested'))
    const { differences } = await reconcileAll(false)
    remains = { waiting, differences, jobs: await listFailedJobs(stage.db) }
    return waiting.length === 0 && differences.length === 0
  }, 60_000).catch((error) => {
    throw new Error(`the system did not settle: ${JSON.stringify(remains)}`, { cause: error })
  })
}

async function expectEachBookingSettled(): Promise<void> {
  const rows = await stage.db.select().from(bookings)
  const wrong = rows.filter(({ status, paidMinor, refundedMinor, pointsMinor }) => {
    const net = paidMinor - refundedMinor
    if (status === 'confirmed') return net + pointsMinor !== PRICE && net !== 0
    return net !== 0 && !(status === 'cancelled' && net + pointsMinor === KEPT)
  })
  expect(
    wrong.map(({ id, status, paidMinor, refundedMinor, pointsMinor }) => ({
      id,
      status,
      paidMinor,
      refundedMinor,
      pointsMinor,
    })),
  ).toEqual([])
  // A confirmed booking without money must be one that an admin has refunded.
  const unpaid = rows.filter(
    ({ status, paidMinor, refundedMinor }) => status === 'confirmed' && paidMinor === refundedMinor,
  )
  for (const { id, paidMinor, pointsMinor } of unpaid) {
    expect({ id, paid: paidMinor + pointsMinor >= PRICE }).toEqual({ id, paid: true })
  }
  expect(rows.some(({ status }) => status === 'confirmed')).toBe(true)
}

async function expectLedgersToAgree(): Promise<void> {
  const stripe = stage.system().stripe.api()
  const atStripe = { received: 0, back: 0 }
  for await (const intent of stripe.paymentIntents.list({ limit: 100 }))
    atStripe.received += intent.amount_received
  for await (const refund of stripe.refunds.list({ limit: 100 }))
    if (refund.status === 'succeeded') atStripe.back += refund.amount
  const ours = { received: 0, back: 0 }
  for (const { receivedMinor } of await stage.db.select().from(payments)) ours.received += receivedMinor
  for (const { status, amountMinor } of await stage.db.select().from(refunds))
    if (status === 'succeeded') ours.back += amountMinor
  expect(ours).toEqual(atStripe)
  expect(ours.received).toBeGreaterThan(0)
}

/** Ledger and bookings agree, expired holds have no points, and no balance is negative. */
async function expectPointsToAgree(): Promise<void> {
  const wrong = await stage.db.execute(sql`
    SELECT b.id, b.status, b.redeemed_points, e.spent
    FROM bookings b JOIN users u ON u.id = b.user_id AND u.deleted_at IS NULL
    LEFT JOIN (SELECT booking_id, -sum(points) AS spent FROM loyalty_entries GROUP BY booking_id) e ON e.booking_id = b.id
    WHERE b.redeemed_points <> coalesce(e.spent, 0) OR b.status = 'expired' AND b.redeemed_points > 0`)
  expect([...wrong]).toEqual([])
  const overspent = await stage.db.execute(
    sql`SELECT user_id FROM loyalty_entries GROUP BY user_id HAVING sum(points) < 0`,
  )
  expect([...overspent]).toEqual([])
  const redeemed = await stage.db.$count(loyaltyEntries, eq(loyaltyEntries.kind, 'redeemed'))
  if (HISTORIES > 50) expect(redeemed).toBeGreaterThan(0)
}
