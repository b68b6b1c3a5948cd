import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { createCache } from '../src/lib/cache'
import { createLog } from '../src/lib/logger'
import { createMetrics } from '../src/lib/metrics'
import type { RunningServer } from '../src/server'
import { createDatabase } from './support/database'
import { hasRedis, startRedis, whyNoRedis } from './support/redis'
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

setDefaultTimeout(30_000)
afterAll(stopTestServers)

const cached = (env: Record<string, string> = {}, databaseUrl?: string) =>
  startTestServer({ env: { CACHE: 'on', ...env }, ...(databaseUrl && { databaseUrl }) })
const rounds = process.env.PROVE === '1' ? 200 : 10
const aCache = () =>
  createCache({
    redis: null,
    on: true,
    metrics: createMetrics(),
    log: createLog({ level: 'silent', terminal: false }),
    invalidateEverywhere: () => undefined,
  })

/** Cache hits and misses of this server. */
async function reads({ url }: RunningServer) {
  const text = await (await fetch(`${url}/metrics`)).text()
  const count = (found: string) =>
    Number(new RegExp(`cache_reads_total\\{found="${found}"\\} (\\d+)`).exec(text)?.[1] ?? 0)
  return { near: count('near'), missed: count('missed') }
}

test('a cached board is read again after every change', async () => {
  const server = await cached()
  const space = await makeSpace(server)
  const [ada, bob] = [await makePerson(server), await makePerson(server)]
  const day = { spaceId: space.id, date: testDate }
  const slotId = `${space.id}@${at(9)}`
  const free = await clientOf(server).slots.day.query(day)
  expect(await clientOf(server, bob).slots.day.query(day)).toEqual(free)
  expect(await reads(server)).toEqual({ near: 1, missed: 1 })

  await clientOf(server, ada).slots.hold.mutate({ slotId })
  expect((await clientOf(server, ada).slots.day.query(day)).slots[9]).toMatchObject({
    status: 'held',
    heldByMe: true,
  })
  expect((await clientOf(server, bob).slots.day.query(day)).slots[9]).toMatchObject({
    status: 'held',
    heldByMe: false,
  })
  await clientOf(server, ada).slots.release.mutate({ slotId })
  expect((await clientOf(server).slots.day.query(day)).slots[9]).toMatchObject({ status: 'free' })

  const admin = await makePerson(server, 'admin')
  await clientOf(server, admin).spaces.update.mutate({ id: space.id, priceMinor: 700 })
  expect((await clientOf(server).slots.day.query(day)).slots[9]).toMatchObject({ priceMinor: 700 })
})

test('a board is not cached past the end of a hold', async () => {
  const server = await cached({ HOLD_SECONDS: '1' })
  const space = await makeSpace(server)
  const day = { spaceId: space.id, date: testDate }
  await clientOf(server, await makePerson(server)).slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
  expect((await clientOf(server).slots.day.query(day)).slots[9]?.status).toBe('held')
  await until(async () => (await clientOf(server).slots.day.query(day)).slots[9]?.status === 'free', 2000)
})

test('concurrent reads of one key load it once', async () => {
  const cache = aCache()
  let loads = 0
  const load = async () => {
    loads += 1
    await Bun.sleep(10)
    return { value: { loads } }
  }
  const options = { tag: 'space:1', maxAgeMs: 60_000 }
  const answers = await Promise.all(Array.from({ length: 100 }, () => cache.local('key', options, load)))
  expect(loads).toBe(1)
  expect(new Set(answers).size).toBe(1)
})

test('a read that a change overtakes is not cached', async () => {
  const cache = aCache()
  const gate = Promise.withResolvers<void>()
  const options = { tag: 'space:1', maxAgeMs: 60_000 }
  const early = cache.local('key', options, async () => {
    await gate.promise
    return { value: { state: 'old' } }
  })
  cache.forget('space:1')
  const late = cache.local('key', options, async () => ({ value: { state: 'new' } }))
  expect((await late).state).toBe('new')
  gate.resolve()
  expect((await early).state).toBe('old')
  const after = await cache.local('key', options, async () => ({ value: { state: 'newer' } }))
  expect(after.state).toBe('new')
})

test('a refusal is not cached', async () => {
  const server = await cached()
  const day = { spaceId: Bun.randomUUIDv7(), date: testDate }
  for (let time = 0; time < 2; time++)
    expect((await rest(server, `/slots/${day.spaceId}/${testDate}`)).status).toBe(404)
  expect((await reads(server)).near).toBe(0)
})

test('invalidating more tags than the cache tracks revives no stale entry', async () => {
  const cache = aCache()
  const options = { tag: 'space:1', maxAgeMs: 60_000 }
  await cache.local('key', options, async () => ({ value: { state: 'old' } }))
  cache.forget('space:1')
  for (let other = 2; other < 6000; other++) cache.forget(`space:${other}`)
  expect((await cache.local('key', options, async () => ({ value: { state: 'new' } }))).state).toBe('new')
})

test.skipIf(!hasRedis)(
  `a user reads their own change on every server at once, others within a second ${whyNoRedis}`,
  async () => {
    const redis = await startRedis()
    const databaseUrl = await createDatabase()
    const [one, two] = await Promise.all([1, 2].map(() => cached({ REDIS_URL: redis.url }, databaseUrl)))
    if (!one || !two) throw new Error('no servers')
    for (const server of [one, two]) await until(() => server.deps.redis?.isUp())
    const space = await makeSpace(one)
    const person = await makePerson(one)
    const day = { spaceId: space.id, date: testDate }
    const slotId = `${space.id}@${at(9)}`
    for (let round = 0; round < rounds; round++) {
      for (let guest = 0; guest < 2; guest++) await clientOf(two).slots.day.query(day)
      await clientOf(one, person).slots.hold.mutate({ slotId })
      expect((await clientOf(two, person).slots.day.query(day)).slots[9]?.status).toBe('held')
      await until(async () => (await clientOf(two).slots.day.query(day)).slots[9]?.status === 'held', 1000)
      await clientOf(two, person).slots.release.mutate({ slotId })
      expect((await clientOf(one, person).slots.day.query(day)).slots[9]?.status).toBe('free')
    }
    expect((await reads(two)).near).toBeGreaterThan(0)

    await redis.kill()
    await until(() => !one.deps.redis?.isUp() && !two.deps.redis?.isUp())
    await clientOf(one, person).slots.hold.mutate({ slotId })
    expect((await clientOf(two).slots.day.query(day)).slots[9]?.status).toBe('held')
    await redis.stop()
  },
)

test.skipIf(!hasRedis)(
  `a signed-out search is shared by all servers, a signed-in one is made anew ${whyNoRedis}`,
  async () => {
    const redis = await startRedis()
    const databaseUrl = await createDatabase()
    const one = await cached({ REDIS_URL: redis.url }, databaseUrl)
    const two = await cached({ REDIS_URL: redis.url }, databaseUrl)
    for (const server of [one, two]) await until(() => server.deps.redis?.isUp())
    const space = await makeSpace(one)
    const person = await makePerson(one)
    const search = { locationId: space.locationId, from: at(9), to: at(10) }
    expect((await clientOf(one).spaces.search.query(search)).items).toHaveLength(1)
    await until(async () => (await one.deps.redis?.commands.keys('coworkspace:cache:search*'))?.length)
    expect((await clientOf(two).spaces.search.query(search)).items).toHaveLength(1)
    expect(await reads(two)).toEqual({ near: 0, missed: 0 })
    await clientOf(one, person).slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
    expect((await clientOf(two, person).spaces.search.query(search)).items).toHaveLength(0)
    await redis.stop()
  },
)

test('only searches by signed-out callers read the replica', async () => {
  const replica = await createDatabase()
  const server = await cached({ DATABASE_REPLICA_URL: replica })
  const space = await makeSpace(server)
  const person = await makePerson(server)
  const search = { locationId: space.locationId, from: at(9), to: at(10) }
  const [own] = await server.deps.db.execute<{ name: string }>(sql`SELECT current_database() AS name`)
  expect(replica).not.toContain(`/${own?.name}?`)
  // This replica stays empty, so an empty result proves that it was queried.
  expect((await clientOf(server).spaces.search.query(search)).items).toHaveLength(0)
  expect((await clientOf(server, person).spaces.search.query(search)).items).toHaveLength(1)
  expect((await clientOf(server).slots.day.query({ spaceId: space.id, date: testDate })).slots).toHaveLength(
    24,
  )
})
