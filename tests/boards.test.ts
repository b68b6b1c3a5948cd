import { afterAll, afterEach, beforeAll, describe, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import type { Publish } from '../src/context'
import { bookings } from '../src/db/schema'
import { addDays, iso, MINUTE } from '../src/lib/time'
import { createBoardWatchers } from '../src/realtime/board-watchers'
import { messageOf } from '../src/realtime/bus'
import type { Booking } from '../src/schemas/bookings'
import type { Board } from '../src/schemas/slots'
import type { ServerMessage } from '../src/schemas/socket-messages'
import type { RunningServer } from '../src/server'
import { proving, type Random, randomFrom, sized } from './support/proof'
import { insertBooking } from './support/rows'
import { openSocket } from './support/socket'
import { type Watcher, watchBoard } from './support/watcher'
import {
  allDay,
  at,
  clientOf,
  makePerson,
  makeSpace,
  startTestServer,
  stopTestServers,
  type TestClient,
  testDate,
  until,
} from './support/world'

let server: RunningServer
let second: RunningServer
beforeAll(async () => {
  const env = { SWEEP_SECONDS: '1', MAX_HOLDS_PER_PERSON: '8' }
  server = await startTestServer({ env, jobs: true })
  second = await startTestServer({ env, jobs: true, databaseUrl: server.deps.env.DATABASE_URL ?? '' })
})
afterAll(stopTestServers)

const watchers: Watcher[] = []
/** Closed after each test, even a failed one, so that no watcher remains for the next test. */
const watch = (on: RunningServer, day: Day): Watcher => {
  const watcher = watchBoard(on, day)
  watchers.push(watcher)
  return watcher
}
afterEach(() => {
  for (const watcher of watchers.splice(0)) watcher.close()
})

type Day = { spaceId: string; date: string }

/** Waits until the watched board equals a fresh read, and fails with the difference if it never does. */
async function expectCurrent(watcher: Watcher, day: Day): Promise<void> {
  // Compare and report the same read: the sweep may free a hold between two reads.
  let current: Board | undefined
  const same = async () => {
    current = await clientOf(second).slots.day.query(day)
    return Bun.deepEquals(watcher.board(), current)
  }
  await until(same, 5_000).catch(() => expect(watcher.board()).toEqual(current))
}

/** Makes one random change of a space through one of the servers. @returns false if it was refused */
async function change(
  random: Random,
  clients: TestClient[],
  spaceId: string,
  mine: Map<string, Booking>,
): Promise<boolean> {
  const { bookings: client } = random.pick(clients)
  const booking = [...mine.values()][random.below(mine.size)]
  const startsAt = at(random.below(30))
  const dice = random.below(100)
  if (booking && dice >= 92) {
    await endHold(booking.id)
    return false
  }
  const call =
    dice < 45 || !booking
      ? client.create.mutate({ spaceId, startsAt })
      : dice < 60
        ? client.confirm.mutate({ id: booking.id })
        : dice < 75
          ? client.cancel.mutate({ id: booking.id })
          : client.reschedule.mutate({ id: booking.id, startsAt })
  const changed = await call.catch(() => null)
  if (changed?.status === 'cancelled') mine.delete(changed.id)
  else if (changed) mine.set(changed.id, changed)
  return changed !== null
}

const endHold = (id: string) =>
  server.deps.db
    .update(bookings)
    .set({ holdExpiresAt: sql`clock_timestamp()` })
    .where(sql`${bookings.id} = ${id} AND ${bookings.status} = 'held'`)

test('a watched board converges across two servers and lost sockets', async () => {
  const random = randomFrom('watched boards')
  const space = await makeSpace(server, { units: 2, bufferMinutes: 15, slotMinutes: 60 })
  const people = await Promise.all(Array.from({ length: 6 }, () => makePerson(server)))
  const days = [testDate, addDays(testDate, 1)].map((date) => ({ spaceId: space.id, date }))
  const watched = [server, second].flatMap((on) => days.map((day) => ({ day, watcher: watch(on, day) })))
  const cuts = sized(5, 20)
  const changes = sized(150, 1000)
  const mine = people.map(() => new Map<string, Booking>())
  let done = 0
  for (let cut = 1; cut <= cuts; cut++) {
    const wave = people.map(async (person, index) => {
      const clients = [clientOf(server, person), clientOf(second, person)]
      while (done < (changes * cut) / cuts) {
        if (await change(random, clients, space.id, mine[index] ?? new Map())) done += 1
      }
    })
    // Cut the sockets while changes are in flight.
    await until(() => done >= (changes * (cut - 0.5)) / cuts)
    for (const { watcher } of watched) watcher.cut()
    await Promise.all(wave)
    for (const { watcher, day } of watched) await expectCurrent(watcher, day)
  }
  const asked = watched.map(({ watcher }) => watcher.asked())
  const { version } = await clientOf(server).slots.day.query({ spaceId: space.id, date: testDate })
  process.stdout.write(
    `  ${done} changes, ${version - 1} versions, ${cuts} cuts, asked ${asked.join(', ')} times\n`,
  )
}, 300_000)

describe('a watched board', () => {
  test('is sent whole when prices, hours, closures or units change', async () => {
    const space = await makeSpace(server, { units: 2 })
    const admin = clientOf(server, await makePerson(server, 'admin'))
    const day = { spaceId: space.id, date: testDate }
    const watcher = watch(server, day)
    const first = await until(() => watcher.board())
    expect(first.slots).toHaveLength(24)
    const closure = { locationId: space.locationId, startsAt: at(9), endsAt: at(11) }
    const steps: [() => Promise<unknown>, (board: typeof first) => unknown, unknown][] = [
      [
        () => admin.spaces.update.mutate({ id: space.id, priceMinor: 700 }),
        ({ slots }) => slots[0]?.priceMinor,
        700,
      ],
      [() => admin.closures.create.mutate(closure), ({ slots }) => slots[9]?.reason, 'SLOT_CLOSED'],
      [() => admin.spaces.update.mutate({ id: space.id, units: 3 }), ({ slots }) => slots[0]?.free, 3],
      [
        () =>
          admin.locations.update.mutate({
            id: space.locationId,
            hours: allDay.map((row) => ({ ...row, opensAt: '12:00' })),
          }),
        ({ slots }) => slots.length,
        12,
      ],
      [
        () => admin.locations.update.mutate({ id: space.locationId, timeZone: 'Asia/Kolkata' }),
        ({ timeZone }) => timeZone,
        'Asia/Kolkata',
      ],
    ]
    for (const [index, [step, looked, wanted]] of steps.entries()) {
      await step()
      const board = await until(() => {
        const now = watcher.board()
        return now?.version === first.version + index + 1 ? now : undefined
      })
      expect(looked(board)).toBe(wanted)
      await expectCurrent(watcher, day)
    }
    expect(watcher.asked()).toBe(1)
  })

  /** The watched boards of a server without sockets. Collects the messages that it would send. */
  function watching() {
    const sent: ServerMessage[] = []
    const { db, log } = server.deps
    const deliver: Publish = (_, message) => {
      const parsed = messageOf(message)
      if (parsed) sent.push(parsed)
    }
    const boards = createBoardWatchers({ db, log, deliver })
    const last = <T extends ServerMessage['type']>(type: T) =>
      sent.findLast((message): message is Extract<ServerMessage, { type: T }> => message.type === type)
    return { boards, sent, last }
  }

  test('is sent again when only time changes it, and not before', async () => {
    const space = await makeSpace(server)
    const holder = await makePerson(server)
    const day = { spaceId: space.id, date: testDate }
    const { boards, sent, last } = watching()
    // The lock on the calendar keeps the sweep away from this hold.
    await server.deps.db.transaction(async (tx) => {
      const holdExpiresAt = new Date(Date.now() + 700)
      await insertBooking(server, space, holder, { status: 'held', holdExpiresAt })
      await tx.execute(sql`SELECT FROM spaces WHERE id = ${space.id} FOR NO KEY UPDATE`)
      boards.watch(day)
      await boards.tick()
      await boards.tick()
      expect(sent.map(({ type }) => type)).toEqual(['slots_status_update', 'board_version', 'board_version'])
      expect(last('slots_status_update')?.slots[9]?.status).toBe('held')
      await until(async () => {
        await boards.tick()
        return sent.filter(({ type }) => type === 'slots_status_update').length > 1
      })
      expect(Date.now()).toBeGreaterThanOrEqual(holdExpiresAt.getTime())
      expect(last('slots_status_update')?.slots[9]?.status).toBe('free')
    })
  })

  test('is sent once more if a change overtook it', async () => {
    const space = await makeSpace(server)
    const client = clientOf(server, await makePerson(server))
    const slotId = `${space.id}@${at(9)}`
    let busy = true
    const changing = (async () => {
      while (busy) {
        await client.slots.hold.mutate({ slotId })
        await client.slots.release.mutate({ slotId })
      }
    })()
    const overtaken = await until(async () => {
      const { boards, sent, last } = watching()
      boards.watch({ spaceId: space.id, date: testDate })
      await boards.tick()
      const version = last('board_version')?.version ?? 0
      const behind = (last('slots_status_update')?.version ?? 0) < version
      return behind ? { boards, sent } : undefined
    })
    busy = false
    await changing
    overtaken.sent.length = 0
    await overtaken.boards.tick()
    expect(overtaken.sent.map(({ type }) => type)).toEqual(['slots_status_update', 'board_version'])
  })

  test('is not watched after its socket closes, even if joins were still waiting', async () => {
    const space = await makeSpace(server)
    await until(() => server.deps.realtimeStats().watchedBoards === 0)
    const socket = await openSocket(server)
    for (let day = 0; day < 50; day++)
      socket.send({ type: 'join_space', spaceId: space.id, date: addDays(testDate, day) })
    await until(() => server.deps.realtimeStats().watchedBoards > 0)
    await socket.close()
    await until(() => server.deps.realtimeStats().sockets === 0)
    // Leaves time for waiting joins to finish.
    for (let look = 0; look < 60; look++)
      await clientOf(server).slots.day.query({ spaceId: space.id, date: testDate })
    expect(server.deps.realtimeStats().watchedBoards).toBe(0)
  })

  // Slow: waits for the next minute of the clock.
  if (proving)
    test('closes a slot at the first sweep after its minimum notice begins', async () => {
      const now = Date.now()
      const soon = (Math.floor(now / MINUTE) + 1) * MINUTE + (now % MINUTE > 50_000 ? MINUTE : 0)
      const slot = (Math.floor(soon / (5 * MINUTE)) + 2) * 5 * MINUTE
      const space = await makeSpace(server, { slotMinutes: 5, minNoticeMinutes: (slot - soon) / MINUTE })
      const day = { spaceId: space.id, date: iso(slot).slice(0, 10) }
      const watcher = watch(server, day)
      const status = () => watcher.board()?.slots.find(({ startsAt }) => startsAt === iso(slot))
      expect((await until(status)).status).toBe('free')
      await until(() => status()?.reason === 'TOO_LATE', 130_000)
      expect(Date.now() - soon).toBeLessThan(5_000)
      await expectCurrent(watcher, day)
      expect(watcher.asked()).toBe(1)
    }, 150_000)
})

test('each slot reports its taken units, without buffers and also after its start', async () => {
  const space = await makeSpace(server, { units: 3, bufferMinutes: 60 })
  const [ada, ben] = [await makePerson(server), await makePerson(server)]
  const hour = Math.floor(Date.now() / 3_600_000) * 3_600_000
  const from = iso(new Date(hour))
  await insertBooking(server, space, ada, { from, to: iso(new Date(hour + 3_600_000)), unit: 2 })
  const board = await clientOf(server).slots.day.query({ spaceId: space.id, date: from.slice(0, 10) })
  const running = board.slots.find(({ startsAt }) => startsAt === from)
  expect(running).toMatchObject({ status: 'past', free: 0, units: 3, taken: 1 })

  const watcher = watch(server, { spaceId: space.id, date: testDate })
  await until(() => watcher.board())
  for (const person of [ada, ben])
    await clientOf(server, person).slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
  const shown = () =>
    watcher
      .board()
      ?.slots.slice(9, 11)
      .map(({ status, free, taken }) => [status, free, taken])
  await until(() =>
    Bun.deepEquals(shown(), [
      ['free', 1, 2],
      ['free', 1, 0],
    ]),
  )
})
