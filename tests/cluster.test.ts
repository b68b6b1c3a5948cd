import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { createDatabase } from './support/database'
import { freePort } from './support/port'
import { type ServerProcess, spawnServer, stopProcesses, whenUp } from './support/process'
import { hasRedis, startRedis, type TestRedis, whyNoRedis } from './support/redis'
import { openSocket } from './support/socket'
import { until } from './support/world'

// Only Linux spreads connections over processes that share a port, and lists them in /proc.
setDefaultTimeout(30_000)

const withRedis = test.skipIf(!hasRedis || process.platform !== 'linux')
const named = (name: string) => (hasRedis ? name : `${name} (${whyNoRedis})`)

let redis: TestRedis
let supervisor: ServerProcess
let url: string

const settings = async (more: Record<string, string> = {}) => ({
  DATABASE_URL: await createDatabase(),
  PORT: String(freePort()),
  SEED: 'none',
  RATE_LIMITS: 'off',
  LOG_LEVEL: 'info',
  WORKERS: '2',
  ...more,
})

beforeAll(async () => {
  if (!hasRedis) return
  redis = await startRedis()
  const env = await settings({ REDIS_URL: redis.url })
  url = `http://127.0.0.1:${env.PORT}`
  supervisor = spawnServer(env)
  await whenUp(supervisor, url)
  await until(() => supervisor.output().includes('CoworkSpace is ready'))
}, 60_000)
afterAll(async () => {
  await stopProcesses()
  if (hasRedis) await redis.stop()
})

/** The process ids of the workers. */
async function workers(): Promise<number[]> {
  const children = await Bun.file(`/proc/${supervisor.pid}/task/${supervisor.pid}/children`).text()
  return children.trim().split(' ').filter(Boolean).map(Number)
}

const retryReset = (first: Promise<Response>, again: () => Promise<Response>) =>
  first.catch((error) => (/ECONNRESET/.test(String(error)) ? again() : Promise.reject(error)))

/** Sends requests until stopped, over reused and new connections. `failed` has every response other than 200. */
function ask(clients: number): { stop(): Promise<{ asked: number; failed: string[] }> } {
  let running = true
  let asked = 0
  const failed: string[] = []
  const runs = Array.from({ length: clients }, async (_, client) => {
    const headers = { connection: client % 2 === 0 ? 'keep-alive' : 'close' }
    while (running) {
      asked += 1
      const path = client % 4 < 2 ? '/api/spaces' : '/trpc/spaces.list?input=%7B%7D'
      // Retries once after a reset, as browsers and balancers do: the kernel resets connections that wait in the queue of a
      // listener that closes.
      await retryReset(fetch(`${url}${path}`, { headers }), () => fetch(`${url}${path}`, { headers })).then(
        async (response) => {
          await response.arrayBuffer()
          if (response.status !== 200) failed.push(String(response.status))
        },
        (error) => failed.push(String(error)),
      )
    }
  })
  return {
    async stop() {
      running = false
      await Promise.all(runs)
      return { asked, failed }
    },
  }
}

withRedis(named('workers share one port, and /metrics adds up their counters'), async () => {
  expect(await workers()).toHaveLength(2)
  const load = ask(8)
  await Bun.sleep(300)
  const { asked, failed } = await load.stop()
  expect(failed).toEqual([])
  const text = await (await fetch(`${url}/metrics`)).text()
  const counted = text
    .split('\n')
    .filter((line) => line.startsWith('coworkspace_calls_total{') && line.includes('spaces.list'))
    .reduce((sum, line) => sum + Number(line.split(' ')[1]), 0)
  expect(counted).toBe(asked)
})

withRedis(
  named('a rolling restart answers every request and announces the end to every socket'),
  async () => {
    const before = await workers()
    const sockets = await Promise.all(Array.from({ length: 10 }, () => openSocket({ url })))
    const load = ask(8)
    supervisor.kill('SIGHUP')
    await until(async () => supervisor.output().includes('all workers replaced'), 30_000)
    const { asked, failed } = await load.stop()
    expect(failed).toEqual([])
    expect(asked).toBeGreaterThan(50)
    expect((await workers()).some((pid) => before.includes(pid))).toBe(false)
    for (const socket of sockets) {
      expect((await socket.next('server_closing')).reconnectInSeconds).toBeGreaterThan(0)
      expect((await socket.closed).code).toBe(1001)
    }
  },
  60_000,
)

withRedis(
  named('a worker that dies or hangs is replaced'),
  async () => {
    const [first = 0, second = 0] = await workers()
    process.kill(first, 'SIGKILL')
    const hangs = process.env.PROVE === '1'
    if (hangs) process.kill(second, 'SIGSTOP')
    await until(async () => {
      const now = await workers()
      return now.length === 2 && !now.includes(first) && !(hangs && now.includes(second))
    }, 40_000)
    await until(async () => (await fetch(`${url}/api/health/db`).catch(() => undefined))?.ok)
  },
  60_000,
)

withRedis(
  named('no worker outlives its supervisor, whether stopped or killed'),
  async () => {
    const left = await workers()
    supervisor.kill('SIGKILL')
    await supervisor.exited
    const isGone = (pid: number) =>
      Bun.file(`/proc/${pid}/status`)
        .text()
        .then(
          (text) => /State:\s+Z/.test(text),
          () => true,
        )
    for (const pid of left) await until(() => isGone(pid), 15_000)

    const env = await settings({ REDIS_URL: redis.url })
    const another = spawnServer(env)
    await until(() => another.output().includes('CoworkSpace is ready'), 30_000)
    another.kill('SIGTERM')
    expect(await another.exited).toBe(0)
  },
  60_000,
)

test('several workers without Redis are refused with a hint', async () => {
  const refused = spawnServer(await settings())
  expect(await refused.exited).toBe(1)
  expect(refused.output()).toContain('REDIS_URL')
})
