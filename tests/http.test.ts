import { afterAll, beforeAll, expect, test } from 'bun:test'
import { sql } from 'drizzle-orm'
import { version } from '../package.json'
import { AppError, REASONS, type Reason } from '../src/errors'
import { refusalAnswer } from '../src/http/answers'
import { TIERS } from '../src/lib/rate-limits'
import type { RunningServer } from '../src/server'
import { createDatabase } from './support/database'
import { startProxy } from './support/database-proxy'
import { upgrade } from './support/raw'
import {
  at,
  clientOf,
  makePerson,
  makeSpace,
  reasonOf,
  rest,
  startTestServer,
  stopTestServers,
  until,
} from './support/world'

let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ env: { CORS_ORIGINS: 'https://app.example.com' } })
})
afterAll(stopTestServers)

const get = (path: string, init: RequestInit = {}) => fetch(`${server.url}${path}`, init)
const json = (text: string): RequestInit => ({
  method: 'POST',
  body: text,
  headers: { 'content-type': 'application/json' },
})

/** One request for each kind of response. */
const everyKind: [kind: string, path: string, init: RequestInit, status: number][] = [
  ['a plain route', '/api/health', {}, 200],
  ['a REST call', '/api/spaces', {}, 200],
  ['a tRPC call', '/trpc/spaces.list?input={}', {}, 200],
  ['a batch that fails in part', '/trpc/auth.me,spaces.list?batch=1&input={"1":{}}', {}, 207],
  ['a REST refusal', '/api/auth/me', {}, 401],
  ['a tRPC refusal', '/trpc/auth.me', {}, 401],
  ['a bad token over REST', '/api/auth/me', { headers: { authorization: 'Bearer x' } }, 401],
  ['a bad token over tRPC', '/trpc/auth.me', { headers: { authorization: 'Bearer x' } }, 401],
  ['a non-bearer authorization', '/trpc/spaces.list', { headers: { authorization: 'Basic eDp5' } }, 401],
  ['an invalid input over REST', '/api/spaces?limit=x', {}, 400],
  ['an invalid input over tRPC', '/trpc/spaces.list?input={"limit":"x"}', {}, 400],
  ['a malformed body over REST', '/api/auth/login', json('{'), 400],
  ['a malformed body over tRPC', '/trpc/auth.login', json('{'), 400],
  ['a text body over REST', '/api/auth/login', { method: 'POST', body: 'a=b' }, 400],
  ['a text body over tRPC', '/trpc/auth.login', { method: 'POST', body: 'a=b' }, 400],
  ['an oversized body over REST', '/api/auth/login', json(' '.repeat(1_100_000)), 400],
  ['an oversized body over tRPC', '/trpc/auth.login', json(' '.repeat(1_100_000)), 400],
  ['an oversized batch', `/trpc/${Array(51).fill('auth.me')}?batch=1`, {}, 400],
  ['a mutation sent by GET', '/trpc/auth.login', {}, 400],
  ['an unknown procedure', '/trpc/no.such', {}, 404],
  ['an unknown path', '/nowhere', {}, 404],
  ['an unknown path under /api', '/api/nowhere', {}, 404],
  ['an unsupported method', '/api/health', { method: 'DELETE' }, 404],
  ['a socket path without an upgrade', '/realtime', {}, 404],
  [
    'a socket from another origin',
    '/realtime',
    { headers: { ...upgradeHeaders(), origin: 'https://evil.example.com' } },
    403,
  ],
  ['a socket with a bad token', '/realtime?token=x', { headers: upgradeHeaders() }, 401],
  ['the API reference', '/swagger', {}, 200],
  ['the OpenAPI document', '/swagger/json', {}, 200],
  ['a CORS preflight', '/api/bookings', { method: 'OPTIONS' }, 204],
  ['OPTIONS on an unknown path', '/nowhere', { method: 'OPTIONS' }, 204],
  ['HEAD', '/api/health', { method: 'HEAD' }, 200],
  ['HEAD on an unknown path', '/nowhere', { method: 'HEAD' }, 404],
]

function upgradeHeaders() {
  const [key, version] = ['dGhlIHNhbXBsZSBub25jZQ==', '13']
  return {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': key,
    'sec-websocket-version': version,
  }
}

test.each(everyKind)('%s has the request id and the security headers', async (_, path, init, status) => {
  const requestId = `test-${Bun.randomUUIDv7()}`
  const response = await get(path, { ...init, headers: { ...init.headers, 'x-request-id': requestId } })
  expect(response.status).toBe(status)
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'x-request-id': requestId,
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'strict-transport-security': expect.stringMatching(/^max-age=\d{7,}/),
  })
  const text = await response.text()
  if (status < 400 || text === '') return
  expect(response.headers.get('content-type')).toMatch(/^application\/json/)
  const body = JSON.parse(text)
  const refusal = body.error?.data ?? body
  expect(refusal).toMatchObject({ code: REASONS[refusal.reason as Reason][0], requestId })
  expect(REASONS[refusal.reason as Reason][1]).toBe(status as never)
})

/** A chunked body without a Content-Length that never ends while it is read. */
function endlessBody() {
  let sent = 0
  const body = new ReadableStream({
    pull(controller) {
      sent += 65_536
      controller.enqueue(new Uint8Array(65_536).fill(32))
    },
  })
  return { body, sent: () => sent }
}

test.each(['/api/auth/login', '/trpc/auth.login', '/trpc/auth.login,auth.login?batch=1', '/webhooks/stripe'])(
  'an endless body is refused at the size limit: %s',
  async (path) => {
    const { body, sent } = endlessBody()
    const headers = { 'content-type': 'application/json', 'x-request-id': 'a-test' }
    const response = await get(path, { method: 'POST', body, headers })
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({
      reason: 'VALIDATION',
      message: expect.stringContaining('1048576'),
      requestId: 'a-test',
    })
    expect(sent()).toBeLessThan(1 << 23)
  },
)

test('a chunked body is parsed and counts against the limit of its address', async () => {
  const strict = await startTestServer({ env: { RATE_LIMITS: 'on' } })
  const input = JSON.stringify({ email: 'nobody@example.com', password: 'wrong' })
  for (const [path, text] of [
    ['/api/auth/login', input],
    ['/trpc/auth.login', input],
    ['/trpc/auth.login?batch=1', `{"0":${input}}`],
  ] as const) {
    const body = new Blob([text.slice(0, 9), text.slice(9)]).stream()
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${strict.url}${path}`, { method: 'POST', body, headers })
    expect(await response.text()).toContain('WRONG_CREDENTIALS')
  }
  const left = (await rest(strict, '/spaces')).headers.get('ratelimit')
  expect(left).toContain(`r=${TIERS.anonymous.points - 4};`)
})

test('an invalid request id is replaced by a new one', async () => {
  for (const sent of ['a b', 'x'.repeat(101), '<script>', '', '"']) {
    const id = (await get('/api/health', { headers: { 'x-request-id': sent } })).headers.get('x-request-id')
    expect(id).toMatch(/^[0-9a-f-]{36}$/)
  }
})

test('REST and tRPC refusals follow the contract and list the input issues', async () => {
  const through = await rest(server, '/spaces?limit=0&colour=blue')
  const issues = [
    { path: 'limit', message: expect.any(String) },
    { path: '', message: expect.stringContaining('colour') },
  ]
  const refusal = {
    code: 'BAD_REQUEST',
    reason: 'VALIDATION',
    requestId: through.headers.get('x-request-id'),
    issues,
  }
  expect(through.body).toEqual({
    message: expect.stringMatching(/^Invalid input: limit: /),
    ...refusal,
  })
  const response = await get('/trpc/spaces.list?input={"limit":0,"colour":"blue"}')
  expect(await response.json()).toEqual({
    error: {
      message: through.body.message,
      code: expect.any(Number),
      data: { ...refusal, httpStatus: 400, requestId: response.headers.get('x-request-id') },
    },
  })
})

test.each(Object.keys(REASONS) as Reason[])(
  '%s maps to its code and status, with Retry-After in seconds',
  async (reason) => {
    const [code, status] = REASONS[reason]
    const { body, ...init } = refusalAnswer(new AppError(reason, 'Words.', { retryAfterSeconds: 7 }), 'id')
    const response = new Response(body, init)
    expect(response.status).toBe(status)
    expect(response.headers.get('retry-after')).toBe('7')
    expect(await response.json()).toEqual({ message: 'Words.', code, reason, requestId: 'id' })
  },
)

test('the reasons use exactly the statuses of the contract', () => {
  const byStatus = Map.groupBy(Object.entries(REASONS), ([, [, status]]) => status)
  expect(byStatus.get(401)?.map(([reason]) => reason)).toEqual([
    'NOT_SIGNED_IN',
    'TOKEN_EXPIRED',
    'WRONG_CREDENTIALS',
    'REFRESH_INVALID',
    'REFRESH_REUSED',
  ])
  expect([...byStatus.keys()].sort()).toEqual([400, 401, 402, 403, 404, 409, 412, 429, 500, 503])
})

test('an internal error reveals no details', async () => {
  const broken = await startTestServer()
  const ada = await makePerson(broken, 'admin')
  await broken.deps.db.execute(sql`ALTER TABLE spaces RENAME COLUMN capacity TO nothing`)
  const { status, body } = await rest(broken, '/spaces')
  expect(status).toBe(500)
  expect(body).toEqual({
    message: 'Something went wrong on our side. Try again.',
    code: 'INTERNAL_SERVER_ERROR',
    reason: 'INTERNAL',
    requestId: expect.any(String),
  })
  expect(await reasonOf(clientOf(broken, ada).spaces.list.query({}))).toBe('INTERNAL')
})

test('only configured origins get CORS headers, and responses vary by origin', async () => {
  const ask = async (path: string, origin: string) => {
    const { headers } = await get(path, { headers: { origin } })
    return { allowed: headers.get('access-control-allow-origin'), vary: headers.get('vary')?.toLowerCase() }
  }
  for (const path of ['/api/spaces', '/trpc/spaces.list?input={}', '/nowhere', '/trpc/auth.me']) {
    const own = await ask(path, 'https://app.example.com')
    expect(own).toEqual({ allowed: 'https://app.example.com', vary: expect.stringContaining('origin') })
    const foreign = await ask(path, 'https://evil.example.com')
    expect(foreign).toEqual({ allowed: null, vary: expect.stringContaining('origin') })
  }
  const preflight = async (origin: string) =>
    (
      await get('/trpc/bookings.create', {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,content-type,idempotency-key',
        },
      })
    ).headers
  const headers = await preflight('https://app.example.com')
  expect(headers.get('access-control-allow-origin')).toBe('https://app.example.com')
  expect(headers.get('access-control-allow-methods')).toContain('DELETE')
  for (const name of ['authorization', 'content-type', 'idempotency-key', 'x-request-id'])
    expect(headers.get('access-control-allow-headers')).toContain(name)
  expect((await preflight('https://evil.example.com')).get('access-control-allow-origin')).toBeNull()
  expect(headers.get('access-control-allow-credentials')).toBeNull()
})

test('without CORS_ORIGINS no other origin is allowed; with * every origin is', async () => {
  const [closed, open] = [await startTestServer(), await startTestServer({ env: { CORS_ORIGINS: '*' } })]
  const allowed = async ({ url }: RunningServer) =>
    (await fetch(`${url}/api/spaces`, { headers: { origin: 'https://x.example.com' } })).headers.get(
      'access-control-allow-origin',
    )
  expect(await allowed(closed)).toBeNull()
  expect(['*', 'https://x.example.com']).toContain(String(await allowed(open)))
})

test('health checks report each service, and the API reference is served', async () => {
  expect((await rest(server, '/health')).body).toEqual({
    status: 'ok',
    version,
    uptimeSeconds: expect.any(Number),
  })
  expect((await rest(server, '/health/db')).body).toEqual({ status: 'ok', latencyMs: expect.any(Number) })
  expect((await rest(server, '/health/redis')).body).toEqual({ status: 'disabled' })
  expect((await get('/swagger')).headers.get('content-type')).toContain('text/html')
  const document = (await (await get('/swagger/json')).json()) as { paths: Record<string, object> }
  expect(Object.keys(document.paths['/slots/{slotId}/hold'] ?? {})).toContain('post')
})

test.each([
  '/api/spaces?limit=1',
  '/trpc/spaces.list?input={}',
  '/trpc/spaces.list,spaces.list?batch=1',
  '/api/health',
  '/api/calendar/none.ics',
  '/realtime?token=none',
])('an invalid Host header is refused with 400: %s', async (path) => {
  const { status, head, socket } = await upgrade(server, { path, headers: { host: '[' } })
  socket.destroy()
  expect(status).toBe(400)
  expect(head).toMatch(/^x-request-id: /im)
})

test('a slot id in a path works escaped and unescaped', async () => {
  const space = await makeSpace(server)
  const ada = await makePerson(server)
  const slotId = `${space.id}@${at(9)}`
  const hold = (id: string) => rest(server, `/slots/${id}/hold`, { method: 'POST', person: ada })
  expect(await hold(slotId)).toMatchObject({ status: 200, body: { startsAt: at(9) } })
  expect(await hold(encodeURIComponent(slotId))).toMatchObject({
    status: 409,
    body: { reason: 'SLOT_TAKEN' },
  })
})

test('without its database the server returns 503, and recovers when it is back', async () => {
  const proxy = await startProxy(await createDatabase())
  const behind = await startTestServer({ databaseUrl: proxy.url })
  const ada = await makePerson(behind)
  const space = await makeSpace(behind)
  await proxy.cut()
  const calls = [
    rest(behind, '/spaces'),
    rest(behind, '/auth/me', { person: ada }),
    rest(behind, `/slots/${space.id}@${at(9)}/hold`, { method: 'POST', person: ada }),
    rest(behind, '/auth/register', {
      method: 'POST',
      body: { email: 'x@example.com', password: 'a-long-passphrase', name: 'X' },
    }),
  ]
  for (const { status, body } of await Promise.all(calls))
    expect({ status, reason: body.reason }).toEqual({ status: 503, reason: 'UNAVAILABLE' })
  expect(await reasonOf(clientOf(behind).spaces.list.query({}))).toBe('UNAVAILABLE')
  expect(await rest(behind, '/health/db')).toMatchObject({ status: 503, body: { status: 'unavailable' } })
  expect((await rest(behind, '/health')).status).toBe(200)
  await proxy.mend()
  await until(async () => (await rest(behind, '/health/db')).status === 200)
  expect(await clientOf(behind, ada).slots.hold.mutate({ slotId: `${space.id}@${at(9)}` })).toMatchObject({
    status: 'held',
  })
  await behind.stop()
  await proxy.cut()
})

test('the pool replaces connections that the database terminates', async () => {
  const killed = await startTestServer()
  await Promise.all(Array.from({ length: 20 }, () => rest(killed, '/spaces')))
  await server.deps.db.execute(
    sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = ${new URL(killed.deps.env.DATABASE_URL ?? '').pathname.slice(1)}`,
  )
  const statuses = await Promise.all(
    Array.from({ length: 20 }, async () => (await rest(killed, '/spaces')).status),
  )
  expect(statuses.every((status) => status === 200 || status === 503)).toBe(true)
  await until(async () => (await rest(killed, '/spaces')).status === 200)
  expect((await rest(killed, '/health/db')).status).toBe(200)
})
