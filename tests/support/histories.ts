import { sql } from 'drizzle-orm'
import { systemContext } from '../../src/context'
import { users } from '../../src/db/schema'
import { createTokens } from '../../src/lib/access-tokens'
import { createLog } from '../../src/lib/logger'
import { startStripeSandbox } from '../../src/sandbox/stripe'
import { createDatabase } from './database'
import { type ServerProcess, spawnServer, whenUp } from './process'
import { allDay, startTestServer } from './world'

export const SECRETS = {
  JWT_SECRET: 'histories-are-signed-with-this-secret',
  STRIPE_SECRET_KEY: 'sk_test_histories0123456789',
  STRIPE_WEBHOOK_SECRET: 'whsec_histories0123456789',
}

/** Deterministic random numbers (mulberry32), so that a failed history can be repeated by its seed. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

export type Answer = { status: number; body: Record<string, unknown> & { items?: Record<string, unknown>[] } }
export type Stage = Awaited<ReturnType<typeof raiseStage>>

/**
 * Starts a server process that can be killed and restarted, and a Stripe sandbox that outlives it. `ask` repeats a request
 * while the server is down.
 */
export async function raiseStage(random: () => number) {
  const databaseUrl = await createDatabase()
  const sandbox = await startStripeSandbox({
    databaseUrl: await createDatabase(),
    log: createLog({ level: 'silent', terminal: false }),
    secretKey: SECRETS.STRIPE_SECRET_KEY,
    webhookSecret: SECRETS.STRIPE_WEBHOOK_SECRET,
    random,
  })
  const port = 20_000 + Math.floor(Math.random() * 10_000)
  const url = `http://127.0.0.1:${port}`
  const settings = {
    ...SECRETS,
    NODE_ENV: 'test',
    PORT: String(port),
    SEED: 'none',
    RATE_LIMITS: 'off',
    LOG_LEVEL: 'trace',
    DATABASE_URL: databaseUrl,
    DATABASE_POOL: '12',
    STRIPE_PUBLISHABLE_KEY: sandbox.publishableKey,
    STRIPE_API_URL: sandbox.url,
    HOLD_SECONDS: '2',
    PAYMENT_GRACE_SECONDS: '1',
    SWEEP_SECONDS: '1',
    MAX_HOLDS_PER_PERSON: '1000',
  }
  const aside = await startTestServer({ databaseUrl, env: { ...settings, PORT: '0', LOG_LEVEL: 'silent' } })
  const { db } = aside.deps
  const tokens = createTokens(SECRETS.JWT_SECRET)
  let output = ''
  let server = await start()

  async function start(): Promise<ServerProcess> {
    const started = spawnServer(settings)
    await whenUp(started, url)
    return started
  }

  async function restart(): Promise<void> {
    server.kill('SIGKILL')
    await server.exited
    output += server.output()
    server = await start()
  }

  async function ask(method: string, path: string, token: string, body?: unknown): Promise<Answer> {
    for (const end = performance.now() + 90_000; ; ) {
      try {
        const response = await fetch(`${url}/api${path}`, {
          method,
          headers: {
            authorization: `Bearer ${token}`,
            ...(body !== undefined && { 'content-type': 'application/json' }),
          },
          ...(body !== undefined && { body: JSON.stringify(body) }),
          signal: AbortSignal.timeout(15_000),
        })
        const answer = { status: response.status, body: (await response.json()) as Answer['body'] }
        if (answer.status !== 503) return answer
      } catch {
        // The server was killed or is still starting.
      }
      if (performance.now() > end) throw new Error(`no response to ${method} ${path}`)
      await Bun.sleep(50)
    }
  }

  async function person(role: 'customer' | 'admin' = 'customer'): Promise<string> {
    const email = `${Bun.randomUUIDv7()}@example.com`
    const [row] = await db.insert(users).values({ email, name: 'Ada', role }).returning()
    if (!row) throw new Error('the user was not inserted')
    return tokens.sign({ id: row.id, role })
  }

  const admin = await person('admin')
  const location = await ask('POST', '/locations', admin, { name: 'House', timeZone: 'UTC', hours: allDay })
  sandbox.setWebhookUrl(`${url}/webhooks/stripe`)
  return {
    sandbox,
    databaseUrl,
    db,
    ask,
    person,
    restart,
    admin,
    /** The server's output across all restarts. */
    output: () => output + server.output(),
    async space(fields: Record<string, unknown>): Promise<string> {
      const { body } = await ask('POST', '/spaces', admin, {
        locationId: location.body.id,
        name: 'Room',
        kind: 'meeting_room',
        maxNoticeDays: 3650,
        ...fields,
      })
      return String(body.id)
    },
    /** A context for calling services outside the server process. */
    system: () => systemContext(aside.deps, 'payment'),
    async strike(): Promise<void> {
      server.kill('SIGKILL')
      await server.exited
      await sandbox.stop()
      await aside.stop()
    },
  }
}

/** All rows of the project's and the queue's tables, as text. */
export async function everythingIn({ db }: Pick<Stage, 'db'>): Promise<string> {
  const tables = await db.execute<{ name: string }>(sql`
    SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname IN ('public', 'graphile_worker', 'drizzle')`)
  const texts: string[] = []
  for (const { name } of tables) {
    const [row] = await db.execute<{ text: string | null }>(
      sql.raw(`SELECT string_agg(t::text, E'\\n') AS text FROM ${name} AS t`),
    )
    texts.push(`${name}\n${row?.text ?? ''}`)
  }
  return texts.join('\n')
}
