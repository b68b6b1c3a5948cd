import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { connect } from 'node:net'
import { type Board, type BoardStatus, type Client, createClient } from '../client/src'
import type { RunningServer } from '../src/server'
import { createDatabase } from './support/database'
import { proving, type Random, randomFrom, sized } from './support/proof'
import { countQueries, startProxy } from './support/proxy'
import { hasRedis, startRedis, type TestRedis, whyNoRedis } from './support/redis'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
  startTestServer,
  stopTestServers,
  testDate,
  until,
} from './support/world'

const CHANGES = sized(150, 1000)
const CUTS = 20
const WATCHERS = 500
const ways = ['socket', 'events'] as const

let server: RunningServer
let redis: TestRedis | undefined
beforeAll(async () => {
  server = await startTestServer()
})
afterAll(async () => {
  await stopTestServers()
  await redis?.stop()
})

describe('with random changes on two servers and twenty cut connections', () => {
  // By default each transport runs once. A proof run tries both with and without Redis.
  test('a board over a socket matches the database', async () => {
    await watchThroughCuts('socket', {})
    if (proving || !hasRedis) await watchThroughCuts('events', {})
  }, 300_000)

  test.skipIf(!hasRedis)(
    `a board over server-sent events matches the database, with Redis ${whyNoRedis}`,
    async () => {
      redis = await startRedis()
      await watchThroughCuts('events', { REDIS_URL: redis.url })
      if (proving) await watchThroughCuts('socket', { REDIS_URL: redis.url })
    },
    300_000,
  )
})

async function watchThroughCuts(live: 'socket' | 'events', env: Record<string, string>): Promise<void> {
  const databaseUrl = await createDatabase()
  const settings = { ...env, SWEEP_SECONDS: '1', MAX_HOLDS_PER_PERSON: '1000' }
  const start = () => startTestServer({ databaseUrl, env: settings, jobs: true })
  const servers = [await start(), await start()] as const
  const space = await makeSpace(servers[0], { units: 2 })
  const proxy = await startProxy(servers.map(({ url }) => url))
  const client = createClient({ url: proxy.url, live, reconnect: { minMs: 10, maxMs: 100 } })
  const shown = follow(client, space.id)
  await until(() => shown.status?.live)
  expect(shown.status?.via).toBe(live)

  const random = randomFrom(`changes of a board watched by ${live}`)
  const change = await changerOf(servers, space, random)
  let cuts = 0
  for (let done = 0; done < CHANGES; done += 1) {
    await change()
    if (cuts === CUTS || done % Math.floor(CHANGES / CUTS) !== 0) continue
    await until(() => shown.status?.live)
    expect(proxy.cut()).toBeGreaterThan(0)
    await until(() => shown.status?.live === false)
    cuts += 1
    if (cuts % 5 === 0) await expectTruth()
  }
  expect(cuts).toBe(CUTS)
  await expectTruth()
  client.close()
  await proxy.stop()

  async function expectTruth(): Promise<void> {
    const truth = await clientOf(servers[0]).slots.day.query({ spaceId: space.id, date: testDate })
    await until(() => shown.status?.live && shown.board?.version === truth.version)
    expect(shown.board).toEqual(truth)
  }
}

type Shown = { board?: Board; status?: BoardStatus; seen: number }

/** Records the board and status that a client shows. */
function follow(client: Client, spaceId: string): Shown {
  const shown: Shown = { seen: 0 }
  client.watchBoard(spaceId, testDate, (board, status) =>
    Object.assign(shown, { board, status, seen: shown.seen + 1 }),
  )
  return shown
}

/** Each call changes the space through a random server: usually a claim, sometimes a closure. */
async function changerOf(
  servers: readonly RunningServer[],
  { id: spaceId, locationId }: { id: string; locationId: string },
  random: Random,
): Promise<() => Promise<unknown>> {
  const [first] = servers
  if (!first) throw new Error('changerOf needs a server')
  const people = await Promise.all(Array.from({ length: 4 }, () => makePerson(first)))
  const admin = await makePerson(first, 'admin')
  const holds: { id: string; by: (typeof people)[number] }[] = []
  const closures: string[] = []
  const hour = () => random.below(24)

  async function hold() {
    const by = random.pick(people)
    const booking = await clientOf(random.pick(servers), by)
      .bookings.create.mutate({ spaceId, startsAt: at(hour()) })
      // A taken or closed time changes nothing.
      .catch(() => undefined)
    if (booking) holds.push({ id: booking.id, by })
  }
  async function endHold() {
    const [hold] = holds.splice(random.below(holds.length), 1)
    if (!hold) return
    const { bookings } = clientOf(random.pick(servers), hold.by)
    if (random.chance(0.3)) await bookings.confirm.mutate({ id: hold.id })
    await bookings.cancel.mutate({ id: hold.id })
  }
  async function closeOrOpen() {
    const { closures: closing } = clientOf(random.pick(servers), admin)
    const id = closures.pop()
    if (id) return closing.remove.mutate({ id })
    const from = random.below(23)
    const closure = await closing.create.mutate({
      locationId,
      spaceId,
      startsAt: at(from),
      endsAt: at(from + 1),
    })
    closures.push(closure.id)
  }

  return () => {
    if (random.chance(0.05)) return closeOrOpen()
    return random.chance(0.4) && holds.length > 0 ? endHold() : hold()
  }
}

for (const live of ways) {
  test(`over ${live}, a user sees their own holds on the board at once`, async () => {
    const space = await makeSpace(server)
    const ada = await makePerson(server)
    const client = createClient({ url: server.url, live, getToken: () => ada.token })
    const shown = follow(client, space.id)
    await until(() => shown.status?.live)
    const mine = () => shown.board?.slots.flatMap(({ heldByMe }, hour) => (heldByMe ? [hour] : []))

    const hold = await client.slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
    await until(() => mine()?.includes(9))
    const bob = clientOf(server, await makePerson(server))
    await bob.slots.hold.mutate({ slotId: `${space.id}@${at(10)}` })
    await until(() => shown.board?.slots[10]?.status === 'held')
    expect(mine()).toEqual([9])

    await client.bookings.reschedule.mutate({ id: hold.id, startsAt: at(12) })
    await until(() => shown.board?.slots[12]?.status === 'held')
    expect(mine()).toEqual([12])
    await client.bookings.confirm.mutate({ id: hold.id })
    await until(() => shown.board?.slots[12]?.status === 'booked')
    expect(mine()).toEqual([])
    client.close()
  })
}

test('a board opened later marks the user’s own hold until they sign out', async () => {
  const space = await makeSpace(server)
  const account = { email: `${Bun.randomUUIDv7()}@example.com`, password: 'a-long-passphrase', name: 'Ada' }
  let token: string | undefined
  const client = createClient({
    url: server.url,
    getToken: () => token,
    onTokens: (tokens) => {
      token = tokens?.accessToken
    },
  })
  const { refreshToken } = await client.auth.register.mutate(account)
  await client.slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })

  const shown = follow(client, space.id)
  await until(() => shown.status?.live && shown.board?.slots[9]?.heldByMe)
  await client.auth.logout.mutate({ refreshToken })
  await until(() => shown.status?.live && shown.board?.slots[9]?.heldByMe === false)
  expect(token).toBeUndefined()
  client.close()
})

test('a user receives their own messages, with or without boards, after every cut', async () => {
  const space = await makeSpace(server)
  const person = await makePerson(server)
  const proxy = await startProxy([server.url])
  const client = createClient({
    url: proxy.url,
    getToken: () => person.token,
    reconnect: { minMs: 10, maxMs: 100 },
  })
  const heard: string[] = []
  let ready = 0
  const mine = client.watchMine(
    (message) => message.type === 'booking_update' && heard.push(message.booking.startsAt),
    { onReady: () => ready++ },
  )
  const holdAt = (hour: number) =>
    clientOf(server, person).slots.hold.mutate({ slotId: `${space.id}@${at(hour)}` })
  await until(() => ready === 1)
  await holdAt(9)
  await until(() => heard.includes(at(9)))
  const watch = client.watchBoard(space.id, testDate, () => {})
  await until(() => watch.status().live)
  watch.stop()
  for (const hour of [10, 11]) {
    const before = ready
    proxy.cut()
    await until(() => ready > before)
    await holdAt(hour)
    await until(() => heard.includes(at(hour)))
  }
  mine.stop()
  const admin = clientOf(server, await makePerson(server, 'admin'))
  await until(async () => (await admin.realtime.stats.query()).sockets === 0)
  client.close()
  await proxy.stop()
})

test('the client falls back to server-sent events if WebSockets are blocked', async () => {
  const space = await makeSpace(server)
  const proxy = await startProxy([server.url], {
    passes: (first) => !/upgrade: websocket/i.test(String(first)),
  })
  const client = createClient({ url: proxy.url, reconnect: { minMs: 10, maxMs: 100 } })
  const shown = follow(client, space.id)
  await until(() => shown.status?.live)
  expect(shown.status).toEqual({ live: true, via: 'events' })
  await clientOf(server, await makePerson(server)).slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
  await until(() => shown.board?.slots[9]?.status === 'held')
  client.close()
  await proxy.stop()
})

for (const live of ways) {
  test(`a server stops without waiting for ${live} watchers, which reconnect to the next`, async () => {
    const databaseUrl = await createDatabase()
    const [first, second] = [await startTestServer({ databaseUrl }), await startTestServer({ databaseUrl })]
    const space = await makeSpace(first)
    const proxy = await startProxy([first.url, second.url])
    const client = createClient({ url: proxy.url, live, reconnect: { minMs: 10, maxMs: 100 } })
    const shown = follow(client, space.id)
    await until(() => shown.status?.live)

    const started = performance.now()
    await first.stop()
    expect(performance.now() - started).toBeLessThan(5000)
    await clientOf(second, await makePerson(second)).slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
    await until(() => shown.status?.live && shown.board?.slots[9]?.status === 'held')
    client.close()
    await proxy.stop()
  })
}

test('the server drops watchers that stop, and refuses unknown or invalid spaces', async () => {
  const space = await makeSpace(server)
  const statsOf = async () => clientOf(server, await makePerson(server, 'admin')).realtime.stats.query()
  for (const live of ways) {
    const client = createClient({ url: server.url, live })
    const shown: Shown = { seen: 0 }
    const watches = [testDate, '2027-01-05'].map((date) =>
      client.watchBoard(space.id, date, () => {
        shown.seen += 1
      }),
    )
    await until(
      async () => (await statsOf()).watchedBoards === 2 && watches.every((watch) => watch.status().live),
    )
    for (const watch of watches) watch.stop()
    await until(async () => {
      const { watchedBoards, eventStreams } = await statsOf()
      return watchedBoards === 0 && eventStreams === 0
    })
    for (const [spaceId, reason] of [
      [Bun.randomUUIDv7(), 'NOT_FOUND'],
      ['nonsense', 'VALIDATION'],
    ] as const) {
      const refused = Promise.withResolvers<string>()
      client.watchBoard(spaceId, testDate, () => {}, { onError: (error) => refused.resolve(error.reason) })
      expect(await refused.promise).toBe(reason)
    }
    client.close()
  }
})

test(`a change costs no extra query for ${WATCHERS} server-sent event streams`, async () => {
  const databaseUrl = await createDatabase()
  const counter = await countQueries(databaseUrl)
  const counted = await startTestServer({ databaseUrl: counter.databaseUrl })
  const space = await makeSpace(counted)
  const bob = clientOf(counted, await makePerson(counted))
  const slotId = `${space.id}@${at(9)}`
  const queriesOfChanges = async () => {
    const before = counter.queries()
    for (let change = 0; change < 10; change += 1) {
      await bob.slots.hold.mutate({ slotId })
      await bob.slots.release.mutate({ slotId })
    }
    return counter.queries() - before
  }
  // The first changes also prepare their statements.
  await queriesOfChanges()
  const unwatched = await queriesOfChanges()
  expect(unwatched).toBeGreaterThanOrEqual(20)

  const before = counter.queries()
  const watch = () => openStream(counted.url, { spaceId: space.id, date: testDate })
  const watchers = [await watch()]
  watchers.push(...(await Promise.all(Array.from({ length: WATCHERS - 1 }, watch))))
  await until(() => watchers.every(({ events }) => events('slots_status_update') === 1))
  expect(counter.queries() - before).toBe(1)
  expect(await queriesOfChanges()).toBe(unwatched)
  await until(() => watchers.every(({ events }) => events('slot_update') === 20))
  for (const watcher of watchers) watcher.close()
  await until(() => counted.deps.realtimeStats().eventStreams === 0)
  await counted.stop()
  await counter.stop()
}, 60_000)

/** Reads server-sent events on a bare connection, because HTTP clients limit how many stay open. */
async function openStream(url: string, board: { spaceId: string; date: string }) {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let text = ''
  socket.on('data', (bytes) => {
    text += bytes
  })
  const input = encodeURIComponent(JSON.stringify(board))
  socket.write(
    `GET /trpc/realtime.watch?input=${input} HTTP/1.1\r\nHost: ${hostname}\r\nAccept: text/event-stream\r\n\r\n`,
  )
  await until(() => text.includes('event: connected'))
  return {
    events: (type: string) => text.split(`"type":"${type}"`).length - 1,
    close: () => socket.destroy(),
  }
}
