import { afterAll, beforeAll, expect, test } from 'bun:test'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { root } from '../src/lib/project-root'
import { createDatabase } from './support/database'
import { freePort } from './support/port'
import { spawnServer, stopProcesses, whenUp } from './support/process'
import { hasRedis, startRedis, whyNoRedis } from './support/redis'
import { openSocket } from './support/socket'
import { clientOf, type TestClient, testDate, until } from './support/world'

const built = path.join(root, `dist-test-${process.pid}`)
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'coworkspace-build-'))
  const build = Bun.spawn([process.execPath, 'scripts/build.ts', built], { cwd: root, stdout: 'ignore' })
  expect(await build.exited).toBe(0)
})
afterAll(async () => {
  await stopProcesses()
  for (const made of [folder, built]) await rm(made, { recursive: true, force: true })
})

async function start(env: Record<string, string>) {
  const port = freePort()
  const url = `http://127.0.0.1:${port}`
  const server = spawnServer({ PORT: String(port), ...env }, [process.execPath, path.join(built, 'index.js')])
  await whenUp(server, url)
  await until(() => server.output().includes('CoworkSpace is ready'))
  return { server, url }
}

test('the built server serves docs, app, payments, queue and log file', async () => {
  const LOG_FILE = path.join(folder, 'log')
  const { server, url } = await start({ DATA_DIR: path.join(folder, 'data'), LOG_FILE })
  for (const page of ['/', '/swagger', '/swagger/json', '/swagger/socket/json', '/metrics'])
    expect([page, (await fetch(`${url}${page}`)).status]).toEqual([page, 200])
  const { accessToken } = await clientOf({ url }).auth.login.mutate({
    email: 'customer@example.com',
    password: 'coworkspace-demo',
  })
  const client = clientOf({ url }, { token: accessToken })
  const { items } = await client.spaces.list.query({ limit: 100 })
  const socket = await openSocket({ url }, accessToken)

  const paid = String(items.find(({ priceMinor }) => priceMinor > 0)?.id)
  socket.send({ type: 'join_space', spaceId: paid, date: testDate })
  const held = await client.slots.hold.mutate({ slotId: await freeSlot(client, paid) })
  await socket.next('slot_update', ({ spaceId, cause }) => spaceId === paid && cause === 'held')
  // The Stripe sandbox is part of the bundle.
  const intent = await client.payments.createIntent.mutate({ bookingId: held.id })
  expect(intent.amountMinor).toBe(held.priceMinor)

  // The queue finds its files beside the bundle.
  const free = String(items.find(({ priceMinor }) => priceMinor === 0)?.id)
  const { id } = await client.slots.hold.mutate({ slotId: await freeSlot(client, free) })
  await client.bookings.confirm.mutate({ id })
  await socket.next('notification', ({ bookingId }) => bookingId === id)
  await socket.close()
  server.kill('SIGTERM')
  expect(await server.exited).toBe(0)
  expect(await readFile(`${LOG_FILE}.1.log`, 'utf8')).toContain('"signal":"SIGTERM"')
}, 60_000)

test.skipIf(!hasRedis)(
  `several built servers share one port and one Redis ${whyNoRedis}`,
  async () => {
    const redis = await startRedis()
    const DATABASE_URL = await createDatabase()
    const { server, url } = await start({ DATABASE_URL, REDIS_URL: redis.url, WORKERS: '2', SEED: 'none' })
    await until(async () => (await fetch(`${url}/api/health/redis`)).ok)
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('coworkspace_')
    server.kill('SIGTERM')
    expect(await server.exited).toBe(0)
    await redis.stop()
  },
  60_000,
)

async function freeSlot(client: TestClient, spaceId: string): Promise<string> {
  const { slots } = await client.slots.day.query({ spaceId, date: testDate })
  return String(slots.find(({ status }) => status === 'free')?.id)
}
