import { expect } from 'bun:test'
import { sql } from 'drizzle-orm'
import { systemContext } from '../../src/context'
import { createLog } from '../../src/lib/logger'
import { startStripeSandbox } from '../../src/sandbox/stripe'
import { reconcile } from '../../src/services/payments/reconcile'
import { createDatabase } from './database'
import { type Load, type Stage, startLoad } from './load'
import { freePort } from './port'
import { startPostgres } from './postgres'
import { type ServerProcess, spawnServer, whenUp } from './process'
import { startNetwork, startRedis } from './redis'
import { watchBoard } from './watcher'
import { clientOf, makePerson, makeSpace, startTestServer, testDate, until } from './world'

const PEOPLE = 6
const SECRETS = {
  JWT_SECRET: 'the-secret-of-a-test-that-breaks-things',
  STRIPE_SECRET_KEY: 'sk_test_faults0123456789',
  STRIPE_WEBHOOK_SECRET: 'whsec_faults0123456789',
}
/** How soon the servers must recover once the cause of a fault is gone. */
const RECOVERY_MS = 10_000

type Server = { process: ServerProcess; port: number; url: string }
export type World = Awaited<ReturnType<typeof raiseWorld>>

/** Starts servers as separate processes, and a Stripe sandbox that no fault affects. */
export async function raiseWorld(settings: Record<string, string>, count: number) {
  const sandbox = await startStripeSandbox({
    databaseUrl: await createDatabase(),
    log: createLog({ level: 'silent', terminal: false }),
    secretKey: SECRETS.STRIPE_SECRET_KEY,
    webhookSecret: SECRETS.STRIPE_WEBHOOK_SECRET,
  })
  const env = {
    ...SECRETS,
    STRIPE_PUBLISHABLE_KEY: sandbox.publishableKey,
    STRIPE_API_URL: sandbox.url,
    SEED: 'none',
    RATE_LIMITS: 'off',
    HOLD_SECONDS: '3',
    PAYMENT_GRACE_SECONDS: '1',
    SWEEP_SECONDS: '1',
    MAX_HOLDS_PER_PERSON: '1000',
    LOG_LEVEL: 'warn',
    ...settings,
  }
  const everyProcess: ServerProcess[] = []
  async function start(port = freePort()): Promise<Server> {
    const url = `http://127.0.0.1:${port}`
    const server = spawnServer({ ...env, PORT: String(port) })
    everyProcess.push(server)
    await whenUp(server, url)
    return { process: server, port, url }
  }
  const servers: Server[] = []
  for (let started = 0; started < count; started++) servers.push(await start())
  sandbox.setWebhookUrl(`${servers[0]?.url}/webhooks/stripe`)
  return {
    env,
    sandbox,
    servers,
    start,
    /** The output of all servers, including stopped ones. */
    output: () => everyProcess.map((server) => server.output()).join('\n'),
    async strike(): Promise<void> {
      for (const { process: server } of servers) server.kill('SIGTERM')
      await Promise.all(servers.map(({ process: server }) => server.exited))
      await sandbox.stop()
    },
  }
}

/** Two servers with a PostgreSQL, a Redis and a network that can fail. */
export async function raiseCluster() {
  const database = await startPostgres()
  const redis = await startRedis()
  const network = await startNetwork(redis.port)
  const settings = { DATABASE_URL: database.url, REDIS_URL: `redis://127.0.0.1:${network.port}` }
  const world = await raiseWorld(settings, 2)
  return {
    ...world,
    database,
    redis,
    network,
    async strike() {
      await world.strike()
      await network.stop()
      await redis.stop()
      await database.remove()
    },
  }
}
export type FaultyCluster = Awaited<ReturnType<typeof raiseCluster>>

/** A fault, which is over once `happen` resolves. */
export type Fault<W> = { name: string; happen(world: W): Promise<unknown> }

/**
 * Runs load through all servers and watches a board on each, causes the fault, measures the recovery and checks every
 * guarantee.
 * @param databaseUrl the database's URL for this process
 */
export async function breakUnderLoad<W extends World>(
  world: W,
  databaseUrl: string,
  { name, happen }: Fault<W>,
): Promise<void> {
  const aside = await startTestServer({ databaseUrl, env: { ...world.env, PORT: '0', REDIS_URL: '' } })
  const began = new Date(Date.now() - 1000)
  const [space, paid] = [await makeSpace(aside), await makeSpace(aside, { priceMinor: 2000 })]
  const stage: Stage = {
    urls: () => world.servers.map(({ url }) => url),
    people: await Promise.all(Array.from({ length: PEOPLE }, () => makePerson(aside))),
    sandbox: world.sandbox,
    spaceId: space.id,
    paidSpaceId: paid.id,
  }
  const watchers = world.servers.map((server) => watchBoard(server, { spaceId: space.id, date: testDate }))
  const load = startLoad(stage)
  try {
    await until(() => load.done() > 3, 60_000)
    await happen(world)
    const tookMs = await recover(world, load)
    process.stdout.write(`${name}: recovered after ${Math.round(tookMs)} ms\n`)
    expect(tookMs).toBeLessThan(RECOVERY_MS)
    await load.stop()

    await expectNothingTwice(aside, space.id)
    await expectConfirmedIsStored(aside, load)
    await expectMoneySettled(aside, world, began)
    const board = await clientOf(aside).slots.day.query({ spaceId: space.id, date: testDate })
    for (const watcher of watchers)
      await until(() => JSON.stringify(watcher.board()) === JSON.stringify(board)).catch(() =>
        expect(watcher.board()).toEqual(board),
      )
    for (const { requestId, status, text } of load.failures)
      expect(`${status} ${text}\n${world.output()}`).toContain(requestId || 'an id of the request')
    expect(load.failures.map(({ text }) => text)).toEqual([])
  } finally {
    await load.stop()
    for (const watcher of watchers) watcher.close()
    await aside.stop()
  }
}

/** Waits until each server is healthy and has completed a booking. @returns the time in milliseconds */
async function recover(world: World, load: Load): Promise<number> {
  const since = performance.now()
  const isWell = async (url: string) => {
    if (!load.doneSince(url, since)) return false
    const answers = ['db', 'redis'].map((part) => fetch(`${url}/api/health/${part}`))
    return (await Promise.all(answers).catch(() => [])).filter(({ ok }) => ok).length === answers.length
  }
  for (const { url } of world.servers) await until(() => isWell(url), RECOVERY_MS)
  return performance.now() - since
}

type Aside = Awaited<ReturnType<typeof startTestServer>>

async function expectNothingTwice({ deps }: Aside, spaceId: string): Promise<void> {
  const overlaps = await deps.db.execute(sql`
    SELECT a.id FROM bookings a JOIN bookings b ON a.space_id = b.space_id AND a.unit = b.unit AND a.id < b.id AND a.claimed && b.claimed
    WHERE a.space_id = ${spaceId} AND a.status IN ('held', 'pending', 'confirmed') AND b.status IN ('held', 'pending', 'confirmed')`)
  expect([...overlaps]).toEqual([])
}

async function expectConfirmedIsStored({ deps }: Aside, { confirmed }: Load): Promise<void> {
  const rows = await deps.db.execute<{ id: string; status: string }>(sql`SELECT id, status FROM bookings`)
  const statusOf = new Map(rows.map(({ id, status }) => [id, status]))
  const lost = [...confirmed].filter(
    ([id, state]) =>
      statusOf.get(id) !== 'confirmed' && !(state === 'unsure' && statusOf.get(id) === 'cancelled'),
  )
  expect(lost).toEqual([])
}

/** After holds, webhooks, jobs and a reconciliation, Stripe's ledger equals ours to the cent. */
async function expectMoneySettled({ deps }: Aside, { sandbox }: World, began: Date): Promise<void> {
  const none = async (condition: ReturnType<typeof sql>) =>
    (await deps.db.execute(sql`SELECT 1 FROM ${condition} LIMIT 1`)).length === 0
  const reconcileAll = (fix: boolean) =>
    reconcile(systemContext(deps, 'payment'), {
      from: began,
      to: new Date(Date.now() + 1000),
      fix,
      graceMs: -1000,
    })
  await until(
    async () =>
      (await none(sql`bookings WHERE status = 'held'`)) && (await sandbox.pendingDeliveries()) === 0,
    60_000,
  )
  await reconcileAll(true)
  await until(() => none(sql`refunds WHERE status = 'requested'`), 30_000)
  expect((await reconcileAll(false)).differences).toEqual([])
  const wrong = await deps.db.execute(sql`
    SELECT id, status, paid_minor, refunded_minor FROM bookings WHERE price_minor > 0 AND
      paid_minor - refunded_minor <> CASE WHEN status = 'confirmed' THEN price_minor ELSE 0 END`)
  expect([...wrong]).toEqual([])
}
