import { afterAll, beforeAll, describe, expect, test } from 'bun:test'
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from './support/port'
import { spawnServer, stopProcesses, whenUp } from './support/process'
import { until } from './support/world'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'coworkspace-start-'))
})
afterAll(async () => {
  await stopProcesses()
  await rm(folder, { recursive: true, force: true })
})

type Settings = Record<string, string>
const settings = (more: Settings = {}): Settings => ({
  DATA_DIR: path.join(folder, 'data'),
  LOG_LEVEL: 'warn',
  ...more,
})

async function start(more: Settings = {}) {
  const port = freePort()
  const server = spawnServer(settings({ PORT: String(port), ...more }))
  const url = `http://127.0.0.1:${port}`
  await whenUp(server, url)
  return { server, url, port }
}

/** The first process of the embedded database of a folder. */
async function postmaster(dataDir: string): Promise<number> {
  const place = await realpath(path.join(dataDir, 'elsewhere')).catch(() => dataDir)
  return Number((await readFile(path.join(place, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0])
}

async function register(url: string, email: string): Promise<number> {
  const body = JSON.stringify({ email, password: 'a-long-passphrase', name: 'Ada' })
  const headers = { 'content-type': 'application/json' }
  return (await fetch(`${url}/api/auth/register`, { method: 'POST', headers, body })).status
}

describe('an embedded database', () => {
  test('survives a server that is killed, a database that is killed, and both', async () => {
    const first = await start()
    expect(first.server.output()).toContain(`${first.url}/swagger`)
    expect(first.server.output()).toContain('customer@example.com')
    expect(await register(first.url, 'one@example.com')).toBe(200)

    // Killed, the server leaves its database running; the next one takes it over.
    first.server.kill('SIGKILL')
    await first.server.exited
    const second = await start()
    expect(await register(second.url, 'one@example.com')).toBe(409)

    // Killed under a running server, the database comes back without a hand.
    process.kill(await postmaster(path.join(folder, 'data')), 'SIGKILL')
    await until(async () => (await fetch(`${second.url}/api/health/db`)).status === 503)
    await until(async () => (await fetch(`${second.url}/api/health/db`)).ok, 20_000)
    // A connection of the pool may still have to find out; who is told 503 has no account, and asks again.
    await until(async () => (await register(second.url, 'two@example.com')) === 200)

    // The server first: it would start its database again, and what it had begun would go on without it.
    second.server.kill('SIGKILL')
    await second.server.exited
    process.kill(await postmaster(path.join(folder, 'data')), 'SIGKILL')
    const third = await start()
    expect(await register(third.url, 'two@example.com')).toBe(409)

    third.server.kill('SIGTERM')
    expect(await third.server.exited).toBe(0)
    expect(await postmaster(path.join(folder, 'data')).catch(() => 'gone')).toBe('gone')
  }, 120_000)

  test('serves one server: a second one on the folder is refused, and says what to do', async () => {
    const { server, url } = await start()
    const second = spawnServer(settings({ PORT: String(freePort()) }))
    expect(await second.exited).toBe(1)
    expect(second.output()).toContain(path.join(folder, 'data'))
    expect(second.output()).toContain('DATA_DIR')
    expect((await fetch(`${url}/api/health/db`)).status).toBe(200)
    server.kill('SIGTERM')
    expect(await server.exited, server.output()).toBe(0)
  }, 60_000)
})

test('a server whose terminal is closed stops as it should, and leaves no database behind', async () => {
  const dataDir = path.join(folder, 'hung-up')
  const { server } = await start({ DATA_DIR: dataDir })
  server.kill('SIGHUP')
  expect(await server.exited, server.output()).toBe(0)
  expect(await postmaster(dataDir).catch(() => 'gone')).toBe('gone')
}, 60_000)

test('a port that somebody else holds is named, and how to choose another', async () => {
  const port = freePort()
  const holder = Bun.serve({ port, hostname: '127.0.0.1', fetch: () => new Response('somebody else') })
  const server = spawnServer(settings({ PORT: String(port), DATA_DIR: path.join(folder, 'other') }))
  expect(await server.exited).toBe(1)
  expect(server.output()).toContain(`Port ${port} is taken`)
  expect(server.output()).toContain(`PORT=${port + 1} npx bun start`)
  await holder.stop(true)
}, 60_000)

test('a configuration that makes no sense stops the boot in a sentence, without a stack', async () => {
  const server = spawnServer(settings({ PORT: 'eighty', NODE_ENV: 'production' }))
  expect(await server.exited).toBe(1)
  expect(server.output()).toContain('PORT')
  expect(server.output()).not.toContain('    at ')
})
