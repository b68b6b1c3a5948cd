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

/** How long each fault lasts. */
const LASTS_MS = sized(700, 5000)
/** Long enough that a Redis that says nothing is given up. */
const SILENT_MS = sized(4500, 10_000)
/** How long connections are ended, some of them each moment. */
const ENDING_MS = sized(2000, 30_000)
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
    name: 'Redis stopped and started',
    async happen({ redis }) {
      await redis.shutDown()
      await Bun.sleep(LASTS_MS)
      await redis.start()
    },
  },
  {
    name: 'Redis killed and started',
    async happen({ redis }) {
      await redis.kill()
      await Bun.sleep(LASTS_MS)
      await redis.start()
    },
  },
  {
    name: 'Redis paused with its connections open',
    async happen({ redis }) {
      redis.pause()
      await Bun.sleep(SILENT_MS)
      redis.resume()
    },
  },
  {
    name: 'the network to Redis cut while its connections stay open',
    async happen({ network }) {
      network.cut()
      await Bun.sleep(SILENT_MS)
      network.mend()
    },
  },
  {
    name: 'PostgreSQL stopped at once and started',
    async happen({ database }) {
      await database.stop('fast')
      await Bun.sleep(LASTS_MS)
      await database.start()
    },
  },
  {
    name: 'PostgreSQL told to stop once nobody is connected, then stopped and started',
    async happen({ database }) {
      // It waits for the pools, which keep their connections, and takes no new ones.
      const stopped = database.stop('smart')
      await Bun.sleep(LASTS_MS)
      await database.stop('fast')
      await stopped
      await Bun.sleep(LASTS_MS)
      await database.start()
    },
  },
  {
    name: 'PostgreSQL restarted',
    async happen({ database }) {
      await database.stop('fast')
      await database.start()
    },
  },
  {
    name: 'PostgreSQL killed and started',
    async happen({ database }) {
      await database.kill()
      await Bun.sleep(LASTS_MS)
      await database.start()
    },
  },
  {
    name: 'PostgreSQL ending connections, again and again',
    async happen({ database }) {
      const admin = postgres(database.url, { max: 1, onnotice() {} })
      const end = performance.now() + ENDING_MS
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
    name: 'a server killed and another one started in its place',
    async happen({ servers, start }) {
      const [first] = servers
      first?.process.kill('SIGKILL')
      await first?.process.exited
      await Bun.sleep(LASTS_MS)
      servers[0] = await start(first?.port)
    },
  },
  {
    name: `a server paused for ${PAUSED_MS / 1000} seconds and resumed`,
    async happen({ servers }) {
      servers[1]?.process.kill('SIGSTOP')
      await Bun.sleep(PAUSED_MS)
      servers[1]?.process.kill('SIGCONT')
    },
  },
]

for (const fault of faults) {
  withRedis(named(`${fault.name}: nothing is booked twice, lost, unpaid or left stale`), () =>
    breakUnderLoad(world, world.database.url, fault),
  )
}

withRedis(named('a network that these tests cut swallows what is sent, and closes nothing'), async () => {
  const redis = await startRedis()
  const network = await startNetwork(redis.port)
  const socket = connect(network.port, '127.0.0.1')
  const heard: string[] = []
  socket.on('data', (data) => heard.push(String(data)))
  for (const end of ['end', 'close', 'error']) socket.on(end, () => heard.push(end))
  socket.write('PING\r\n')
  await until(() => heard.length === 1)
  network.cut()
  socket.write('PING\r\n')
  // A second one is answered by Redis itself meanwhile, so there was time enough for the first.
  const beside = connect(redis.port, '127.0.0.1')
  const answered = new Promise((resolve) => beside.once('data', resolve))
  await Bun.sleep(500)
  beside.write('PING\r\n')
  await answered
  expect(heard).toEqual(['+PONG\r\n'])
  expect(socket.readyState).toBe('open')
  network.mend()
  await until(() => heard.length === 2)
  expect(heard).toEqual(['+PONG\r\n', '+PONG\r\n'])
  for (const open of [socket, beside]) open.destroy()
  await network.stop()
  await redis.stop()
})
