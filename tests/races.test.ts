import { afterAll, beforeAll, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import type { Booking } from '../src/schemas/bookings'
import type { RunningServer } from '../src/server'
import { sweepExpiredHolds } from '../src/services/bookings/sweep'
import { type Occupancy, observeOccupancy } from './support/occupancy'
import { type Random, randomFrom, seed, sized } from './support/proof'
import { insertBooking } from './support/rows'
import { watchBoard } from './support/watcher'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
  startTestServer,
  stopTestServers,
  type TestPerson,
  testDate,
  until,
} from './support/world'

let server: RunningServer
let second: RunningServer
beforeAll(async () => {
  server = await startTestServer()
  second = await startTestServer({ databaseUrl: server.deps.env.DATABASE_URL ?? '' })
})
afterAll(stopTestServers)

type Space = Awaited<ReturnType<typeof makeSpace>>
type Time = { startsAt: string; endsAt: string }

/** Shared by all clients of a race. `waits` are the durations of calls in milliseconds. */
type Race = { space: Space; seen: Occupancy; random: Random; waits: number[]; equal: boolean }

const races = [
  { units: 1, equal: true },
  { units: 1, equal: false },
  { units: 20, equal: true },
  { units: 20, equal: false },
]
test.each(races)(
  '200 racing clients never overlap and are never refused a free time: %o',
  async ({ units, equal }) => {
    for (let round = 0; round < sized(1, 20); round++) {
      // Other load on the machine can delay one attempt, but not all three.
      let wait = await runRace({ units, equal }, seed + round)
      for (let again = 1; again < 3 && wait.longest >= wait.limit; again++)
        wait = await runRace({ units, equal }, seed + round + again * 1000)
      expect(wait.longest).toBeLessThan(wait.limit)
    }
  },
  600_000,
)

/** @returns the longest wait and the allowed one, both in milliseconds */
async function runRace(
  { units, equal }: { units: number; equal: boolean },
  from: number,
): Promise<{ longest: number; limit: number }> {
  const random = randomFrom(`race of 200, ${units} units, ${equal ? 'equal' : 'unequal'} times`, from)
  const space = await makeSpace(server, { units, bufferMinutes: 15 })
  const race: Race = { space, seen: observeOccupancy(units, 15), random, waits: [], equal }
  await putStaleHolds(space)
  const watcher = watchBoard(server, { spaceId: space.id, date: testDate }, { patienceMs: 3_000 })
  await until(() => watcher.board())
  const movers = await Promise.all(
    Array.from({ length: units === 1 ? 4 : 24 }, (_, index) => settle(race, index)),
  )
  const racers = await Promise.all(Array.from({ length: 200 }, () => makePerson(server)))

  const before = await crowdReading(space, racers)
  const stalls = watchStalls()
  let racing = true
  const sweeps = [server, second].map(async ({ deps }) => {
    // The servers share no bus, so both sweeps publish through the first.
    while (racing) {
      await sweepExpiredHolds({ ...deps, publish: server.deps.publish })
      await Bun.sleep(5)
    }
  })
  await Promise.all([
    ...racers.map((person) => claim(race, person)),
    ...movers.map((mover) => wander(race, mover)),
  ])
  racing = false
  await Promise.all(sweeps)
  // The same crowd without locks measures how slow the machine is right now.
  const noise = Math.max(before, await crowdReading(space, racers)) + stalls.stop()

  expect(race.seen.falseRefusals()).toEqual([])
  expect(await overlaps(space.id)).toBe(0)
  const truth = await clientOf(server).slots.day.query({ spaceId: space.id, date: testDate })
  await until(() => watcher.board()?.version === truth.version)
  expect(watcher.board()).toEqual(truth)
  // Only the first board was requested; everything else was pushed.
  expect(watcher.asked()).toBe(1)
  watcher.close()
  const longest = Math.round(Math.max(...race.waits))
  process.stdout.write(
    `  ${race.waits.length} calls, the longest ${longest} ms (${Math.round(noise)} ms of noise), ${truth.version - 1} versions\n`,
  )
  return { longest, limit: 1000 * Math.max(1, noise / QUIET_MS) }
}

/** The longest of one read per user, all at once. Reads take no locks. */
async function crowdReading({ id }: Space, people: TestPerson[]): Promise<number> {
  const waits = people.map(async (person) => {
    const from = performance.now()
    await clientOf(server, person).slots.day.query({ spaceId: id, date: testDate })
    return performance.now() - from
  })
  return Math.max(...(await Promise.all(waits)))
}

/** How long 200 concurrent reads take on two idle cores. */
const QUIET_MS = 150

/** Four consecutive stale holds on each unit. */
async function putStaleHolds(space: Space): Promise<void> {
  const holder = await makePerson(server)
  const holdExpiresAt = new Date(Date.now() - 1000)
  for (let unit = 1; unit <= space.units; unit++) {
    for (const hour of [8, 9, 10, 11])
      await insertBooking(server, space, holder, {
        status: 'held',
        unit,
        from: at(hour),
        to: at(hour + 1),
        holdExpiresAt,
      })
  }
}

/** A user with a booking in the afternoon. */
async function settle({ space, seen }: Race, index: number) {
  const person = await makePerson(server)
  const client = clientOf(server, person)
  const hold = await client.bookings.create.mutate({ spaceId: space.id, startsAt: at(13 + 2 * (index % 4)) })
  seen.took(hold, 0)
  return { client, booking: await client.bookings.confirm.mutate({ id: hold.id }), cancels: index % 3 === 0 }
}

/** Holds a time in the morning and, for some users, releases it again. */
async function claim(race: Race, person: TestPerson): Promise<void> {
  const { space, seen, random, equal } = race
  const client = clientOf(server, person)
  const hour = equal ? 9 : 8 + random.below(4)
  const time = { startsAt: at(hour), endsAt: at(hour + (equal ? 1 : 1 + random.below(3))) }
  const leaves = random.chance(0.3)
  const from = performance.now()
  const hold = await unlessTaken(race, time, () =>
    client.bookings.create.mutate({ spaceId: space.id, ...time }),
  )
  if (!hold) return
  seen.took(hold, from)
  if (!leaves) return
  await timed(race, () => client.slots.release.mutate({ slotId: `${space.id}@${hold.startsAt}` }))
  seen.left(hold.id, performance.now())
}

/** Reschedules a few times and, for some users, cancels in the end. */
async function wander(
  race: Race,
  { client, booking, cancels }: Awaited<ReturnType<typeof settle>>,
): Promise<void> {
  const { seen, random } = race
  for (let turn = 0; turn < 4; turn++) {
    const hour = random.chance(0.5) ? 8 + random.below(4) : 13 + random.below(8)
    const time = { startsAt: at(hour), endsAt: at(hour + 1) }
    const from = performance.now()
    const moved = await unlessTaken(
      race,
      time,
      () => client.bookings.reschedule.mutate({ id: booking.id, ...time }),
      booking,
    )
    if (moved) seen.moved(moved, from, performance.now())
  }
  if (!cancels) return
  await timed(race, () => client.bookings.cancel.mutate({ id: booking.id }))
  seen.left(booking.id, performance.now())
}

/** Returns null if the call is refused with SLOT_TAKEN. Any other refusal fails the test. */
async function unlessTaken(
  race: Race,
  time: Time,
  call: () => Promise<Booking>,
  own?: Booking,
): Promise<Booking | null> {
  const from = performance.now()
  try {
    return await timed(race, call)
  } catch (error) {
    expect((error as { data?: { reason?: string } }).data?.reason).toBe('SLOT_TAKEN')
    race.seen.refused(time, from, performance.now(), own?.id)
    return null
  }
}

async function timed<T>({ waits }: Race, call: () => Promise<T>): Promise<T> {
  const from = performance.now()
  try {
    return await call()
  } finally {
    waits.push(performance.now() - from)
  }
}

async function overlaps(spaceId: string): Promise<number | undefined> {
  const [row] = await server.deps.db.execute<{ count: number }>(
    sql`SELECT count(*)::int FROM bookings a JOIN bookings b ON a.space_id = b.space_id AND a.unit = b.unit AND a.id < b.id
        AND a.claimed && b.claimed
      WHERE a.space_id = ${spaceId} AND a.status IN ('held', 'confirmed') AND b.status IN ('held', 'confirmed')`,
  )
  return row?.count
}

/** Measures the longest stall of this process, in milliseconds. */
function watchStalls(): { stop(): number } {
  let last = performance.now()
  let longest = 0
  const timer = setInterval(() => {
    const now = performance.now()
    longest = Math.max(longest, now - last - 10)
    last = now
  }, 10)
  return {
    stop() {
      clearInterval(timer)
      return longest
    },
  }
}
