import { afterAll, expect, setDefaultTimeout, test } from 'bun:test'
import { mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createTRPCClient, httpLink } from '@trpc/client'
import postgres from 'postgres'
import { startEmbeddedDatabase } from '../src/db/embedded'
import { migrateDatabase } from '../src/db/migrate'
import { createLog } from '../src/log'
import type { AppRouter } from '../src/routers'
import { createTokens } from '../src/tokens'
import { freePort, type ServerProcess, spawnServer, stopProcesses, whenUp } from './support/process'
import { hasRedis, startRedis, whyNoRedis } from './support/redis'
import { allDay, at, until } from './support/world'

const prove = process.env.PROVE === '1'
const withRedis = test.skipIf(!hasRedis)
const named = (name: string) => (hasRedis ? name : `${name} (${whyNoRedis})`)
setDefaultTimeout(180_000)
afterAll(stopProcesses)

const JWT_SECRET = 'the-secret-of-a-test-that-breaks-things'
const PEOPLE = 6
const SLOTS = 12
/** How long load goes on around each fault. */
const LOAD_MS = prove ? 5000 : 700
const PAUSE_MS = prove ? 40_000 : 1500

/** Two servers of one database and one Redis, people with tokens, and a room. */
async function startWorld() {
  const folder = await mkdtemp(path.join(tmpdir(), 'coworkspace-faults-'))
  const database = await startEmbeddedDatabase(folder, createLog({ level: 'silent', terminal: false }))
  await migrateDatabase(database.url)
  const redis = await startRedis()
  const sql = postgres(database.url, { max: 2, onnotice() {}, connection: { TimeZone: 'UTC' } })
  const [house] =
    await sql`INSERT INTO locations (id, name, time_zone) VALUES (${Bun.randomUUIDv7()}, 'House', 'UTC') RETURNING id`
  for (const { weekday, opensAt, closesAt } of allDay)
    await sql`INSERT INTO opening_hours (id, location_id, weekday, opens_at, closes_at) VALUES (${Bun.randomUUIDv7()}, ${house?.id}, ${weekday}, ${opensAt}, ${closesAt})`
  const [room] = await sql`INSERT INTO spaces (id, location_id, name, kind, slot_minutes, max_notice_days)
    VALUES (${Bun.randomUUIDv7()}, ${house?.id}, 'Room', 'meeting_room', 60, 3650) RETURNING id`
  const signer = createTokens(JWT_SECRET)
  const tokens: string[] = []
  for (let person = 0; person < PEOPLE; person++) {
    const id = Bun.randomUUIDv7()
    await sql`INSERT INTO users (id, email, name) VALUES (${id}, ${`${id}@example.com`}, 'Person')`
    tokens.push(await signer.sign({ id, role: 'customer' }))
  }
  const env = {
    DATABASE_URL: database.url,
    REDIS_URL: redis.url,
    JWT_SECRET,
    SEED: 'none',
    RATE_LIMITS: 'off',
    HOLD_SECONDS: '3',
    SWEEP_SECONDS: '1',
    LOG_LEVEL: 'warn',
  }
  const start = async (port = freePort()) => {
    const server = spawnServer({ ...env, PORT: String(port) })
    await whenUp(server, `http://127.0.0.1:${port}`)
    return { process: server, port, url: `http://127.0.0.1:${port}` }
  }
  const servers = [await start(), await start()]
  return {
    folder,
    redis,
    sql,
    spaceId: String(room?.id),
    tokens,
    servers,
    start,
    async stop() {
      for (const { process: server } of servers) server.kill('SIGTERM')
      await Promise.all(servers.map(({ process: server }) => server.exited))
      await sql.end({ timeout: 1 })
      await redis.stop()
      await database.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
type World = Awaited<ReturnType<typeof startWorld>>

/** People hold, book, cancel and look, on both servers, until told to stop. What was confirmed to them is remembered. */
function startLoad({ servers, tokens, spaceId }: World) {
  let going = true
  const confirmed = new Map<string, 'confirmed' | 'unsure'>()
  const unexpected: string[] = []
  let done = 0
  let hour = 0
  const people = tokens.map(async (token, person) => {
    for (let turn = person; going; turn++) {
      const server = servers[turn % servers.length]
      const options = { url: `${server?.url}/trpc`, headers: { authorization: `Bearer ${token}` } }
      const withTimeout = (input: string, init?: object) =>
        fetch(input, { ...init, signal: AbortSignal.timeout(3000) })
      const client = createTRPCClient<AppRouter>({
        links: [httpLink({ ...options, fetch: withTimeout as never })],
      })
      // Most fight for a few hours and give them back; every third keeps an hour of its own.
      const keeps = turn % 3 === 0
      hour += 1
      const slotId = `${spaceId}@${at(keeps ? SLOTS + hour : turn % SLOTS)}`
      let id: string | undefined
      try {
        id = (await client.slots.hold.mutate({ slotId })).id
        await client.bookings.confirm.mutate({ id })
        confirmed.set(id, 'confirmed')
        if (!keeps) {
          confirmed.set(id, 'unsure')
          await client.bookings.cancel.mutate({ id })
          confirmed.delete(id)
        }
        done += 1
      } catch (error) {
        const data = (error as { data?: { reason?: string; httpStatus?: number; requestId?: string } }).data
        if (data?.reason === 'INTERNAL') unexpected.push(`${data.requestId}`)
        else if (!data) await Bun.sleep(20)
      }
    }
  })
  return {
    confirmed,
    unexpected,
    done: () => done,
    async stop() {
      going = false
      await Promise.all(people)
    },
  }
}

/** Every promise that a fault could break, asked of the database and of both servers. */
async function expectPromisesKept(world: World, load: ReturnType<typeof startLoad>): Promise<void> {
  const { sql, servers, spaceId } = world
  const overlaps = await sql`
    SELECT a.id FROM bookings a JOIN bookings b ON a.space_id = b.space_id AND a.unit = b.unit AND a.id < b.id AND a.claimed && b.claimed
    WHERE a.status IN ('held', 'pending', 'confirmed') AND b.status IN ('held', 'pending', 'confirmed')`
  expect(overlaps).toHaveLength(0)
  const sure = [...load.confirmed].filter(([, state]) => state === 'confirmed').map(([id]) => id)
  const stored = await sql`SELECT id FROM bookings WHERE id = ANY(${sure}) AND status = 'confirmed'`
  expect(stored).toHaveLength(sure.length)
  const output = servers.map(({ process: server }) => server.output()).join('\n')
  for (const requestId of load.unexpected) expect(output).toContain(requestId)
  const [row] = await sql`SELECT version FROM spaces WHERE id = ${spaceId}`
  const query = encodeURIComponent(JSON.stringify({ spaceId, date: at(0).slice(0, 10) }))
  for (const { url } of servers) {
    await until(async () => {
      const answer = (await (await fetch(`${url}/trpc/slots.day?input=${query}`)).json()) as {
        result: { data: { version: number } }
      }
      return answer.result.data.version === row?.version
    })
  }
}

/** Work gets done again, on its own, within ten seconds. */
async function expectRecovery(load: ReturnType<typeof startLoad>, servers: { url: string }[]): Promise<void> {
  const before = load.done()
  await until(() => load.done() > before, 10_000)
  for (const { url } of servers) {
    for (const part of ['db', 'redis'])
      await until(async () => (await fetch(`${url}/api/health/${part}`).catch(() => undefined))?.ok, 10_000)
  }
}

type Fault = { name: string; happen: (world: World) => Promise<void> }

/** The first process of the database of a folder. */
async function postmasterOf(folder: string): Promise<number> {
  const place = await realpath(path.join(folder, 'elsewhere')).catch(() => folder)
  return Number((await readFile(path.join(place, 'postgres', 'postmaster.pid'), 'utf8')).split('\n')[0])
}

const faults: Fault[] = [
  {
    name: 'Redis killed and started',
    async happen({ redis }) {
      await redis.kill()
      await Bun.sleep(LOAD_MS)
      await redis.start()
    },
  },
  {
    name: 'Redis paused with its connections open',
    async happen({ redis }) {
      redis.pause()
      await Bun.sleep(Math.max(LOAD_MS, 4500))
      redis.resume()
    },
  },
  {
    name: 'PostgreSQL killed',
    async happen({ folder }) {
      process.kill(await postmasterOf(folder), 'SIGKILL')
      await Bun.sleep(LOAD_MS)
    },
  },
  {
    name: 'a server killed and another one started in its place',
    async happen(world) {
      const [first] = world.servers
      first?.process.kill('SIGKILL')
      await first?.process.exited
      await Bun.sleep(LOAD_MS)
      world.servers[0] = await world.start(first?.port)
    },
  },
  {
    name: 'a server paused and resumed',
    async happen({ servers }) {
      const paused: ServerProcess | undefined = servers[1]?.process
      paused?.kill('SIGSTOP')
      await Bun.sleep(PAUSE_MS)
      paused?.kill('SIGCONT')
    },
  },
]

withRedis(
  named(`${faults.map(({ name }) => name).join(', ')}: nothing is booked twice, lost or left broken`),
  async () => {
    const world = await startWorld()
    try {
      for (const { happen } of faults) {
        const load = startLoad(world)
        await until(() => load.done() > 3)
        await happen(world)
        await expectRecovery(load, world.servers)
        await load.stop()
        await expectPromisesKept(world, load)
        await world.sql`UPDATE bookings SET status = 'cancelled' WHERE status IN ('held', 'confirmed')`
      }
    } finally {
      await world.stop()
    }
  },
)
