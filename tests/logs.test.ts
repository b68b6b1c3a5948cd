import { afterAll, beforeAll, expect, test } from 'bun:test'
import path from 'node:path'
import { sql } from 'drizzle-orm'
import { users } from '../src/db/schema'
import type { RunningServer } from '../src/server'
import { captureLog } from './support/logs'
import { openSocket } from './support/socket'
import {
  clientOf,
  makePerson,
  makeSpace,
  reasonOf,
  rest,
  startTestServer,
  stopTestServers,
  until,
} from './support/world'

const log = captureLog()
let server: RunningServer
beforeAll(async () => {
  server = await startTestServer({ log: log.log })
})
afterAll(stopTestServers)

test('each request is logged as one JSON line, without its query string', async () => {
  const ask = async (path: string, init: RequestInit = {}) => {
    const requestId = `log-${Bun.randomUUIDv7()}`
    await fetch(`${server.url}${path}`, { ...init, headers: { ...init.headers, 'x-request-id': requestId } })
    await until(() => log.lines().some((line) => line.requestId === requestId))
    return log.lines().filter((line) => line.requestId === requestId)
  }
  const cases: [path: string, init: RequestInit, status: number][] = [
    ['/api/health', {}, 200],
    ['/api/spaces?limit=3', {}, 200],
    ['/api/spaces?limit=x', {}, 400],
    ['/api/auth/me', { headers: { authorization: 'Bearer nothing' } }, 401],
    ['/trpc/spaces.list?input={}', {}, 200],
    ['/trpc/auth.me', {}, 401],
    ['/nowhere?token=secret', {}, 404],
    ['/api/auth/login', { method: 'POST', body: '{' }, 400],
  ]
  for (const [path, init, status] of cases) {
    const lines = await ask(path, init)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toEqual({
      level: 30,
      time: expect.stringMatching(/Z$/),
      requestId: expect.any(String),
      method: init.method ?? 'GET',
      path: path.replace(/\?.*/, ''),
      status,
      ms: expect.any(Number),
      msg: 'request',
    })
  }
})

test('an oversized body is not logged as a server error, over REST or tRPC', async () => {
  const { token } = await makePerson(server)
  for (const path of ['/api/bookings', '/trpc/bookings.create']) {
    const requestId = `cut-${Bun.randomUUIDv7()}`
    // Chunked, so that no Content-Length announces its size.
    const body = new ReadableStream({
      pull(controller) {
        for (let part = 0; part < 6; part++) controller.enqueue(new Uint8Array(1 << 20).fill(32))
        controller.close()
      },
    })
    const headers = {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'x-request-id': requestId,
    }
    await fetch(`${server.url}${path}`, { method: 'POST', headers, body }).catch(() => undefined)
    await until(() => log.lines().some((line) => line.requestId === requestId))
    expect(log.lines().filter((line) => line.requestId === requestId && Number(line.level) > 30)).toEqual([])
  }
})

test('no password, token, hash or authorization is logged, whatever fails', async () => {
  const password = `pass-${Bun.randomUUIDv7()}`
  const wrong = `wrong-${Bun.randomUUIDv7()}`
  const email = `ada-${Bun.randomUUIDv7()}@example.com`
  const { auth } = clientOf(server)
  const tokens = await auth.register.mutate({ email, password, name: 'Ada\u2009L.' })
  const admin = await makePerson(server, 'admin')
  const renewed = await auth.refresh.mutate({ refreshToken: tokens.refreshToken })
  const again = await auth.login.mutate({ email, password })
  const secrets = [
    password,
    wrong,
    ...[tokens, renewed, again].flatMap(({ accessToken, refreshToken }) => [accessToken, refreshToken]),
    admin.token,
  ]

  async function driveEverything() {
    await reasonOf(auth.register.mutate({ email, password, name: 'Ada' }))
    await reasonOf(auth.login.mutate({ email, password: wrong }))
    await reasonOf(auth.login.mutate({ email, password }))
    await reasonOf(auth.refresh.mutate({ refreshToken: renewed.refreshToken }))
    await reasonOf(auth.logout.mutate({ refreshToken: again.refreshToken }))
    const mine = clientOf(server, { token: tokens.accessToken }).auth
    await reasonOf(mine.update.mutate({ password: wrong, currentPassword: password }))
    await reasonOf(mine.update.mutate({ password, currentPassword: wrong }))
    await reasonOf(mine.exportMe.query())
    for (const body of [
      { email, password, extra: password },
      { email: password, password: { password } },
    ])
      await rest(server, '/auth/login', { method: 'POST', body })
    await fetch(`${server.url}/api/auth/login`, { method: 'POST', body: `{"password":"${password}"` })
    await fetch(
      `${server.url}/trpc/auth.login?input=${encodeURIComponent(JSON.stringify({ email, password }))}`,
    )
    await fetch(`${server.url}/nowhere?token=${tokens.accessToken}`, { headers: { cookie: `a=${password}` } })
    await rest(server, '/auth/me', { headers: { authorization: `Basic ${password}` } })
    await fetch(`${server.url}/realtime?token=${tokens.accessToken}x`)
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/realtime?token=${tokens.accessToken}`)
    await new Promise((opened) => socket.addEventListener('open', opened))
    socket.send(JSON.stringify({ type: 'authenticate', token: admin.token }))
    socket.send(JSON.stringify({ type: 'authenticate', token: `${admin.token}x` }))
    socket.send(JSON.stringify({ type: 'authenticate', token: tokens.accessToken, extra: password }))
    await new Promise((answered) => socket.addEventListener('message', answered))
    socket.close()
  }

  const { db } = server.deps
  await driveEverything()
  // Makes each kind of query fail, so that every detail of the driver's errors reaches the log.
  const hashes = (await db.select({ hash: users.passwordHash }).from(users)).flatMap(({ hash }) => hash ?? [])
  const stored = await db.execute<{ token_hash: string }>(sql`SELECT token_hash FROM refresh_tokens`)
  const onBoth = async (change: (table: string) => string) => {
    for (const table of ['refresh_tokens', 'users']) await db.execute(sql.raw(change(table)))
  }
  await onBoth((table) => `ALTER TABLE ${table} ADD CONSTRAINT broken CHECK (created_at IS NULL) NOT VALID`)
  await driveEverything()
  await onBoth((table) => `ALTER TABLE ${table} RENAME TO gone_${table}`)
  await driveEverything()
  await onBoth((table) => `ALTER TABLE gone_${table} RENAME TO ${table}`)
  await onBoth((table) => `ALTER TABLE ${table} DROP CONSTRAINT broken`)

  const text = log.text()
  expect(text).toContain('Failed query')
  expect(log.lines().filter(({ level }) => level === 50).length).toBeGreaterThan(10)
  const all = [...secrets, ...hashes, ...stored.map(({ token_hash }) => token_hash)]
  expect(all.length).toBeGreaterThan(12)
  for (const secret of all)
    expect({ secret, logged: text.includes(secret) }).toEqual({ secret, logged: false })
  expect(text).not.toMatch(/\$argon2|\$2[aby]\$|bearer /i)
  // Hashing many passwords is slow on purpose.
}, 120_000)

test('a failed query does not log the text that a user wrote', async () => {
  const space = await makeSpace(server)
  const client = clientOf(server, await makePerson(server))
  const { id } = await client.bookings.create.mutate({ spaceId: space.id, startsAt: '2027-01-04T09:00:00Z' })
  const before = log.lines().length
  await server.deps.db.execute(
    sql`ALTER TABLE bookings ADD CONSTRAINT broken CHECK (notes IS NULL) NOT VALID`,
  )
  const notes = 'first line\n    at second line (/third/line)\nparams: fourth line'
  expect(await reasonOf(client.bookings.reschedule.mutate({ id, notes }))).toBe('INTERNAL')
  const text = JSON.stringify(log.lines().slice(before))
  expect(text).toContain('Failed query')
  expect(text).toContain('    at ')
  for (const part of ['first line', 'second line', 'third', 'fourth line']) expect(text).not.toContain(part)
})

test('fields named like secrets are redacted at any depth', () => {
  const own = captureLog()
  const hidden = 'hidden-value'
  own.log.info({ token: hidden, body: { password: hidden, deeper: { refreshToken: hidden } } }, 'x')
  own.log.info({ headers: { authorization: hidden, cookie: hidden } }, 'x')
  expect(own.text()).toContain('[secret]')
  expect(own.text()).not.toContain(hidden)
})

test('an internal socket error is logged with the request id of its message', async () => {
  const failing = captureLog()
  const broken = await startTestServer({ log: failing.log })
  const space = await makeSpace(broken)
  const socket = await openSocket(broken, (await makePerson(broken)).token)
  await broken.deps.db.execute(sql`DROP FUNCTION space_rules`)
  socket.send({ type: 'join_space', spaceId: space.id, date: '2027-01-04', requestId: 'from-the-client' })
  expect(await socket.next('error')).toMatchObject({ reason: 'INTERNAL', requestId: 'from-the-client' })
  expect(failing.lines().find(({ level }) => level === 50)).toMatchObject({ requestId: 'from-the-client' })
  await socket.close()
})

test.each([
  ['exits', 'process.exit(1)'],
  ['crashes', 'setTimeout(() => { throw new Error("crash") })'],
  ['rejects a promise', 'void Promise.reject(new Error("crash"))'],
  ['has no more work', ''],
])('no log line is lost when the process %s', async (_name, end) => {
  const script = `
    const { createLog } = await import('./src/lib/logger')
    const log = createLog({ level: 'info', terminal: false })
    for (let n = 0; n < 300; n++) log.info({ n }, 'line')
    ${end}`
  const child = Bun.spawn([process.execPath, '-e', script], {
    cwd: path.resolve(import.meta.dirname, '..'),
    stdout: 'pipe',
    stderr: 'ignore',
  })
  const lines = (await new Response(child.stdout).text()).trim().split('\n')
  expect(lines.map((line) => JSON.parse(line).n)).toEqual(Array.from({ length: 300 }, (_, n) => n))
})
