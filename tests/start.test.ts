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

/** The process id of the embedded PostgreSQL in a data folder. */
async function postmaster(dataDir: string): Promise<number> {
  const root = await realpath(path.join(dataDir, 'elsewhere')).catch(() => dataDir)
  return Number((await readFile(path.join(root, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0])
}

async function register(url: string, email: string): Promise<number> {
  const body = JSON.stringify({ email, password: 'a-long-passphrase', name: 'Ada' })
  const headers = { 'content-type': 'application/json' }
  return (await fetch(`${url}/api/auth/register`, { method: 'POST', headers, body })).status
}

describe('an embedded database', () => {
  test('survives the kill of the server, of the database and of both', async () => {
    const first = await start()
    expect(first.server.output()).toContain(`${first.url}/swagger`)
    expect(first.server.output()).toContain('customer@example.com')
    expect(await register(first.url, 'one@example.com')).toBe(200)

    // A killed server leaves its database running, and the next server takes it over.
    first.server.kill('SIGKILL')
    await first.server.exited
    const second = await start()
    expect(await register(second.url, 'one@example.com')).toBe(409)

    // A running server restarts its killed database.
    process.kill(await postmaster(path.join(folder, 'data')), 'SIGKILL')
    await until(async () => (await fetch(`${second.url}/api/health/db`)).status === 503)
    await until(async () => (await fetch(`${second.url}/api/health/db`)).ok, 20_000)
    // A pooled connection may still be broken. After a 503 no account exists, so retry.
    await until(async () => (await register(second.url, 'two@example.com')) === 200)

    // Kill the server first, because it would restart the database.
    second.server.kill('SIGKILL')
    await second.server.exited
    process.kill(await postmaster(path.join(folder, 'data')), 'SIGKILL')
    const third = await start()
    expect(await register(third.url, 'two@example.com')).toBe(409)

    third.server.kill('SIGTERM')
    expect(await third.server.exited).toBe(0)
    expect(await postmaster(path.join(folder, 'data')).catch(() => 'gone')).toBe('gone')
  }, 120_000)

  test('refuses a second server on its folder and says what to do', async () => {
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

test('closing the terminal stops the server cleanly and its database with it', async () => {
  const dataDir = path.join(folder, 'hung-up')
  const { server } = await start({ DATA_DIR: dataDir })
  server.kill('SIGHUP')
  expect(await server.exited, server.output()).toBe(0)
  expect(await postmaster(dataDir).catch(() => 'gone')).toBe('gone')
}, 60_000)

test('a taken port is reported, with the command to choose another one', async () => {
  const port = freePort()
  const holder = Bun.serve({ port, hostname: '127.0.0.1', fetch: () => new Response('another process') })
  const server = spawnServer(settings({ PORT: String(port), DATA_DIR: path.join(folder, 'other') }))
  expect(await server.exited).toBe(1)
  expect(server.output()).toContain(`Port ${port} is taken`)
  expect(server.output()).toContain(`PORT=${port + 1} npx bun start`)
  await holder.stop(true)
}, 60_000)

test('an invalid configuration stops the start with a message and no stack trace', async () => {
  const server = spawnServer(settings({ PORT: 'eighty', NODE_ENV: 'production' }))
  expect(await server.exited).toBe(1)
  expect(server.output()).toContain('PORT')
  expect(server.output()).not.toContain('    at ')
})
