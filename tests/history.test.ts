import { afterAll, beforeAll, expect, test } from 'bun:test'
import { eq, sql } from 'drizzle-orm'
import { contextOf, type Publish, type SignedInContext } from '../src/context'
import { bookings } from '../src/db/schema'
import { AppError } from '../src/errors'
import { iso, MINUTE, type Period } from '../src/lib/time'
import { messageOf } from '../src/realtime/bus'
import type { Booking } from '../src/schemas/bookings'
import type { RunningServer } from '../src/server'
import { bookSlot, cancelBooking, confirmBooking, releaseSlot } from '../src/services/bookings/bookings'
import { holdTime } from '../src/services/bookings/hold'
import { rescheduleBooking } from '../src/services/bookings/reschedule'
import { sweepExpiredHolds } from '../src/services/bookings/sweep'
import { createModel, type ModelBooking, type ModelOutcome } from './support/model'
import { type Random, randomFrom, sized } from './support/proof'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
  startTestServer,
  stopTestServers,
  testDate,
} from './support/world'

const MAX_HOLDS = 4
const env = { MAX_HOLDS_PER_PERSON: String(MAX_HOLDS), CACHE: 'on' }
let server: RunningServer
let second: RunningServer
beforeAll(async () => {
  server = await startTestServer({ env })
  second = await startTestServer({ env, databaseUrl: server.deps.env.DATABASE_URL ?? '' })
})
afterAll(stopTestServers)

const makeSpaces = () =>
  Promise.all([
    makeSpace(server, { units: 1, maxSlots: 3 }),
    makeSpace(server, { units: 3, bufferMinutes: 15, maxSlots: 4 }),
    makeSpace(server, { units: 2, bufferMinutes: 60, priceMinor: 500, maxSlots: 2 }),
  ])

async function personContext({ deps }: RunningServer, id: string): Promise<SignedInContext> {
  return contextOf(deps, { kind: 'user', id, role: 'customer' })
}

/** Mostly valid times within two days; a few are off the grid or too long. */
function someTime(random: Random): Period {
  const from = Date.parse(at(random.below(36))) + (random.chance(0.03) ? 30 * MINUTE : 0)
  return {
    from,
    to:
      from +
      (random.chance(0.7) ? 1 : 1 + random.below(5)) * 60 * MINUTE +
      (random.chance(0.03) ? 10 * MINUTE : 0),
  }
}

const fieldsOf = ({ id, spaceId, unit, status, startsAt, endsAt }: Booking) => ({
  id,
  spaceId,
  unit,
  status,
  startsAt,
  endsAt,
})
const expectedFields = ({ id, spaceId, unit, status, time }: ModelBooking) => ({
  id,
  spaceId,
  unit,
  status,
  startsAt: iso(time.from),
  endsAt: iso(time.to),
})

async function outcomeOf(call: Promise<Booking>): Promise<Booking | string> {
  return call.catch((error: unknown) => {
    if (error instanceof AppError) return error.reason
    throw error
  })
}

test('a long random history gives the same outcomes as a simple model', async () => {
  const random = randomFrom('history')
  const spaces = await makeSpaces()
  const people = await Promise.all(Array.from({ length: 12 }, () => makePerson(server)))
  const contexts = await Promise.all(
    people.map(({ id }, index) => personContext(index % 2 ? server : second, id)),
  )
  const model = createModel(spaces, MAX_HOLDS)
  const seen = new Map<string, number>()

  function compare(step: string, outcome: Booking | string, expected: ModelOutcome): void {
    const actual = typeof outcome === 'string' ? outcome : fieldsOf(outcome)
    expect([step, actual]).toEqual([
      step,
      'refused' in expected ? expected.refused : expectedFields(expected.booking),
    ])
    const kind = `${step.split(' ')[1]} ${typeof outcome === 'string' ? outcome : 'done'}`
    seen.set(kind, (seen.get(kind) ?? 0) + 1)
  }

  const steps = sized(600, 10_000)
  for (let step = 1; step <= steps; step++) {
    const ctx = random.pick(contexts)
    const userId = ctx.actor.id
    const space = random.pick(spaces)
    const time = someTime(random)
    // Mostly an active booking of this user, sometimes any booking.
    const lively = model.bookings.filter(
      (one) => one.userId === userId && ['held', 'confirmed'].includes(one.status),
    )
    const mine =
      random.chance(0.85) && lively.length > 0
        ? random.pick(lively)
        : model.bookings[random.below(model.bookings.length)]
    const slot = { slotOf: mine?.spaceId ?? space.id, startsAt: new Date(mine?.time.from ?? time.from) }
    const dice = random.below(100)
    if (dice < 40 || !mine) {
      const wanted = { spaceId: space.id, time }
      const input = { spaceId: space.id, startsAt: new Date(time.from), endsAt: new Date(time.to) }
      const outcome = await outcomeOf(holdTime(ctx, input))
      compare(
        `${step} hold`,
        outcome,
        model.hold(userId, wanted, typeof outcome === 'string' ? '' : outcome.id),
      )
    } else if (dice < 50) {
      compare(
        `${step} book`,
        await outcomeOf(bookSlot(ctx, slot)),
        model.book(userId, slot.slotOf, mine.time.from),
      )
    } else if (dice < 56) {
      compare(`${step} confirm`, await outcomeOf(confirmBooking(ctx, mine)), model.confirm(userId, mine))
    } else if (dice < 64) {
      compare(
        `${step} release`,
        await outcomeOf(releaseSlot(ctx, slot)),
        model.release(userId, slot.slotOf, mine.time.from),
      )
    } else if (dice < 74) {
      compare(`${step} cancel`, await outcomeOf(cancelBooking(ctx, mine)), model.cancel(userId, mine))
    } else if (dice < 88) {
      const input = { id: mine.id, spaceId: space.id, startsAt: iso(time.from), endsAt: iso(time.to) }
      const outcome = await outcomeOf(rescheduleBooking(ctx, input))
      compare(`${step} reschedule`, outcome, model.reschedule(userId, mine, { spaceId: space.id, time }))
    } else if (dice < 97) {
      if (mine.status !== 'held' || mine.stale) continue
      model.runOut(mine)
      await runOut(mine.id)
    } else {
      expect(await sweepExpiredHolds(server.deps)).toBe(model.sweep())
    }
    if (step % 200 === 0 || step === steps) {
      const rows = await server.deps.db
        .select()
        .from(bookings)
        .where(sql`${bookings.spaceId} IN (${spaces[0].id}, ${spaces[1].id}, ${spaces[2].id})`)
      const stored = rows.map((row) => ({ ...fieldsOfRow(row) })).toSorted(byId)
      expect(stored).toEqual(model.bookings.map(expectedFields).toSorted(byId))
    }
  }
  process.stdout.write(
    `  ${steps} steps: ${[...seen]
      .toSorted()
      .map((entry) => entry.join(' '))
      .join(', ')}\n`,
  )
}, 600_000)

const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : 1)
const fieldsOfRow = (row: typeof bookings.$inferSelect) => ({
  id: row.id,
  spaceId: row.spaceId ?? '',
  unit: row.unit ?? 0,
  status: row.status as ModelBooking['status'],
  startsAt: iso(row.startsAt),
  endsAt: iso(row.endsAt),
})

/** Makes a hold stale. Holds end in the order of these calls. */
const runOut = (id: string) =>
  server.deps.db
    .update(bookings)
    .set({ holdExpiresAt: sql`clock_timestamp() - interval '1 minute'` })
    .where(eq(bookings.id, id))

test('many clients on two servers: rows match the last responses and never overlap', async () => {
  const random = randomFrom('many at once')
  const spaces = await makeSpaces()
  const published = new Map<string, number[]>()
  const publish: Publish = (_, given) => {
    const message = messageOf(given)
    if (message?.type !== 'slot_update') return
    expect(message.version).toBe(message.fromVersion + 1)
    const id = message.spaceId ?? ''
    published.set(id, [...(published.get(id) ?? []), message.version])
  }
  const expected = new Set([
    'SLOT_TAKEN',
    'TOO_MANY_HOLDS',
    'HOLD_EXPIRED',
    'NOT_RESCHEDULABLE',
    'NOT_CANCELLABLE',
    'OFF_GRID',
    'TOO_LONG',
    'PAYMENT_REQUIRED',
    'INVALID_STATE',
  ])
  const responses = new Map<string, Booking>()
  const turns = sized(25, 400)
  let busy = true

  async function live(index: number): Promise<void> {
    const person = await makePerson(server)
    const ctx = { ...(await personContext(index % 2 ? server : second, person.id)), publish }
    for (let turn = 0; turn < turns; turn++) {
      const time = someTime(random)
      const space = random.pick(spaces)
      const all = [...responses.values()].filter(({ userId }) => userId === person.id)
      const mine = all.length > 0 ? random.pick(all) : undefined
      const dice = random.below(100)
      const input = { spaceId: space.id, startsAt: iso(time.from), endsAt: iso(time.to) }
      const call =
        dice < 45 || !mine
          ? holdTime(ctx, { spaceId: space.id, startsAt: new Date(time.from), endsAt: new Date(time.to) })
          : dice < 60
            ? confirmBooking(ctx, mine)
            : dice < 75
              ? cancelBooking(ctx, mine)
              : rescheduleBooking(ctx, { id: mine.id, ...input })
      const outcome = await outcomeOf(call)
      if (typeof outcome === 'string') expect(expected.has(outcome) ? 'expected' : outcome).toBe('expected')
      else responses.set(outcome.id, outcome)
      if (mine && dice >= 95) await runOut(mine.id)
    }
  }
  const sweeping = [server, second].map(async ({ deps }) => {
    while (busy) {
      await sweepExpiredHolds({ ...deps, publish })
      await Bun.sleep(5)
    }
  })
  await Promise.all(Array.from({ length: 20 }, (_, index) => live(index)))
  busy = false
  await Promise.all(sweeping)
  await sweepExpiredHolds({ ...server.deps, publish })

  for (const space of spaces) {
    const rows = await server.deps.db.select().from(bookings).where(eq(bookings.spaceId, space.id))
    for (const row of rows) {
      const last = responses.get(row.id)
      if (!last) throw new Error('no response contained this booking')
      // A hold may have expired since. Nothing else changes a booking without its owner.
      const status = row.status === 'expired' ? 'held' : (row.status as ModelBooking['status'])
      expect({ ...fieldsOfRow(row), status }).toEqual({
        ...fieldsOf(last),
        unit: last.unit ?? 0,
        spaceId: last.spaceId ?? '',
        status: last.status as ModelBooking['status'],
      })
    }
    const claims = rows.filter(({ status }) => status === 'held' || status === 'confirmed')
    for (const [index, a] of claims.entries())
      for (const b of claims.slice(index + 1))
        if (a.unit === b.unit) expect(a.startsAt >= b.endsAt || b.startsAt >= a.endsAt).toBe(true)
    const { version } = await clientOf(server).slots.day.query({ spaceId: space.id, date: testDate })
    const versions = (published.get(space.id) ?? []).toSorted((a, b) => a - b)
    expect(versions).toEqual(Array.from({ length: version - 1 }, (_, index) => index + 2))
  }
}, 600_000)
