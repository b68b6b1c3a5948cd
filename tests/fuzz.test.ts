import { afterAll, beforeAll, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import fc from 'fast-check'
import type { z } from 'zod'
import { REASONS } from '../src/errors'
import { procedures } from '../src/routers'
import { ClientMessageSchema } from '../src/schemas/socket-messages'
import type { RunningServer } from '../src/server'
import { openapiOf } from './support/doors'
import { captureLog } from './support/logs'
import { bodies, inputsFor } from './support/malformed'
import { openSocket, type SocketClient } from './support/socket'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
  startTestServer,
  stopTestServers,
  type TestPerson,
} from './support/world'

/** The number of malformed inputs, split over the four tests. */
const INPUTS = process.env.PROVE === '1' ? 5000 : 600
const runs = { numRuns: INPUTS / 4, endOnFailure: true }
const log = captureLog('warn')
let server: RunningServer
let admin: TestPerson

beforeAll(async () => {
  server = await startTestServer({ log: log.log })
  admin = await makePerson(server, 'admin')
  const space = await makeSpace(server, { units: 2 })
  const client = clientOf(server, await makePerson(server))
  await client.slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })
  await client.slots.hold.mutate({ slotId: `${space.id}@${at(10)}` })
  await client.slots.book.mutate({ slotId: `${space.id}@${at(10)}` })
})
afterAll(stopTestServers)

/** A digest of the rows of each table. */
async function digest(): Promise<Record<string, unknown>> {
  const tables = await server.deps.db.execute<{ name: string }>(
    sql`SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`,
  )
  const digests: Record<string, unknown> = {}
  for (const { name } of tables) {
    const [row] = await server.deps.db.execute(
      sql.raw(
        `SELECT count(*)::int AS rows, md5(string_agg(t::text, E'\\n' ORDER BY t::text)) AS md5 FROM ${name} t`,
      ),
    )
    digests[name] = row
  }
  return digests
}

/** Checks that `send` stores nothing and logs no bug. */
async function changesNothing(send: () => Promise<void>): Promise<void> {
  const before = await digest()
  expect(Object.keys(before).length).toBeGreaterThan(5)
  await send()
  expect(await digest()).toEqual(before)
  expect(log.lines()).toEqual([])
}

const accepts = (path: string, input: unknown): boolean =>
  ((procedures[path]?._def.inputs ?? []) as z.ZodType[]).every((schema) => schema.safeParse(input).success)

/** Signs in as an admin to reach every input check, except for valid mutations, which must not take effect. */
const headersFor = (path: string, input: unknown): Record<string, string> =>
  procedures[path]?._def.type === 'mutation' && accepts(path, input)
    ? {}
    : { authorization: `Bearer ${admin.token}` }

/** `auth.*` needs no token, so a valid input would take effect. */
const wouldAct = (path: string, input: unknown) => path.startsWith('auth.') && accepts(path, input)

function expectValidResponse(status: number, text: string): void {
  expect(status).toBeLessThan(500)
  if (status < 400 || text === '') return
  const body = JSON.parse(text)
  const refusals = (Array.isArray(body) ? body : [body]).map((one) => one.error?.data ?? one)
  for (const { reason } of refusals) {
    if (reason === undefined) continue
    expect(Object.keys(REASONS)).toContain(reason)
    expect(reason).not.toBe('INTERNAL')
  }
  expect(text).not.toMatch(/\n {4}at |select |insert |node_modules/i)
}

const calls = fc
  .constantFrom(...Object.entries(procedures))
  .chain(([path, procedure]) =>
    inputsFor((procedure._def.inputs as z.ZodType[])[0]).map((input) => ({ path, procedure, input })),
  )
  .filter(({ path, input }) => !wouldAct(path, input))

async function ask(path: string, init: RequestInit): Promise<void> {
  const response = await fetch(`${server.url}${path}`, init)
  if (response.headers.get('content-type')?.startsWith('text/event-stream')) return response.body?.cancel()
  expectValidResponse(response.status, await response.text())
}

test('malformed tRPC input never causes an internal error or a change', async () => {
  await changesNothing(() =>
    fc.assert(
      fc.asyncProperty(calls, async ({ path, procedure, input }) => {
        const headers = headersFor(path, input)
        const text = JSON.stringify(input)
        if (procedure._def.type === 'mutation') {
          const withType = { ...headers, 'content-type': 'application/json' }
          return ask(`/trpc/${path}`, { method: 'POST', body: text, headers: withType })
        }
        const query = encodeURIComponent(text.toWellFormed())
        if (query.length < 15_000) await ask(`/trpc/${path}?input=${query}`, { headers })
      }),
      runs,
    ),
  )
})

const asText = (value: unknown) =>
  (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).toWellFormed().slice(0, 3000)

test('malformed REST paths, queries and bodies cause no internal error or change', async () => {
  const withPath = calls.filter(
    ({ procedure, input }) => Boolean(openapiOf(procedure)) && typeof input === 'object',
  )
  await changesNothing(() =>
    fc.assert(
      fc.asyncProperty(withPath, async ({ path, procedure, input }) => {
        const openapi = openapiOf(procedure)
        if (!openapi) return
        const hasBody = openapi.method !== 'GET' && openapi.method !== 'DELETE'
        const inPath = [...openapi.path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
        const rest = Object.entries(input ?? {}).filter(([name]) => !inPath.includes(name))
        const params = inPath.map((name) => [name, asText(Object(input)[name]) || '\0'] as const)
        const others = hasBody ? rest : rest.map(([name, text]) => [asText(name), asText(text)] as const)
        const sent = Object.fromEntries([...others, ...params])
        if (wouldAct(path, sent)) return
        const address = params.reduce(
          (whole, [name, text]) => whole.replace(`{${name}}`, () => encodeURIComponent(text)),
          openapi.path as string,
        )
        const headers = headersFor(path, sent)
        if (!hasBody) {
          const query = new URLSearchParams()
          for (const [name, text] of others) query.append(name, String(text))
          if (`${query}`.length > 12_000) return
          return ask(`/api${address}?${query}`, { method: openapi.method, headers })
        }
        const withType = { ...headers, 'content-type': 'application/json' }
        const body = JSON.stringify(Object.fromEntries(rest))
        await ask(`/api${address}`, { method: openapi.method, body, headers: withType })
      }),
      runs,
    ),
  )
})

const rawPaths = [
  ...Object.keys(procedures).map((path) => `/trpc/${path}`),
  ...Object.values(procedures).map((procedure) => `/api${openapiOf(procedure)?.path ?? '/none'}`),
  `/trpc/${Array(51).fill('auth.me').join()}?batch=1`,
  '/trpc/auth.me,auth.me?batch=1&input={"0":1',
  '/trpc/auth.me?batch=1&input=[]',
  '/trpc/auth.login,auth.login?batch=1',
  '/trpc/__proto__',
  '/trpc/constructor.prototype',
  '/trpc/auth.me/..',
  '/trpc//',
  '/trpc/%E0%A4%A',
  '/api/%2e%2e/%2e%2e',
  '/api/spaces/%E0%A4%A',
  '/api/slots/%00/%ff',
  '/api/__proto__',
  '/api/spaces?limit=1&limit=2&__proto__=3',
  '/realtime?token=%00',
  '/swagger/json?%',
  '//',
]
const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND']

test('arbitrary methods, content types and bodies cause no internal error or change', async () => {
  const requests = fc.tuple(fc.constantFrom(...rawPaths), fc.constantFrom(...methods), bodies, fc.boolean())
  await changesNothing(() =>
    fc.assert(
      fc.asyncProperty(requests, async ([path, method, { type, body }, badToken]) => {
        const carries = method !== 'GET' && method !== 'HEAD'
        await ask(path, {
          method,
          headers: {
            'content-type': type,
            ...(badToken && { authorization: 'Bearer not.a.token' }),
          },
          ...(carries && { body }),
        })
      }),
      runs,
    ),
  )
})

const messages = fc.oneof(
  fc.constantFrom(...ClientMessageSchema.options).chain((option) => inputsFor(option as z.ZodType)),
  fc.constantFrom('{', 'ping', 'pong', 'null', '1', '"x"', '[]', '\0', '', '{"type":', '[[[['.repeat(500)),
)

test('malformed socket messages get a response and cause no internal error or change', async () => {
  let socket: SocketClient | undefined
  let sent = 0
  await changesNothing(() =>
    fc.assert(
      fc.asyncProperty(messages, async (message) => {
        const text = typeof message === 'string' ? message : (JSON.stringify(message) ?? '')
        if (Buffer.byteLength(text) > 60_000) return
        // A socket is closed after a limited number of refusals.
        if (!socket || sent % 100 === 0) {
          await socket?.close()
          socket = await openSocket(server, admin.token)
        }
        sent += 1
        const before = socket.received.length
        socket.send(text)
        socket.send({ type: 'leave_space', spaceId: admin.id, requestId: `after-${sent}` })
        const end = await socket.next('left_space', ({ requestId }) => requestId === `after-${sent}`)
        const answers = socket.received.slice(before, socket.received.indexOf(end))
        expect(answers.length).toBeGreaterThan(0)
        for (const answer of answers) if (answer.type === 'error') expect(answer.reason).not.toBe('INTERNAL')
      }),
      runs,
    ),
  )
  await socket?.close()
})
