import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { sql } from 'drizzle-orm'
import { createLog } from '../src/lib/logger'
import type { Booking } from '../src/schemas/bookings'
import type { Space } from '../src/schemas/spaces'
import { type RunningServer, startServer } from '../src/server'
import { admin } from './support/admin'
import { createDatabase } from './support/database'
import {
  at,
  clientOf,
  endHolds,
  makePerson,
  makeSpace,
  reasonOf,
  rest,
  startTestServer,
  stopTestServers,
  type TestPerson,
  testDate,
  testEnv,
} from './support/world'

let folder: string
let server: RunningServer
let boss: TestPerson
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'admin-'))
  server = await startTestServer()
  boss = await makePerson(server, 'admin')
})
afterAll(async () => {
  await stopTestServers()
  await rm(folder, { recursive: true })
})

const inFolder = (name: string) => path.join(folder, name)
const settingsOf = ({ deps }: RunningServer) => ({ DATABASE_URL: deps.env.DATABASE_URL ?? '' })
const run = (...words: string[]) => admin(settingsOf(server), ...words)

/** Reads the lists and boards as an admin. */
async function readAll(of: RunningServer, person: TestPerson, spaceIds: string[]) {
  const boards = spaceIds.map((id) => `/slots/${id}/${testDate}`)
  const paths = [
    '/locations',
    '/spaces?limit=100',
    '/users?limit=100',
    '/bookings?limit=100',
    '/closures',
    ...boards,
  ]
  return Promise.all(paths.map(async (one) => [one, (await rest(of, one, { person })).body]))
}

test('backup, reset and restore bring back the same data and constraints', async () => {
  const own = await startTestServer()
  const [chief, ada] = [await makePerson(own, 'admin'), await makePerson(own)]
  const space = await makeSpace(own, { units: 2, bufferMinutes: 10 })
  const plain = await makeSpace(own)
  const client = clientOf(own, ada)
  const notes = 'tab\there, line\nthere, back\\slash, \\. and ünïcödé\u2028'
  const { id } = await client.bookings.create.mutate({ spaceId: space.id, startsAt: at(9), notes })
  await client.bookings.confirm.mutate({ id })
  await client.slots.hold.mutate({ slotId: `${plain.id}@${at(9)}` })
  const before = await readAll(own, chief, [space.id, plain.id])

  const file = inFolder('all.backup')
  expect((await admin(settingsOf(own), 'backup', file)).code).toBe(0)
  expect((await admin(settingsOf(own), 'reset', '--yes')).code).toBe(0)
  expect((await rest(own, '/spaces')).body).toEqual({ items: [], nextCursor: null })
  expect(await admin(settingsOf(own), 'restore', file)).toMatchObject({ code: 0 })

  expect(await readAll(own, chief, [space.id, plain.id])).toEqual(before)
  const bob = clientOf(own, await makePerson(own))
  expect(await reasonOf(bob.slots.hold.mutate({ slotId: `${plain.id}@${at(9)}` }))).toBe('SLOT_TAKEN')
  expect(await client.slots.book.mutate({ slotId: `${plain.id}@${at(9)}` })).toMatchObject({
    status: 'confirmed',
  })
  expect((await admin(settingsOf(own), 'doctor')).code).toBe(0)
  const asMigrated = await constraintsOf(server)
  expect(asMigrated.length).toBeGreaterThan(10)
  expect(await constraintsOf(own)).toEqual(asMigrated)
})

/** Every constraint, and every trigger with its enabled state. */
const constraintsOf = async ({ deps }: RunningServer) => [
  ...(await deps.db.execute(sql`SELECT conname AS name, pg_get_constraintdef(oid) AS is FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT tgname, tgenabled::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2`)),
]

test('a backup taken during bookings is consistent', async () => {
  const space = await makeSpace(server, { units: 50 })
  const people = await Promise.all(Array.from({ length: 20 }, () => makePerson(server)))
  const file = inFolder('busy.backup')
  const [{ code }] = await Promise.all([
    run('backup', file),
    ...people.map((person, index) =>
      clientOf(server, person).slots.hold.mutate({ slotId: `${space.id}@${at(index)}` }),
    ),
  ])
  expect(code).toBe(0)
  const other = { DATABASE_URL: await createDatabase() }
  const restored = await admin(other, 'restore', file, '--json')
  expect(restored.code).toBe(0)
  expect((await admin(other, 'stats', '--json')).json()).toMatchObject({ spaces: expect.any(Number) })
})

test('a damaged backup or one of another schema is refused and changes nothing', async () => {
  await makeSpace(server)
  const file = inFolder('whole.backup')
  await run('backup', file)
  const text = gunzipSync(await Bun.file(file).bytes()).toString()
  const damaged = {
    'cut.backup': gzipSync(text.slice(0, text.lastIndexOf('\n', text.length - 2))),
    'short.backup': (await Bun.file(file).bytes()).slice(0, 200),
    'fewer.backup': gzipSync(text.replace(/(\{"table":"spaces".*\n).*\n/, '$1')),
    'other.backup': gzipSync(text.replace(/"schema":"[^"]+"/, '"schema":"9999_later"')),
    'none.backup': Buffer.from('something else'),
  }
  const target = { DATABASE_URL: await createDatabase() }
  await admin(target, 'seed')
  const before = await admin(target, 'spaces', 'export')
  for (const [name, bytes] of Object.entries(damaged)) {
    await Bun.write(inFolder(name), bytes)
    const { code, err } = await admin(target, 'restore', inFolder(name), '--reset', '--yes')
    expect([name, code, err.split('\n').filter(Boolean).at(-1)]).toEqual([
      name,
      1,
      expect.stringMatching(/backup|schema/i),
    ])
  }
  expect(await admin(target, 'restore', inFolder('nowhere'))).toMatchObject({
    code: 1,
    err: 'File not found.\n',
  })
  expect(await admin(target, 'restore', file)).toMatchObject({
    code: 1,
    err: expect.stringContaining('not empty'),
  })
  expect(await admin(target, 'spaces', 'export')).toEqual(expect.objectContaining({ out: before.out }))
  expect((await readdir(folder)).filter((name) => name.endsWith('.unfinished'))).toEqual([])
})

test('reset needs --yes, and in production --production as well', async () => {
  const target = { DATABASE_URL: await createDatabase() }
  await admin(target, 'seed')
  const production = {
    ...target,
    NODE_ENV: 'production',
    JWT_SECRET: 'p0Wq7-long-and-random-9xKd3-secret-Zr81',
  }
  expect((await admin(target, 'reset')).code).toBe(1)
  expect((await admin(production, 'reset', '--yes')).code).toBe(1)
  expect((await admin(production, 'seed')).code).toBe(1)
  expect((await admin(target, 'stats', '--json')).json()).toMatchObject({ spaces: 7 })
  expect((await admin(production, 'reset', '--yes', '--production')).code).toBe(0)
  expect((await admin(target, 'stats', '--json')).json()).toMatchObject({ spaces: 0, people: 0 })
})

test('a command works on the embedded database with and without a running server', async () => {
  const settings = { DATA_DIR: inFolder('data'), PORT: '0', SEED: 'demo', NODE_ENV: 'test' }
  const first = await admin(settings, 'create-admin', 'alma@example.com', '--password', 'a-long-passphrase')
  expect(first.code).toBe(0)
  expect(await isRunning(settings.DATA_DIR)).toBe(false)

  const running = await startServer(testEnv(settings), createLog({ level: 'silent', terminal: false }), {
    jobs: false,
  })
  try {
    const login = { email: 'alma@example.com', password: 'a-long-passphrase' }
    const { body } = await rest(running, '/auth/login', { method: 'POST', body: login })
    expect(body.user).toMatchObject({ role: 'admin' })
    expect((await admin(settings, 'stats', '--json')).json()).toMatchObject({ spaces: 7, people: 7 })
    const both = await Promise.all([admin(settings, 'users', 'list'), admin(settings, 'holds', 'list')])
    expect(both.map(({ code, err }) => [code, err])).toEqual([
      [0, ''],
      [0, ''],
    ])
    expect((await rest(running, '/spaces')).status).toBe(200)
  } finally {
    await running.stop()
  }
  const together = await Promise.all([1, 2].map(() => admin(settings, 'stats', '--json')))
  expect(together.map(({ code, err, out }) => [code, err, /"people": (\d+)/.exec(out)?.[1]])).toEqual([
    [0, '', '7'],
    [0, '', '7'],
  ])
  expect(await isRunning(settings.DATA_DIR)).toBe(false)
}, 60_000)

async function isRunning(dataDir: string): Promise<boolean> {
  const found = await Promise.all(
    ['postgres', 'elsewhere/postgres'].map((directory) =>
      Bun.file(path.join(dataDir, directory, 'postmaster.pid')).exists(),
    ),
  )
  return found.includes(true)
}

test('spaces round-trip through CSV and JSON, and a second import creates nothing', async () => {
  const hours = [{ weekday: 1 as const, opensAt: '08:00', closesAt: '12:00' }]
  const space = await makeSpace(server, { name: 'Quiet, "corner"; room', hours, priceMinor: 700 })
  const read = async () => (await run('spaces', 'list', '--json')).json<Space[]>()
  const before = await read()
  for (const file of [inFolder('spaces.csv'), inFolder('spaces.json')]) {
    expect(await run('spaces', 'export', file)).toMatchObject({ code: 0 })
    await clientOf(server, boss).spaces.update.mutate({ id: space.id, hours: null, priceMinor: 100 })
    const imported = await run('spaces', 'import', file, '--json')
    expect(imported.json()).toMatchObject({ created: 0, changed: before.length })
    expect(await read()).toEqual(before)
  }
})

test('an import of spaces is all or nothing and names each invalid field', async () => {
  const location = await clientOf(server, boss).locations.create.mutate({
    name: `House ${Bun.randomUUIDv7()}`,
    timeZone: 'Europe/Rome',
    hours: [],
  })
  const csv = (...rows: string[]) => ['location,name,kind,units,hours', ...rows].join('\n')
  const file = inFolder('new.csv')
  await Bun.write(
    file,
    csv(`${location.name},A,desk,4,`, `${location.name},B,desk,many,`, 'Nowhere,C,boat,1,'),
  )
  const wrong = await run('spaces', 'import', file, '--json')
  expect(wrong.code).toBe(1)
  const { error } = JSON.parse(wrong.err) as { error: { issues: { path: string }[] } }
  expect(error.issues.map((issue) => issue.path)).toEqual(['2.units', '3.locationId', '3.kind'])
  const namedA = async () =>
    (await run('spaces', 'list', '--json'))
      .json<Space[]>()
      .filter(({ locationId }) => locationId === location.id)
  expect(await namedA()).toEqual([])

  await Bun.write(file, csv(`${location.name},A,desk,4,`, `${location.name},B,phone_booth,1,`))
  expect((await run('spaces', 'import', file, '--json')).json()).toMatchObject({ created: 2, changed: 0 })
  expect((await run('spaces', 'import', file, '--json')).json()).toMatchObject({ created: 0, changed: 2 })
  expect(await namedA()).toMatchObject([
    { name: 'A', units: 4, hours: null },
    { name: 'B', kind: 'phone_booth' },
  ])
})

test('create-admin creates an admin or promotes an existing account', async () => {
  const email = `alma-${Bun.randomUUIDv7()}@example.com`
  const { password } = (await run('create-admin', email, '--name', 'Alma', '--json')).json<{
    password: string
  }>()
  const { body } = await rest(server, '/auth/login', { method: 'POST', body: { email, password } })
  expect(body.user).toMatchObject({ name: 'Alma', role: 'admin' })

  const ada = await makePerson(server)
  const again = await run('create-admin', ada.email, '--json')
  expect(again.json()).toMatchObject({ created: false, user: { id: ada.id, role: 'admin' } })
  expect(again.json()).not.toHaveProperty('password')
  expect((await run('users', 'role', ada.email, 'customer')).code).toBe(0)
  expect((await run('users', 'list', '--search', ada.email, '--json')).json()).toMatchObject([
    { role: 'customer' },
  ])
  expect((await run('users', 'role', 'nobody@example.com', 'admin')).code).toBe(1)
})

test('holds expire and bookings cancel from the command line by the usual rules', async () => {
  const own = await startTestServer()
  const work = (...words: string[]) => admin(settingsOf(own), ...words)
  const space = await makeSpace(own, { units: 5 })
  const client = clientOf(own, await makePerson(own))
  const hold = (hour: number) => client.slots.hold.mutate({ slotId: `${space.id}@${at(hour)}` })
  const [first, second] = [await hold(9), await hold(10)]
  const listed = async () => (await work('holds', 'list', '--json')).json<Booking[]>().map(({ id }) => id)
  expect(await listed()).toEqual([second.id, first.id])

  expect((await work('holds', 'expire', '--json')).json()).toEqual({ freed: 0 })
  expect((await work('holds', 'expire', first.id)).code).toBe(0)
  await endHolds(own)
  expect((await work('holds', 'expire', '--json')).json()).toEqual({ freed: 1 })
  expect(await listed()).toEqual([])

  const third = await hold(11)
  await client.bookings.confirm.mutate({ id: third.id })
  const confirmed = await work('bookings', 'list', '--status', 'confirmed', '--json')
  expect(confirmed.json<Booking[]>().map(({ id }) => id)).toEqual([third.id])
  expect(await work('bookings', 'list', '--status', 'confirmed')).toMatchObject({
    out: expect.stringContaining(third.id),
  })
  const outcome = await work('bookings', 'cancel', third.id, first.id, '--json')
  expect(outcome.code).toBe(1)
  expect(outcome.json()).toMatchObject([{ booking: { status: 'cancelled' } }, { reason: 'NOT_CANCELLABLE' }])
})

test('doctor finds problems and suggests how to solve them', async () => {
  const healthy = await run('doctor', '--json')
  expect(healthy.code).toBe(0)
  const target = { DATABASE_URL: await createDatabase() }
  const own = await startTestServer({ databaseUrl: target.DATABASE_URL })
  await own.deps.db.execute(sql`ALTER TABLE bookings DROP CONSTRAINT bookings_space_claim`)
  const broken = await admin(target, 'doctor')
  expect(broken.code).toBe(1)
  expect(broken.out).toContain('Missing in the database: bookings_space_claim.')
  await own.deps.db.execute(
    sql`DELETE FROM drizzle.__drizzle_migrations WHERE created_at = (SELECT max(created_at) FROM drizzle.__drizzle_migrations)`,
  )
  expect((await admin(target, 'doctor')).out).toContain('bun run admin migrate')
  expect(await admin(target, 'stats')).toMatchObject({ code: 1, err: expect.stringContaining('migrate') })
  const nowhere = await admin({ DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }, 'doctor')
  expect(nowhere).toMatchObject({ code: 1, out: expect.stringContaining('Check DATABASE_URL') })
})

test('invalid arguments end with exit code 2 and a hint, invalid settings with 1', async () => {
  for (const words of [
    ['nonsense'],
    ['holds', 'expire', 'abc'],
    ['users', 'role', 'a@b.example', 'king'],
    ['backup'],
  ]) {
    const { code, out, err } = await run(...words)
    expect([words, code, out]).toEqual([words, 2, ''])
    expect(err).toContain('--help')
  }
  expect(await admin({ DATABASE_URL: 'not a url' }, 'stats')).toMatchObject({
    code: 1,
    err: expect.stringContaining('DATABASE_URL'),
  })
  const json = await run('spaces', 'import', inFolder('nowhere.csv'), '--json')
  expect(JSON.parse(json.err)).toMatchObject({ error: { reason: 'NOT_FOUND' } })
})

test('every command has a help text', async () => {
  const { code, out } = await run('--help')
  expect(code).toBe(0)
  expect(out).toContain('Examples:')
  const names = [...out.matchAll(/^ {2}([a-z][a-z-]+)/gm)].map(([, name = '']) => name)
  expect(names).toContain('backup')
  for (const name of names.filter((one) => !['bun', 'help'].includes(one))) {
    const help = await run(name, '--help')
    expect([name, help.code, help.out.includes('Usage: admin')]).toEqual([name, 0, true])
  }
})

test('a command writes only its result to standard output', async () => {
  const command = Bun.spawn([process.execPath, 'src/cli/index.ts', 'stats', '--json'], {
    cwd: path.join(import.meta.dir, '..'),
    env: { ...process.env, ...settingsOf(server) },
    stdout: 'pipe',
    stderr: 'pipe',
  })
  const [out, err, code] = await Promise.all([
    new Response(command.stdout).text(),
    new Response(command.stderr).text(),
    command.exited,
  ])
  expect([code, err]).toEqual([0, ''])
  expect(JSON.parse(out)).toMatchObject({ spaces: expect.any(Number) })
})
