import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { createLocalBus } from '../src/realtime/bus'
import type { Board } from '../src/schemas/slots'
import type { RunningServer } from '../src/server'
import { createDatabase } from './support/database'
import { hasRedis, startNetwork, startRedis, type TestRedis, whyNoRedis } from './support/redis'
import { openSocket, type SocketClient } from './support/socket'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
  rest,
  startTestServer,
  stopTestServers,
  testDate,
  until,
} from './support/world'

const changes = process.env.PROVE === '1' ? 10_000 : 200
setDefaultTimeout(30_000)

const withRedis = test.skipIf(!hasRedis)
const named = (name: string) => (hasRedis ? name : `${name} (${whyNoRedis})`)

let redis: TestRedis
let one: RunningServer
let two: RunningServer

beforeAll(async () => {
  if (!hasRedis) return
  redis = await startRedis()
  const databaseUrl = await createDatabase()
  const env = { REDIS_URL: redis.url }
  one = await startTestServer({ databaseUrl, env })
  two = await startTestServer({ databaseUrl, env })
  await connected(one, two)
})
afterAll(async () => {
  await stopTestServers()
  if (hasRedis) await redis.stop()
})

const connected = (...servers: RunningServer[]) =>
  Promise.all(
    servers.map((server) => until(async () => (await rest(server, '/health/redis')).status === 200)),
  )

async function join(server: RunningServer, spaceId: string): Promise<{ socket: SocketClient; board: Board }> {
  const socket = await openSocket(server)
  socket.send({ type: 'join_space', spaceId, date: testDate, requestId: 'join' })
  return { socket, board: await socket.next('slots_status_update') }
}

/** Applies the received updates to a board as a client does, and fails if one is missing. */
function follow(board: Board, socket: SocketClient): Board {
  const slots = new Map(board.slots.map((slot) => [slot.id, slot]))
  let { version } = board
  for (const message of socket.received) {
    if (message.type !== 'slot_update' || message.version <= version) continue
    expect(message.fromVersion).toBe(version)
    version = message.version
    for (const slot of message.slots) slots.set(slot.id, slot)
  }
  return { ...board, version, slots: [...slots.values()] }
}

withRedis(
  named('a board on one server follows every change made through another'),
  async () => {
    const space = await makeSpace(one)
    const person = await makePerson(two)
    const { socket, board } = await join(one, space.id)
    const client = clientOf(two, person)
    for (let done = 0; done < changes; done += 2) {
      const slotId = `${space.id}@${at((done / 2) % 24)}`
      await client.slots.hold.mutate({ slotId })
      await client.slots.release.mutate({ slotId })
    }
    await client.slots.hold.mutate({ slotId: `${space.id}@${at(5)}` })
    const stored = await clientOf(one).slots.day.query({ spaceId: space.id, date: testDate })
    expect(stored.version).toBe(board.version + changes + 1)
    await socket.next('slot_update', ({ version }) => version === stored.version)
    expect(follow(board, socket)).toMatchObject(stored)
    await socket.close()
  },
  120_000,
)

withRedis(
  named('a change of prices on one server sends the whole board to watchers on another'),
  async () => {
    const space = await makeSpace(one)
    const admin = await makePerson(two, 'admin')
    const { socket } = await join(one, space.id)
    await clientOf(two, admin).spaces.update.mutate({ id: space.id, priceMinor: 1234 })
    const board = await socket.next('slots_status_update', ({ slots }) => slots[0]?.priceMinor === 1234)
    expect(board.slots).toHaveLength(24)
    await socket.close()
  },
)

withRedis(named('a user gets updates of their bookings on every server'), async () => {
  const space = await makeSpace(one)
  const person = await makePerson(one)
  const [near, far] = [await openSocket(one, person.token), await openSocket(two, person.token)]
  const { id } = await clientOf(one, person).slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
  for (const socket of [near, far]) {
    expect((await socket.next('booking_update')).booking.id).toBe(id)
    await socket.close()
  }
})

withRedis(
  named('a server that loses Redis keeps serving, reconnects and then repairs its boards'),
  async () => {
    const lost = await startRedis()
    const databaseUrl = await createDatabase()
    const env = { REDIS_URL: lost.url }
    const [left, right] = [
      await startTestServer({ databaseUrl, env }),
      await startTestServer({ databaseUrl, env }),
    ]
    await connected(left, right)
    const space = await makeSpace(left)
    const person = await makePerson(left)
    const { socket } = await join(left, space.id)

    await lost.kill()
    await until(async () => (await rest(left, '/health/redis')).status === 503)
    expect((await rest(left, '/health')).status).toBe(200)
    const slotId = `${space.id}@${at(9)}`
    const held = await clientOf(right, person).slots.hold.mutate({ slotId })
    expect(held.status).toBe('held')
    const { version } = await clientOf(left).slots.day.query({ spaceId: space.id, date: testDate })
    expect(socket.received.some((message) => message.type === 'slot_update')).toBe(false)

    await lost.start()
    await connected(left, right)
    expect(await socket.next('board_version', (message) => message.version === version)).toBeTruthy()
    await clientOf(right, person).slots.release.mutate({ slotId })
    await socket.next('slot_update', (message) => message.version === version + 1)
    await socket.close()
    await lost.stop()
  },
)

withRedis(
  named('a connection to Redis that swallows data without closing is found and replaced'),
  async () => {
    const network = await startNetwork(redis.port)
    const databaseUrl = await createDatabase()
    const left = await startTestServer({
      databaseUrl,
      env: { REDIS_URL: `redis://127.0.0.1:${network.port}/3` },
    })
    const right = await startTestServer({ databaseUrl, env: { REDIS_URL: `${redis.url}/3` } })
    await connected(left, right)
    const space = await makeSpace(left)
    const person = await makePerson(left)
    const { socket, board } = await join(left, space.id)
    network.cut()
    await until(() => left.deps.redis?.isUp() === false)
    expect((await rest(left, '/health/redis')).status).toBe(503)
    const slotId = `${space.id}@${at(9)}`
    expect((await clientOf(right, person).slots.hold.mutate({ slotId })).status).toBe('held')
    network.mend()
    await connected(left)
    await socket.next('board_version', ({ version }) => version === board.version + 1)
    await clientOf(right, person).slots.release.mutate({ slotId })
    await socket.next('slot_update', ({ version }) => version === board.version + 2)
    await socket.close()
    await network.stop()
  },
)

withRedis(named('two deployments that share one Redis do not receive messages of each other'), async () => {
  const databaseUrl = await createDatabase()
  const other = await startTestServer({ databaseUrl, env: { REDIS_URL: `${redis.url}/1` } })
  await connected(other)
  const admin = await makePerson(one, 'admin')
  const [stranger, own] = [await openSocket(other), await openSocket(two)]
  await clientOf(one, admin).realtime.announce.mutate({ message: 'only here' })
  expect((await own.next('announcement')).message).toBe('only here')
  const theirs = await makePerson(other, 'admin')
  await clientOf(other, theirs).realtime.announce.mutate({ message: 'only there' })
  await stranger.next('announcement', ({ message }) => message === 'only there')
  expect(stranger.received.filter(({ type }) => type === 'announcement')).toHaveLength(1)
  await Promise.all([stranger.close(), own.close()])
})

/** A Redis cluster of three nodes. */
async function startRedisCluster(): Promise<TestRedis[]> {
  const options = ['--cluster-enabled', 'yes', '--cluster-announce-ip', '127.0.0.1']
  const nodes = await Promise.all(
    [1, 2, 3].map(() => startRedis(...options, '--cluster-node-timeout', '1000')),
  )
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`)
  await redisCli('--cluster', 'create', ...addresses, '--cluster-yes')
  for (const { port } of nodes)
    await until(async () =>
      (await redisCli('-p', String(port), 'cluster', 'info')).includes('cluster_state:ok'),
    )
  return nodes
}

const redisCli = (...words: string[]) =>
  Bun.spawn(['redis-cli', ...words], { stdin: 'ignore', stdout: 'pipe', stderr: 'ignore' }).stdout.text()

withRedis(
  named('servers on a Redis cluster exchange sharded messages and survive the loss of a node'),
  async () => {
    const nodes = await startRedisCluster()
    const databaseUrl = await createDatabase()
    const env = { REDIS_URL: nodes.map(({ url }) => url).join(','), RATE_LIMITS: 'on' }
    const left = await startTestServer({ databaseUrl, env })
    const right = await startTestServer({ databaseUrl, env })
    await connected(left, right)
    const socket = await openSocket(right)
    const admin = await makePerson(left, 'admin')
    const announce = (message: string) => clientOf(left, admin).realtime.announce.mutate({ message })
    await announce('to all')
    expect((await socket.next('announcement')).message).toBe('to all')

    // One node carries the messages, and all three hold keys.
    const channels = nodes.map(({ port }) => redisCli('-p', String(port), 'pubsub', 'shardchannels'))
    const withMessages = (await Promise.all(channels)).map((names) => names.includes('coworkspace'))
    expect(withMessages.filter(Boolean)).toHaveLength(1)
    const people = await Promise.all(Array.from({ length: 30 }, () => makePerson(left)))
    for (const person of people) expect((await rest(right, '/auth/me', { person })).status).toBe(200)
    for (const { port } of nodes)
      expect(await redisCli('-p', String(port), 'keys', 'coworkspace:limit:*')).toContain('person')

    const node = nodes[withMessages.indexOf(true)]
    await node?.kill()
    await until(async () => (await rest(left, '/health/redis')).status === 503)
    for (const person of people) expect((await rest(right, '/auth/me', { person })).status).toBe(200)
    await node?.start()
    await connected(left, right)
    await announce('again')
    await socket.next('announcement', ({ message }) => message === 'again')
    await socket.close()
    await Promise.all([left.stop(), right.stop()])
    await Promise.all(nodes.map((each) => each.stop()))
  },
  60_000,
)

test('the health check reports a missing Redis as disabled', async () => {
  const alone = await startTestServer()
  expect((await rest(alone, '/health/redis')).body).toEqual({ status: 'disabled' })
})

test('a local listener receives its topic until it unsubscribes', () => {
  const bus = createLocalBus()
  const received: string[] = []
  const unsubscribe = bus.subscribe('everyone', (message) => void received.push(message.type))
  bus.publish('everyone', { type: 'announcement', message: 'one' })
  bus.publish('space:1', { type: 'announcement', message: 'elsewhere' })
  unsubscribe()
  bus.publish('everyone', { type: 'announcement', message: 'two' })
  expect(received).toEqual(['announcement'])
})
