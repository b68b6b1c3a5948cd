import { afterAll, beforeAll, expect, setDefaultTimeout, test } from 'bun:test'
import { connect } from 'node:net'
import postgres from 'postgres'
import { breakUnderLoad, type Fault, type FaultyCluster, raiseCluster } from './support/faults'
import { stopProcesses } from './support/process'
import { sized } from './support/proof'
import { hasRedis, startNetwork, startRedis, whyNoRedis } from './support/redis'
import { stopTestServers, until } from './support/world'

const withRedis = test.skipIf(!hasRedis)
const named = (name: string) => (hasRedis ? name : `${name} (${whyNoRedis})`)
setDefaultTimeout(180_000)

const FAULT_MS = sized(700, 5000)
/** Long enough for servers to give up on an unresponsive Redis. */
const SILENT_MS = sized(4500, 10_000)
const TERMINATING_MS = sized(2000, 30_000)
const PAUSED_MS = sized(1500, 40_000)

let world: FaultyCluster
beforeAll(async () => {
  if (hasRedis) world = await raiseCluster()
}, 120_000)
afterAll(async () => {
  await stopTestServers()
  await world?.strike()
  await stopProcesses()
})

const faults: Fault<FaultyCluster>[] = [
  {
    name: 'Redis stop and start',
    async happen({ redis }) {
      await redis.shutDown()
      await Bun.sleep(FAULT_MS)
      await redis.start()
    },
  },
  {
    name: 'Redis crash',
    async happen({ redis }) {
      await redis.kill()
      await Bun.sleep(FAULT_MS)
      await redis.start()
    },
  },
  {
    name: 'Redis pause with open connections',
    async happen({ redis }) {
      redis.pause()
      await Bun.sleep(SILENT_MS)
      redis.resume()
    },
  },
  {
    name: 'network cut to Redis with open connections',
    async happen({ network }) {
      network.cut()
      await Bun.sleep(SILENT_MS)
      network.mend()
    },
  },
  {
    name: 'PostgreSQL stop and start',
    async happen({ database }) {
      await database.stop('fast')
      await Bun.sleep(FAULT_MS)
      await database.start()
    },
  },
  {
    name: 'PostgreSQL smart stop, then fast stop',
    async happen({ database }) {
      // A smart stop waits for the connections of the pools and refuses new ones.
      const stopped = database.stop('smart')
      await Bun.sleep(FAULT_MS)
      await database.stop('fast')
      await stopped
      await Bun.sleep(FAULT_MS)
      await database.start()
    },
  },
  {
    name: 'PostgreSQL restart',
    async happen({ database }) {
      await database.stop('fast')
      await database.start()
    },
  },
  {
    name: 'PostgreSQL crash',
    async happen({ database }) {
      await database.kill()
      await Bun.sleep(FAULT_MS)
      await database.start()
    },
  },
  {
    name: 'PostgreSQL terminating connections',
    async happen({ database }) {
      const admin = postgres(database.url, { max: 1, onnotice() {} })
      const end = performance.now() + TERMINATING_MS
      while (performance.now() < end) {
        await admin`
          SELECT pg_terminate_backend(pid) FROM pg_stat_activity
          WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 3`
        await Bun.sleep(Math.random() * 50)
      }
      await admin.end()
    },
  },
  {
    name: 'server crash and replacement',
    async happen({ servers, start }) {
      const [first] = servers
      first?.process.kill('SIGKILL')
      await first?.process.exited
      await Bun.sleep(FAULT_MS)
      servers[0] = await start(first?.port)
    },
  },
  {
    name: `server pause of ${PAUSED_MS / 1000} s`,
    async happen({ servers }) {
      servers[1]?.process.kill('SIGSTOP')
      await Bun.sleep(PAUSED_MS)
      servers[1]?.process.kill('SIGCONT')
    },
  },
]

for (const fault of faults) {
  withRedis(named(`${fault.name}: no booking is doubled, lost, unpaid or stale`), () =>
    breakUnderLoad(world, world.database.url, fault),
  )
}

withRedis(named('a network cut in these tests swallows data and keeps connections open'), async () => {
  const redis = await startRedis()
  const network = await startNetwork(redis.port)
  const socket = connect(network.port, '127.0.0.1')
  const received: string[] = []
  socket.on('data', (data) => received.push(String(data)))
  for (const end of ['end', 'close', 'error']) socket.on(end, () => received.push(end))
  socket.write('PING\r\n')
  await until(() => received.length === 1)
  network.cut()
  socket.write('PING\r\n')
  // A response to a direct connection proves that there was enough time for the cut one.
  const beside = connect(redis.port, '127.0.0.1')
  const answered = new Promise((resolve) => beside.once('data', resolve))
  await Bun.sleep(500)
  beside.write('PING\r\n')
  await answered
  expect(received).toEqual(['+PONG\r\n'])
  expect(socket.readyState).toBe('open')
  network.mend()
  await until(() => received.length === 2)
  expect(received).toEqual(['+PONG\r\n', '+PONG\r\n'])
  for (const open of [socket, beside]) open.destroy()
  await network.stop()
  await redis.stop()
})
