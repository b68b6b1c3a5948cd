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

type Asked = {
  path: string
  method?: string
  input?: unknown
  raw?: string
  body?: string
  headers?: Record<string, string>
}

/** The ways an answer may take: all of them in front of Elysia's hooks or behind them, and called directly or by the adapter. */
const WAYS = {
  directly: {},
  'by the adapter': { past: true },
  'directly, behind Elysia': { origin: true },
  'by the adapter, behind Elysia': { past: true, origin: true },
}

/** What a caller can tell of an answer, without what differs from one request to the next. */
async function ask(
  { path, method = 'GET', input, raw, body, headers = {} }: Asked,
  { past = false, origin = false }: { past?: boolean; origin?: boolean },
) {
  const query = raw ?? (input === undefined ? '' : `input=${encodeURIComponent(JSON.stringify(input))}`)
  // A second parameter means nothing to tRPC, and sends the request past the direct path.
  const asked = past ? `${query}&past=1` : query
  const response = await fetch(`${server.url}/trpc/${path}${asked ? `?${asked}` : ''}`, {
    method,
    headers: {
      'x-request-id': 'same',
      // A page of another origin is Elysia's, with its plugin for CORS.
      ...(origin && { origin: 'https://elsewhere.example' }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body }),
  })
  const told = ['content-type', 'x-request-id', 'ratelimit', 'retry-after', 'x-content-type-options']
  return {
    status: response.status,
    headers: told.map((name) => response.headers.get(name)),
    varies: response.headers.get('vary')?.includes('Origin'),
    body: await response.text(),
  }
}

const cases = (): Record<string, Asked> => ({
  'a query': { path: 'slots.day', input: { spaceId, date: testDate } },
  'a query without input': { path: 'auth.me', headers: { authorization: `Bearer ${person?.token}` } },
  'a query of nobody': { path: 'auth.me' },
  'an input that is refused': { path: 'slots.day', input: { spaceId: 'x', date: 'y', more: 1 } },
  'an input that is missing': { path: 'slots.day' },
  'an input that is null': { path: 'slots.day', raw: 'input=null' },
  'an input that is no JSON': { path: 'slots.day', raw: 'input=%7B' },
  'an input that is badly encoded': { path: 'slots.day', raw: 'input=%E0%A4%A' },
  'a space nobody knows': { path: 'slots.day', input: { spaceId: Bun.randomUUIDv7(), date: testDate } },
  'a procedure nobody knows': { path: 'slots.nothing', input: {} },
  'a name of every object': { path: 'constructor' },
  'a bad token': {
    path: 'slots.day',
    input: { spaceId, date: testDate },
    headers: { authorization: 'Bearer no' },
  },
  'a token of no kind': {
    path: 'slots.day',
    input: { spaceId, date: testDate },
    headers: { authorization: 'x' },
  },
  'a query by POST': { path: 'slots.day', method: 'POST', body: JSON.stringify({ spaceId, date: testDate }) },
  'a mutation by GET': { path: 'slots.hold', input: { slotId: 'x' } },
  'a mutation of nobody': {
    path: 'slots.hold',
    method: 'POST',
    body: JSON.stringify({ slotId: `${spaceId}@${at(3)}` }),
  },
  'a body that is no JSON': { path: 'slots.hold', method: 'POST', body: '{' },
  'a body that is empty': { path: 'slots.hold', method: 'POST', body: '' },
  'a body of another type': {
    path: 'slots.hold',
    method: 'POST',
    body: 'x',
    headers: { 'content-type': 'text/plain' },
  },
  'a method nobody uses': { path: 'slots.day', method: 'DELETE' },
  'a subscription': { path: 'realtime.nothing', input: {} },
})

for (const name of Object.keys(cases())) {
  test(`${name} is answered alike whichever way it takes`, async () => {
    const asked = cases()[name]
    if (!asked) throw new Error(name)
    const answers = await Promise.all(Object.values(WAYS).map((way) => ask(asked, way)))
    for (const answer of answers) expect(answer).toEqual(answers[0] ?? answer)
  })
}

test('an answer that is kept is the one that was given, and not given to who is signed in, nor once it is another', async () => {
  const keeping = await startTestServer({ env: { CACHE: 'on', RATE_LIMITS: 'on' } })
  const owner = await makePerson(keeping)
  const space = await makeSpace(keeping)
  const input = encodeURIComponent(JSON.stringify({ spaceId: space.id, date: testDate }))
  for (const path of [`/trpc/slots.day?input=${input}`, `/api/slots/${space.id}/${testDate}`]) {
    const get = (headers: Record<string, string> = {}) => fetch(`${keeping.url}${path}`, { headers })
    const textOf = async (headers = {}) => (await get(headers)).text()
    const first = await textOf()
    expect(await textOf()).toBe(first)
    const kept = await get()
    expect(kept.headers.get('content-type')).toBe('application/json')
    expect(kept.headers.get('x-content-type-options')).toBe('nosniff')
    expect(kept.headers.get('x-request-id')).toBeString()
    expect(kept.headers.get('ratelimit')).toStartWith('"anonymous";r=')
    const { slots } = clientOf(keeping, owner)
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

test('answers that are not looked at again are of the shapes that clients are promised', async () => {
  const { slots, bookings } = clientOf(server, person)
  const slotId = `${spaceId}@${at(11)}`
  const held = await slots.hold.mutate({ slotId })
  expect(BookingSchema.strict().parse(held)).toEqual(held)
  expect(BookingSchema.strict().parse(await bookings.byId.query({ id: held.id }))).toEqual(held)
  const board = await slots.day.query({ spaceId, date: testDate })
  expect(BoardSchema.strict().parse(board)).toEqual(board)
  await slots.release.mutate({ slotId })
})

test('the official client works alone, in batches, and in batches that stream', async () => {
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

test('a caller who goes away in the middle harms nobody', async () => {
  const url = `${server.url}/trpc/slots.day?input=${encodeURIComponent(JSON.stringify({ spaceId, date: testDate }))}`
  const calls = Array.from({ length: 20 }, () => {
    const going = new AbortController()
    const call = fetch(url, { signal: going.signal }).catch(() => undefined)
    going.abort()
    return call
  })
  await Promise.all(calls)
  expect((await fetch(url)).status).toBe(200)
})

test('every list takes the direction that infinite queries of tRPC send, and is not read backwards', async () => {
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
