import { afterAll, expect, test } from 'bun:test'
import { type Caller, createRateLimits, limitedAddress, TIERS } from '../src/lib/rate-limits'
import type { RunningServer } from '../src/server'
import { createDatabase } from './support/database'
import { hasRedis, startRedis, whyNoRedis } from './support/redis'
import { openSocket } from './support/socket'
import {
  clientOf,
  makePerson,
  reasonOf,
  rest,
  startTestServer,
  stopTestServers,
  until,
} from './support/world'

afterAll(stopTestServers)

const limited = (env: Record<string, string> = {}, databaseUrl?: string) =>
  startTestServer({ env: { RATE_LIMITS: 'on', ...env }, ...(databaseUrl && { databaseUrl }) })
const password = 'a-long-passphrase'
const from = (address: string) => ({ 'x-forwarded-for': address })

const signIn = (server: RunningServer, email: string, given: string, address: string) =>
  rest(server, '/auth/login', { method: 'POST', body: { email, password: given }, headers: from(address) })

test('REST and tRPC responses report the remaining quota in standard headers', async () => {
  const server = await limited()
  const { points, seconds } = TIERS.anonymous
  const first = await rest(server, '/spaces')
  expect(first.headers.get('ratelimit-policy')).toBe(`"anonymous";q=${points};w=${seconds}`)
  expect(first.headers.get('ratelimit')).toBe(`"anonymous";r=${points - 1};t=${seconds}`)
  const second = await fetch(`${server.url}/trpc/spaces.list?input=%7B%7D`)
  expect(second.headers.get('ratelimit')).toMatch(new RegExp(`^"anonymous";r=${points - 2};t=\\d+$`))
  const person = await makePerson(server)
  const third = await rest(server, '/auth/me', { person })
  expect(third.headers.get('ratelimit')).toStartWith(`"person";r=${TIERS.person.points - 1};`)
})

test('admins have a higher limit, and writes have a limit of their own', async () => {
  const server = await limited()
  const admin = await makePerson(server, 'admin')
  const asked = await rest(server, '/users', { person: admin })
  expect(asked.headers.get('ratelimit-policy')).toBe(
    `"admin";q=${TIERS.admin.points};w=${TIERS.admin.seconds}`,
  )
  const person = await makePerson(server)
  const write = () =>
    rest(server, '/bookings', { method: 'POST', person, body: { spaceId: Bun.randomUUIDv7() } })
  expect((await write()).headers.get('ratelimit-policy')).toBe(
    `"write";q=${TIERS.write.points};w=${TIERS.write.seconds}`,
  )
  const caller: Caller = { address: 'x', allowance: null }
  const actor = { kind: 'user', id: person.id, role: 'customer' } as const
  for (let count = 1; count < TIERS.write.points; count++)
    await server.deps.limits.countCall(actor, caller, 'mutation')
  const refused = await write()
  expect(refused).toMatchObject({ status: 429, body: { reason: 'RATE_LIMITED' } })
  expect(refused.headers.get('ratelimit')).toStartWith('"write";r=0;')
  expect(Number(refused.headers.get('retry-after'))).toBeWithin(1, TIERS.write.seconds + 1)
  expect((await rest(server, '/auth/me', { person })).status).toBe(200)
})

test('callers over the limit get 429 with Retry-After, and others are unaffected', async () => {
  const server = await limited({ TRUST_PROXY: 'loopback' })
  const batch = `${server.url}/trpc/${Array(50).fill('spaces.list').join()}?batch=1&input=%7B%7D`
  for (let asked = 0; asked < TIERS.anonymous.points; asked += 50) {
    await fetch(batch, { headers: from('192.0.2.1') })
  }
  const refused = await rest(server, '/spaces', { headers: from('192.0.2.1') })
  expect(refused.status).toBe(429)
  expect(refused.body).toMatchObject({ reason: 'RATE_LIMITED', code: 'TOO_MANY_REQUESTS' })
  expect(Number(refused.headers.get('retry-after'))).toBeWithin(1, 61)
  expect(refused.headers.get('ratelimit')).toContain(';r=0;')
  const trpc = await fetch(`${server.url}/trpc/spaces.list?input=%7B%7D`, { headers: from('192.0.2.1') })
  expect(trpc.status).toBe(429)
  expect(Number(trpc.headers.get('retry-after'))).toBeWithin(1, 61)
  expect((await rest(server, '/spaces', { headers: from('192.0.2.2') })).status).toBe(200)
  const person = await makePerson(server)
  expect((await rest(server, '/auth/me', { person, headers: from('192.0.2.1') })).status).toBe(200)
})

test('X-Forwarded-For is ignored unless it comes from a trusted proxy', async () => {
  const open = await limited()
  await rest(open, '/spaces', { headers: from('192.0.2.1') })
  const lied = await rest(open, '/spaces', { headers: from('192.0.2.2') })
  expect(lied.headers.get('ratelimit')).toContain(`;r=${TIERS.anonymous.points - 2};`)
  const behind = await limited({ TRUST_PROXY: 'loopback' })
  await rest(behind, '/spaces', { headers: from('192.0.2.1') })
  const told = await rest(behind, '/spaces', { headers: from('198.51.100.9, 192.0.2.2') })
  expect(told.headers.get('ratelimit')).toContain(`;r=${TIERS.anonymous.points - 1};`)
})

test('an IPv6 network counts as one address, and a mapped IPv4 address is unwrapped', () => {
  expect(limitedAddress('2001:db8:1:2:3:4:5:6')).toBe(limitedAddress('2001:db8:1:2::9'))
  expect(limitedAddress('2001:db8:1:2::9')).not.toBe(limitedAddress('2001:db8:1:3::9'))
  expect(limitedAddress('::ffff:192.0.2.1')).toBe('192.0.2.1')
})

test('an email with too many failed sign-ins is blocked for every address', async () => {
  const server = await limited({ TRUST_PROXY: 'loopback' })
  const email = `${Bun.randomUUIDv7()}@example.com`
  const { countSignIn } = server.deps.limits
  for (let guess = 0; guess < TIERS['sign-in-email'].points - 1; guess++) {
    await countSignIn({ address: `192.0.2.${guess}`, allowance: null }, email)
  }
  expect((await signIn(server, email, 'wrong', '198.51.100.1')).body).toMatchObject({
    reason: 'WRONG_CREDENTIALS',
  })
  const refused = await signIn(server, email, 'wrong', '198.51.100.2')
  expect(refused.body).toMatchObject({ reason: 'RATE_LIMITED' })
  expect(refused.headers.get('ratelimit-policy')).toContain('"sign-in-email"')
  expect((await signIn(server, `x-${email}`, 'wrong', '198.51.100.2')).body).toMatchObject({
    reason: 'WRONG_CREDENTIALS',
  })
})

test('a successful sign-in resets the failed attempts', async () => {
  const server = await limited({ TRUST_PROXY: 'loopback' })
  const email = `${Bun.randomUUIDv7()}@example.com`
  await clientOf(server).auth.register.mutate({ email, password, name: 'Ada' })
  const { countSignIn } = server.deps.limits
  for (let guess = 0; guess < TIERS['sign-in-email'].points - 2; guess++) {
    await countSignIn({ address: '192.0.2.7', allowance: null }, email)
  }
  expect((await signIn(server, email, password, '192.0.2.8')).status).toBe(200)
  expect((await signIn(server, email, 'wrong', '192.0.2.8')).body).toMatchObject({
    reason: 'WRONG_CREDENTIALS',
  })
})

test('an address that tries many emails is blocked', async () => {
  const limits = createRateLimits(null, true)
  const caller: Caller = { address: '192.0.2.1', allowance: null }
  for (let guess = 0; guess < TIERS['sign-in-address'].points; guess++) {
    await limits.countSignIn(caller, `${guess}@example.com`)
  }
  expect(await reasonOf(limits.countSignIn(caller, 'next@example.com'))).toBe('RATE_LIMITED')
})

test('writes over a socket count against the write limit', async () => {
  const server = await limited()
  const person = await makePerson(server)
  const caller: Caller = { address: 'x', allowance: null }
  const actor = { kind: 'user', id: person.id, role: 'customer' } as const
  for (let write = 0; write < TIERS.write.points; write++) {
    await server.deps.limits.countCall(actor, caller, 'mutation')
  }
  const socket = await openSocket(server, person.token)
  socket.send({ type: 'slot_release', bookingId: Bun.randomUUIDv7() })
  expect((await socket.next('error')).reason).toBe('RATE_LIMITED')
  await socket.close()
})

test.skipIf(!hasRedis)(
  `servers share limits through Redis, and count alone while it is down ${whyNoRedis}`,
  async () => {
    const redis = await startRedis()
    const databaseUrl = await createDatabase()
    const one = await limited({ REDIS_URL: redis.url }, databaseUrl)
    const two = await limited({ REDIS_URL: redis.url }, databaseUrl)
    for (const server of [one, two])
      await until(async () => (await rest(server, '/health/redis')).status === 200)
    const person = await makePerson(one)
    const left = async (server: RunningServer) =>
      Number(/r=(\d+)/.exec((await rest(server, '/auth/me', { person })).headers.get('ratelimit') ?? '')?.[1])
    expect(await left(one)).toBe(TIERS.person.points - 1)
    expect(await left(two)).toBe(TIERS.person.points - 2)
    await redis.kill()
    expect(await left(one)).toBeWithin(TIERS.person.points - 4, TIERS.person.points)
    await redis.stop()
  },
)
