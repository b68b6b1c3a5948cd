import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { createTRPCClient, httpBatchLink, httpBatchStreamLink, httpLink } from '@trpc/client'
import type { z } from 'zod'
import { type AppRouter, appRouter } from '../src/routers'
import { BookingSchema } from '../src/schemas/bookings'
import { BoardSchema } from '../src/schemas/slots'
import type { RunningServer } from '../src/server'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
  startTestServer,
  stopTestServers,
  type TestPerson,
  testDate,
} from './support/world'

setDefaultTimeout(30_000)

let server: RunningServer
let person: TestPerson | undefined
let spaceId: string
beforeAll(async () => {
  server = await startTestServer()
  person = await makePerson(server)
  spaceId = (await makeSpace(server)).id
})
afterAll(stopTestServers)

type Call = {
  path: string
  method?: string
  input?: unknown
  raw?: string
  body?: string
  headers?: Record<string, string>
}

/** The routes of a call: before or behind Elysia's hooks, handled directly or by tRPC's adapter. */
const ROUTES = {
  directly: {},
  'by the adapter': { past: true },
  'directly, behind Elysia': { origin: true },
  'by the adapter, behind Elysia': { past: true, origin: true },
}

/** The parts of a response that must be the same on every route. */
async function ask(
  { path, method = 'GET', input, raw, body, headers = {} }: Call,
  { past = false, origin = false }: { past?: boolean; origin?: boolean },
) {
  const query = raw ?? (input === undefined ? '' : `input=${encodeURIComponent(JSON.stringify(input))}`)
  // tRPC ignores a second parameter, but only the adapter handles a request with one.
  const search = past ? `${query}&past=1` : query
  const response = await fetch(`${server.url}/trpc/${path}${search ? `?${search}` : ''}`, {
    method,
    headers: {
      'x-request-id': 'same',
      // Requests of another origin go through Elysia, which has the CORS plugin.
      ...(origin && { origin: 'https://elsewhere.example' }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body }),
  })
  const compared = ['content-type', 'x-request-id', 'ratelimit', 'retry-after', 'x-content-type-options']
  return {
    status: response.status,
    headers: compared.map((name) => response.headers.get(name)),
    varies: response.headers.get('vary')?.includes('Origin'),
    body: await response.text(),
  }
}

const cases = (): Record<string, Call> => ({
  'a query': { path: 'slots.day', input: { spaceId, date: testDate } },
  'a query without input': { path: 'auth.me', headers: { authorization: `Bearer ${person?.token}` } },
  'a query without a token': { path: 'auth.me' },
  'an input that is refused': { path: 'slots.day', input: { spaceId: 'x', date: 'y', more: 1 } },
  'an input that is missing': { path: 'slots.day' },
  'an input that is null': { path: 'slots.day', raw: 'input=null' },
  'an input that is not JSON': { path: 'slots.day', raw: 'input=%7B' },
  'an input that is badly encoded': { path: 'slots.day', raw: 'input=%E0%A4%A' },
  'an unknown space': { path: 'slots.day', input: { spaceId: Bun.randomUUIDv7(), date: testDate } },
  'an unknown procedure': { path: 'slots.nothing', input: {} },
  'a property of every object': { path: 'constructor' },
  'an invalid token': {
    path: 'slots.day',
    input: { spaceId, date: testDate },
    headers: { authorization: 'Bearer no' },
  },
  'a token without a scheme': {
    path: 'slots.day',
    input: { spaceId, date: testDate },
    headers: { authorization: 'x' },
  },
  'a query by POST': { path: 'slots.day', method: 'POST', body: JSON.stringify({ spaceId, date: testDate }) },
  'a mutation by GET': { path: 'slots.hold', input: { slotId: 'x' } },
  'a mutation without a token': {
    path: 'slots.hold',
    method: 'POST',
    body: JSON.stringify({ slotId: `${spaceId}@${at(3)}` }),
  },
  'a body that is not JSON': { path: 'slots.hold', method: 'POST', body: '{' },
  'a body that is empty': { path: 'slots.hold', method: 'POST', body: '' },
  'a body of another type': {
    path: 'slots.hold',
    method: 'POST',
    body: 'x',
    headers: { 'content-type': 'text/plain' },
  },
  'an unsupported method': { path: 'slots.day', method: 'DELETE' },
  'a subscription': { path: 'realtime.nothing', input: {} },
})

for (const name of Object.keys(cases())) {
  test(`${name} gets the same response on every route`, async () => {
    const call = cases()[name]
    if (!call) throw new Error(`no such case: ${name}`)
    const answers = await Promise.all(Object.values(ROUTES).map((route) => ask(call, route)))
    for (const answer of answers) expect(answer).toEqual(answers[0] ?? answer)
  })
}

test('cached responses are complete, served to visitors only and never outdated', async () => {
  const caching = await startTestServer({ env: { CACHE: 'on', RATE_LIMITS: 'on' } })
  const owner = await makePerson(caching)
  const space = await makeSpace(caching)
  const input = encodeURIComponent(JSON.stringify({ spaceId: space.id, date: testDate }))
  for (const path of [`/trpc/slots.day?input=${input}`, `/api/slots/${space.id}/${testDate}`]) {
    const get = (headers: Record<string, string> = {}) => fetch(`${caching.url}${path}`, { headers })
    const textOf = async (headers = {}) => (await get(headers)).text()
    const first = await textOf()
    expect(await textOf()).toBe(first)
    const cached = await get()
    expect(cached.headers.get('content-type')).toBe('application/json')
    expect(cached.headers.get('x-content-type-options')).toBe('nosniff')
    expect(cached.headers.get('x-request-id')).toBeString()
    expect(cached.headers.get('ratelimit')).toStartWith('"anonymous";r=')
    const { slots } = clientOf(caching, owner)
    const slotId = `${space.id}@${at(7)}`
    await slots.hold.mutate({ slotId })
    expect(await textOf()).toContain('"held"')
    expect(await textOf()).toContain('"heldByMe":false')
    expect(await textOf({ authorization: `Bearer ${owner.token}` })).toContain('"heldByMe":true')
    expect(await textOf()).not.toContain('"heldByMe":true')
    await slots.release.mutate({ slotId })
    expect(await textOf()).not.toContain('"held"')
  }
})

test('responses that skip output validation match their schemas', async () => {
  const { slots, bookings } = clientOf(server, person)
  const slotId = `${spaceId}@${at(11)}`
  const held = await slots.hold.mutate({ slotId })
  expect(BookingSchema.strict().parse(held)).toEqual(held)
  expect(BookingSchema.strict().parse(await bookings.byId.query({ id: held.id }))).toEqual(held)
  const board = await slots.day.query({ spaceId, date: testDate })
  expect(BoardSchema.strict().parse(board)).toEqual(board)
  await slots.release.mutate({ slotId })
})

test('the official client works with single, batched and streamed calls', async () => {
  const options = { url: `${server.url}/trpc`, headers: { authorization: `Bearer ${person?.token}` } }
  for (const link of [httpLink(options), httpBatchLink(options), httpBatchStreamLink(options)]) {
    const client = createTRPCClient<AppRouter>({ links: [link] })
    const slotId = `${spaceId}@${at(5)}`
    const [day, me] = await Promise.all([
      client.slots.day.query({ spaceId, date: testDate }),
      client.auth.me.query(),
    ])
    expect(day.slots).toHaveLength(24)
    expect(me.id).toBe(person?.id ?? '')
    expect((await client.slots.hold.mutate({ slotId })).status).toBe('held')
    expect((await client.slots.release.mutate({ slotId })).status).toBe('cancelled')
    const refused = await client.slots.release.mutate({ slotId }).catch((error) => error.data)
    expect(refused).toMatchObject({ httpStatus: 404, reason: 'NOT_FOUND' })
  }
})

test('aborted calls do not disturb later ones', async () => {
  const url = `${server.url}/trpc/slots.day?input=${encodeURIComponent(JSON.stringify({ spaceId, date: testDate }))}`
  const calls = Array.from({ length: 20 }, () => {
    const controller = new AbortController()
    const call = fetch(url, { signal: controller.signal }).catch(() => undefined)
    controller.abort()
    return call
  })
  await Promise.all(calls)
  expect((await fetch(url)).status).toBe(200)
})

test('every list accepts tRPC’s forward direction and refuses the backward one', async () => {
  type Procedure = { _def: { inputs?: { shape?: Record<string, z.ZodType> }[] } }
  const procedures = appRouter._def.procedures as unknown as Record<string, Procedure>
  const lists = Object.entries(procedures).flatMap(([path, { _def }]) => {
    const { inputs = [] } = _def
    const shapes = inputs.flatMap(({ shape }) => (shape?.cursor ? [shape] : []))
    return shapes.map(({ direction }) => [
      path,
      direction?.safeParse('forward').success,
      direction?.safeParse('backward').success,
    ])
  })
  expect(lists.length).toBeGreaterThan(10)
  expect(lists.filter(([, forward, backward]) => !forward || backward !== false)).toEqual([])
  const list = (input: unknown) => ask({ path: 'spaces.list', input }, {})
  expect((await list({ direction: 'forward' })).status).toBe(200)
  expect((await list({ direction: 'backward' })).status).toBe(400)
})
