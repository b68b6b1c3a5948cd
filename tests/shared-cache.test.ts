import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import type { RunningServer } from '../src/server'
import { createDatabase } from './support/database'
import { countQueries } from './support/proxy'
import { hasRedis, startRedis, type TestRedis, whyNoRedis } from './support/redis'
import { letPass, makeSpecialist } from './support/specialists'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
  reasonOf,
  startTestServer,
  stopTestServers,
  until,
} from './support/world'

setDefaultTimeout(60_000)
afterAll(stopTestServers)

const rounds = process.env.PROVE === '1' ? 100 : 5
const READERS = 200

type TwoServers = { one: RunningServer; two: RunningServer; redis: TestRedis; queries: () => number }

/** Two servers that share a Redis and a database with a query counter. */
async function startTwoServers(env: Record<string, string> = {}): Promise<TwoServers> {
  const redis = await startRedis()
  const counter = await countQueries(await createDatabase())
  const start = () =>
    startTestServer({ env: { CACHE: 'on', REDIS_URL: redis.url, ...env }, databaseUrl: counter.databaseUrl })
  const [one, two] = [await start(), await start()]
  for (const server of [one, two]) await until(() => server.deps.redis?.isUp())
  return { one, two, redis, queries: counter.queries }
}

test.skipIf(!hasRedis)(
  `users see their own changes to services, profiles and accounts on every server ${whyNoRedis}`,
  async () => {
    const { one, two, redis } = await startTwoServers()
    const { person, specialist, service } = await makeSpecialist(one)
    const admin = await makePerson(one, 'admin')
    const visitor = clientOf(two)
    for (let round = 0; round < rounds; round++) {
      // Fill the caches, so that each change below makes an entry outdated.
      const readAll = async (client: typeof visitor) => ({
        service: (await client.services.list.query({ specialistId: specialist.id })).items[0]?.name,
        listed: (await client.specialists.list.query({ locationId: specialist.locationId })).items[0]?.about,
        about: (await client.specialists.byId.query({ id: specialist.id })).about,
      })
      await Promise.all([readAll(visitor), readAll(clientOf(one, person)), readAll(clientOf(two, person))])
      await clientOf(two, person).auth.me.query()

      const name = `Session ${round}`
      await clientOf(one, person).services.update.mutate({ id: service.id, name })
      await clientOf(one, person).specialists.update.mutate({ id: specialist.id, about: name })
      const seen = { service: name, listed: name, about: name }
      expect(await readAll(clientOf(two, person))).toEqual(seen)
      await until(async () => Bun.deepEquals(await readAll(visitor), seen), 2000)

      await clientOf(one, person).auth.update.mutate({ name })
      expect(await clientOf(two, person).auth.me.query()).toMatchObject({ name, role: 'specialist' })
      await clientOf(two, admin).users.update.mutate({ id: person.id, role: 'admin' })
      expect(await clientOf(one, person).auth.me.query()).toMatchObject({ name, role: 'admin' })
      await clientOf(two, admin).users.update.mutate({ id: person.id, role: 'specialist' })
    }
    await redis.stop()
  },
)

test.skipIf(!hasRedis)(
  `a rating includes a review at once, and a deleted specialist is in no list ${whyNoRedis}`,
  async () => {
    const { one, two, redis } = await startTwoServers()
    const { person, specialist, service } = await makeSpecialist(one)
    const customer = await makePerson(one)
    const { id } = await clientOf(one, customer).bookings.create.mutate({
      serviceId: service.id,
      startsAt: at(9),
    })
    await clientOf(one, customer).bookings.confirm.mutate({ id })
    await letPass(one, id)
    await clientOf(one, person).bookings.complete.mutate({ id })
    const rated = async () =>
      (await clientOf(two, customer).specialists.byId.query({ id: specialist.id })).rating
    expect(await rated()).toBeNull()
    const review = await clientOf(one, customer).reviews.create.mutate({ bookingId: id, rating: 4 })
    expect(await rated()).toBe(4)
    await clientOf(one, customer).reviews.update.mutate({ id: review.id, rating: 2 })
    expect(await rated()).toBe(2)
    const admin = clientOf(one, await makePerson(one, 'admin'))
    await admin.reviews.hide.mutate({ id: review.id, reason: 'Names a person' })
    expect(await rated()).toBeNull()

    await clientOf(one, person).auth.deleteMe.mutate()
    expect(
      (await clientOf(two, customer).services.list.query({ specialistId: specialist.id })).items,
    ).toEqual([])
    expect(await reasonOf(clientOf(two, customer).specialists.byId.query({ id: specialist.id }))).toBe(
      'NOT_FOUND',
    )
    expect(await reasonOf(clientOf(two, person).auth.me.query())).toBe('NOT_SIGNED_IN')
    await redis.stop()
  },
)

test.skipIf(!hasRedis)(
  `${READERS} readers on two servers need the queries of one, and later readers none ${whyNoRedis}`,
  async () => {
    const { one, two, redis, queries } = await startTwoServers()
    const { specialist } = await makeSpecialist(one)
    const space = await makeSpace(one)
    const asks = {
      services: (server: RunningServer) =>
        clientOf(server).services.list.query({ specialistId: specialist.id }),
      search: (server: RunningServer) =>
        clientOf(server).spaces.search.query({ locationId: space.locationId, from: at(9), to: at(10) }),
    }
    // The queries of one response, counted with the cache off.
    const off = await countQueries(one.deps.env.DATABASE_URL ?? '')
    const plain = await startTestServer({ databaseUrl: off.databaseUrl })
    for (const ask of Object.values(asks)) {
      const before = off.queries()
      await ask(plain)
      const least = off.queries() - before
      expect(least).toBeGreaterThan(0)
      const start = queries()
      const answers = await Promise.all(
        Array.from({ length: READERS }, (_, reader) => ask(reader % 2 ? one : two)),
      )
      expect(queries() - start).toBe(least)
      expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
      await Promise.all([ask(one), ask(two)])
      expect(queries() - start).toBe(least)
    }
    await redis.stop()
  },
)

test.skipIf(!hasRedis)(
  `responses match the database while Redis is down, paused or back ${whyNoRedis}`,
  async () => {
    const { one, two, redis } = await startTwoServers()
    const { person, specialist, service } = await makeSpecialist(one)
    const nameOn = async (server: RunningServer) =>
      (await clientOf(server, person).services.list.query({ specialistId: specialist.id })).items[0]?.name
    const rename = (name: string) => clientOf(one, person).services.update.mutate({ id: service.id, name })
    for (const server of [one, two]) expect(await nameOn(server)).toBe('Session')

    await redis.kill()
    await rename('While it was gone')
    for (const server of [one, two]) expect(await nameOn(server)).toBe('While it was gone')
    await redis.start()
    for (const server of [one, two]) await until(() => server.deps.redis?.isUp())
    for (const server of [one, two]) expect(await nameOn(server)).toBe('While it was gone')

    // After the pause, Redis still holds the outdated entry.
    redis.pause()
    await rename('While it slept')
    for (const server of [one, two]) expect(await nameOn(server)).toBe('While it slept')
    await until(() => !one.deps.redis?.isUp() && !two.deps.redis?.isUp())
    redis.resume()
    for (const server of [one, two]) await until(() => server.deps.redis?.isUp())
    await until(async () => (await nameOn(two)) === 'While it slept', 2000)
    await rename('Awake')
    for (const server of [one, two]) expect(await nameOn(server)).toBe('Awake')
    await redis.stop()
  },
)

test.skipIf(!hasRedis)(
  `a value read before a change and cached after it is never served ${whyNoRedis}`,
  async () => {
    const { one, two, redis } = await startTwoServers()
    const gate = Promise.withResolvers<void>()
    const options = { tag: 'services' as const, maxAgeMs: 60_000, exact: true }
    const early = one.deps.cache.shared('late', options, async () => {
      await gate.promise
      return { state: 'old' }
    })
    await until(async () => (await one.deps.redis?.commands.keys('coworkspace:cache:loading:late*'))?.length)
    await two.deps.cache.drop('services')
    gate.resolve()
    expect(await early).toEqual({ state: 'old' })
    for (const { deps } of [one, two])
      expect(await deps.cache.shared('late', options, async () => ({ state: 'new' }))).toEqual({
        state: 'new',
      })
    await redis.stop()
  },
)

test('without Redis, a change is visible at once and unchanged data is not read again', async () => {
  const counter = await countQueries(await createDatabase())
  const server = await startTestServer({ env: { CACHE: 'on' }, databaseUrl: counter.databaseUrl })
  const { person, specialist } = await makeSpecialist(server)
  const read = async () => (await clientOf(server).specialists.byId.query({ id: specialist.id })).about
  await read()
  const before = counter.queries()
  for (let time = 0; time < 10; time++) expect(await read()).toBe('')
  expect(counter.queries()).toBe(before)
  await clientOf(server, person).specialists.update.mutate({ id: specialist.id, about: 'New' })
  expect(await read()).toBe('New')
})

test('visitors read reviews from the replica, signed-in users from the primary', async () => {
  const replica = await createDatabase()
  const server = await startTestServer({ env: { DATABASE_REPLICA_URL: replica } })
  const { person, specialist, service } = await makeSpecialist(server)
  const customer = await makePerson(server)
  const client = clientOf(server, customer)
  const { id } = await client.bookings.create.mutate({ serviceId: service.id, startsAt: at(9) })
  await client.bookings.confirm.mutate({ id })
  await letPass(server, id)
  await clientOf(server, person).bookings.complete.mutate({ id })
  await client.reviews.create.mutate({ bookingId: id, rating: 5 })
  // Nothing is replicated in this test, so an empty list comes from the replica.
  const filter = { specialistId: specialist.id }
  expect((await clientOf(server).reviews.list.query(filter)).items).toEqual([])
  expect((await client.reviews.list.query(filter)).items).toHaveLength(1)
})
