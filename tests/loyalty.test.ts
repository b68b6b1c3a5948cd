import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { systemContext } from '../src/context'
import { loyaltyEntries } from '../src/db/schema'
import { refuseUnpayablePrice } from '../src/lib/money'
import type { RunningServer } from '../src/server'
import { notifyPoints } from '../src/services/loyalty/loyalty-notifications'
import { admin as command } from './support/admin'
import { balanceOf, earnPoints, givePoints, ledgerOf } from './support/loyalty'
import { holdToPay, payInBrowser, untilBooking } from './support/money'
import { rowsFor, untilTold } from './support/notifications'
import { constraintOf, insertBooking } from './support/rows'
import { letPass } from './support/specialists'
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

/** A completed booking of one hour, paid with 20.00. */
async function paidAndPast(settings: Parameters<typeof holdToPay>[1] = {}) {
  const held = await holdToPay(server, settings)
  await payInBrowser(server, held.intent)
  await untilBooking(server, held.booking.id, ({ status }) => status === 'confirmed')
  await letPass(server, held.booking.id)
  await (await admin()).bookings.complete.mutate({ id: held.booking.id })
  return held
}

test('a completed booking earns one point per euro paid, once', async () => {
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

test('a refund claws back the earned points once, even below zero', async () => {
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

test('a refund that fails at Stripe restores the clawed-back points', async () => {
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

test('a review earns points while it is visible, if the booking had a price', async () => {
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

test('a tier counts points earned in twelve months, not points spent or corrected', async () => {
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

test('a tier’s discount applies at the hold, and the booking keeps that price', async () => {
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
  // A discount never takes a price below the smallest card charge.
  const cheap = await makeSpace(server, { priceMinor: 52 })
  const small = await client.bookings.create.mutate({ spaceId: cheap.id, startsAt: at(9) })
  expect(small).toMatchObject({ priceMinor: 52, discountMinor: 0 })
})

test('a tier allows holds and reschedules further ahead, up to its own limit', async () => {
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

test('ledger entries cannot be changed and are deleted only with their user', async () => {
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

test('an admin corrects points with a reason that the user sees, not below zero', async () => {
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
  expect(text).toMatchObject({ code: 0, out: expect.stringContaining('30 points, tier bronze') })
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

test('the database and the code agree on the smallest card charge', async () => {
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

test('earned points and a new tier each notify the user once, in their language', async () => {
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
    text: `Hai guadagnato 20 punti per ${space.name}, House. Il tuo saldo è di 500 punti.`,
    bookingId: booking.id,
  })
  expect(sentences.filter(({ kind }) => kind === 'tier_reached')).toMatchObject([
    { text: expect.stringContaining('Argento: 5% di sconto'), bookingId: null },
  ])
  const [entry] = await server.deps.db
    .select()
    .from(loyaltyEntries)
    .where(eq(loyaltyEntries.bookingId, booking.id))
  const rows = await rowsFor(server, person)
  await notifyPoints(systemContext(server.deps, 'clock'), { entryId: entry?.id ?? '' })
  expect(await rowsFor(server, person)).toEqual(rows)
})

const MIGRATION = new Bun.Glob('../src/db/migrations/*_loyalty_history.sql')

test('the migration credits past bookings once, on their day, without notifications', async () => {
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
