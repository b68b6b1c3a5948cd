import { afterAll, beforeAll, expect, test } from 'bun:test'
import { asc, eq, sql } from 'drizzle-orm'
import { loyaltyEntries } from '../src/db/schema'
import type { Booking } from '../src/schemas/bookings'
import type { RunningServer } from '../src/server'
import { sweepExpiredHolds } from '../src/services/bookings/sweep'
import { balanceOf, givePoints } from './support/loyalty'
import { payInBrowser } from './support/money'
import { randomFrom, sized } from './support/proof'
import { letPass } from './support/specialists'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
  reasonOf,
  startTestServer,
  stopTestServers,
  type TestClient,
  type TestPerson,
} from './support/world'

const LIVES = sized(30, 600)
const AT_ONCE = 6
const PEOPLE = 3
const GIVEN = 500
/** The value of a point, the amount that earns one, and the smallest card charge, all in cents. */
const WORTH = 5
const PER_POINT = 100
const LEAST = 50

const random = randomFrom('loyalty histories')
let servers: RunningServer[]
let admin: TestClient
let spaces: { id: string; backPercent: number }[]
beforeAll(async () => {
  const first = await startTestServer({ queue: true })
  servers = [first, await startTestServer({ queue: true, databaseUrl: first.deps.env.DATABASE_URL ?? '' })]
  admin = clientOf(first, await makePerson(first, 'admin'))
  spaces = await Promise.all(
    [100, 50, 0].map(async (refundPercent) => {
      const priceMinor = [1999, 2000, 4205][random.below(3)]
      const cancellation = [{ hoursBefore: 0, refundPercent }]
      const space = await makeSpace(first, { priceMinor, cancellation, units: LIVES, maxSlots: 3 })
      return { id: space.id, backPercent: refundPercent }
    }),
  )
})
afterAll(stopTestServers)

type Life = { redeemed: number; paidMinor: number; took: boolean; review: number }
const pointsOf = ({ redeemed, paidMinor, took, review }: Life) =>
  (took ? Math.floor(paidMinor / PER_POINT) : 0) + review - redeemed

test(`after ${LIVES} bookings on two servers, the ledger matches a simple model`, async () => {
  const [server] = servers as [RunningServer]
  const people = await Promise.all(Array.from({ length: PEOPLE }, () => makePerson(server)))
  const model = new Map(people.map(({ id }) => [id, GIVEN]))
  for (const person of people) await givePoints(server, person, GIVEN)
  for (let done = 0; done < LIVES; done += AT_ONCE) {
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        const person = random.pick(people)
        const life = await live(person)
        model.set(person.id, (model.get(person.id) ?? 0) + pointsOf(life))
      }),
    )
    for (const person of people) expect(await balanceOf(server, person)).toBe(model.get(person.id) ?? 0)
  }
  for (const person of people) {
    const { points } = await clientOf(server, person).loyalty.mine.query({})
    expect(points).toBe(model.get(person.id) ?? 0)
    await expectNothingSpentTwice(server, person)
  }
  const kinds = await server.deps.db.selectDistinct({ kind: loyaltyEntries.kind }).from(loyaltyEntries)
  expect(kinds.length).toBe(6)
}, 900_000)

/** The balance, without clawbacks, never goes below zero. */
async function expectNothingSpentTwice({ deps }: RunningServer, { id }: TestPerson): Promise<void> {
  const entries = await deps.db
    .select()
    .from(loyaltyEntries)
    .where(eq(loyaltyEntries.userId, id))
    .orderBy(asc(loyaltyEntries.createdAt), asc(loyaltyEntries.id))
  let there = 0
  for (const { kind, points } of entries) {
    if (kind !== 'clawed_back') there += points
    expect(there).toBeGreaterThanOrEqual(0)
  }
}

/** Runs one booking from its hold to its end and returns its model. */
async function live(person: TestPerson): Promise<Life> {
  const server = random.pick(servers)
  const client = clientOf(server, person)
  const space = random.pick(spaces)
  const startsAt = at(random.below(2000))
  const booking = await client.bookings.create.mutate({ spaceId: space.id, startsAt })
  const life: Life = { redeemed: 0, paidMinor: 0, took: false, review: 0 }
  let intent = await client.payments.createIntent.mutate({ bookingId: booking.id })
  for (let times = random.below(4); times > 0 && intent.amountMinor > 0; times--) {
    const redeemPoints = random.pick([0, 37, 100, 390, 1000])
    const call = client.payments.createIntent.mutate({ bookingId: booking.id, redeemPoints })
    const answer = await call.catch(() => null)
    if (!answer) {
      expect(await reasonOf(call)).toBe('NOT_ENOUGH_POINTS')
      continue
    }
    life.redeemed = fitting(booking, redeemPoints)
    expect(answer).toMatchObject({
      redeemedPoints: life.redeemed,
      amountMinor: Math.max(0, booking.priceMinor - life.redeemed * WORTH),
    })
    intent = answer
  }
  if (intent.amountMinor > 0) {
    if (random.chance(0.3)) return endHold(server, client, booking, life)
    await payInBrowser(server, intent)
    await client.payments.confirm.mutate({ bookingId: booking.id })
    life.paidMinor = intent.amountMinor
  }
  return random.chance(0.4)
    ? cancel(client, booking, life, space.backPercent)
    : takePlace(server, client, booking, life)
}

/** The points that the server redeems. A rest that is due is never below the smallest card charge. */
function fitting({ priceMinor }: Booking, points: number): number {
  if (points * WORTH >= priceMinor) return Math.ceil(priceMinor / WORTH)
  return Math.min(points, Math.floor((priceMinor - LEAST) / WORTH))
}

async function endHold({ deps }: RunningServer, client: TestClient, { id }: Booking, life: Life) {
  if (random.chance(0.5)) {
    await client.bookings.cancel.mutate({ id })
  } else {
    await deps.db.execute(
      sql`UPDATE bookings SET hold_expires_at = clock_timestamp() - interval '1 second' WHERE id = ${id}`,
    )
    await sweepExpiredHolds(deps)
  }
  return { ...life, redeemed: 0 }
}

async function cancel(client: TestClient, { id }: Booking, life: Life, backPercent: number): Promise<Life> {
  if (random.chance(0.3)) {
    await admin.bookings.cancel.mutate({ id })
    return { ...life, redeemed: 0 }
  }
  await client.bookings.cancel.mutate({ id })
  return { ...life, redeemed: life.redeemed - Math.round((life.redeemed * backPercent) / 100) }
}

async function takePlace(
  server: RunningServer,
  client: TestClient,
  { id }: Booking,
  life: Life,
): Promise<Life> {
  await letPass(server, id)
  if (random.chance(0.15)) {
    await admin.bookings.noShow.mutate({ id })
    return life
  }
  await admin.bookings.complete.mutate({ id })
  const after = { ...life, took: true }
  if (random.chance(0.5)) {
    const review = await client.reviews.create.mutate({ bookingId: id, rating: 5 })
    if (random.chance(0.3)) await admin.reviews.hide.mutate({ id: review.id, reason: 'Names a person' })
    else after.review = 10
  }
  while (after.paidMinor > 0 && random.chance(0.4)) {
    const amountMinor = 1 + random.below(after.paidMinor)
    await admin.payments.refund.mutate({ bookingId: id, amountMinor })
    after.paidMinor -= amountMinor
  }
  return after
}
