import { contextOf, type SignedInContext } from '../context'
import { borrowEmbeddedDatabase } from '../db/embedded'
import { migrateDatabase, readSchemaState } from '../db/migrate'
import { openDeps, stopAll } from '../deps'
import { ConfigurationError, type Env, readEnv } from '../env'
import { createLog } from '../lib/logger'
import type { RedisLink } from '../lib/redis'
import { needsSandbox } from '../lib/stripe'
import { startStripeSandbox } from '../sandbox/stripe'

/** The database and the services of a server, without its listeners and scheduled jobs. */
export type Installation = {
  env: Env
  databaseUrl: string
  /** Acts as an admin without an account. */
  ctx: SignedInContext
  close(): Promise<void>
}

/** `anySchema` skips the schema check. `stripe` starts the sandbox if a server would use it. */
export type Opening = { anySchema?: boolean; stripe?: boolean }

const OPERATOR = { kind: 'user', id: '00000000-0000-0000-0000-000000000000', role: 'admin' } as const

/**
 * Opens the database of DATABASE_URL, or the embedded one of DATA_DIR, with or without a running server. Migrates only an
 * empty database, because a server of an older version could be using the others.
 * @throws {ConfigurationError} if a setting is invalid or the schema is of another version
 */
export async function openInstallation(
  environment: Record<string, string | undefined>,
  { anySchema = false, stripe = false }: Opening = {},
): Promise<Installation> {
  const env = readEnv(environment)
  const log = createLog({ level: 'silent', terminal: false })
  const embedded = env.DATABASE_URL ? undefined : await borrowEmbeddedDatabase(env.DATA_DIR, log)
  const releasers: (() => Promise<unknown>)[] = embedded ? [embedded.stop] : []
  const databaseUrl = env.DATABASE_URL ?? embedded?.url ?? ''
  try {
    if (!anySchema) await ensureSchema(databaseUrl)
    // The sandboxes share their state in the database. Only those of servers send webhooks.
    const sandbox = stripe && needsSandbox(env) ? await startStripeSandbox({ databaseUrl, log }) : undefined
    if (sandbox) releasers.push(sandbox.stop)
    const core = await openDeps(env, log, databaseUrl, { connections: 2, statementSeconds: 300, sandbox })
    releasers.push(core.release)
    // Messages published before the connection is up are lost, and servers would notice a change only at the next sweep.
    await whenUp(core.redis)
    return {
      env,
      databaseUrl,
      ctx: contextOf(core.deps, OPERATOR, 'admin'),
      close: () => stopAll(releasers, log),
    }
  } catch (error) {
    await stopAll(releasers, log)
    throw error
  }
}

async function ensureSchema(databaseUrl: string): Promise<void> {
  const { schema, pending, unknown } = await readSchemaState(databaseUrl)
  if (unknown > 0)
    throw new ConfigurationError(
      'The database schema is from a later version of CoworkSpace. Use that version.',
    )
  if (pending.length === 0) return
  if (schema !== '')
    throw new ConfigurationError(`Migrations are pending: ${pending.join(', ')}. Run: bun run admin migrate`)
  await migrateDatabase(databaseUrl)
}

async function whenUp(redis: RedisLink | null): Promise<void> {
  for (let waitedMs = 0; redis && !redis.isUp() && waitedMs < 2000; waitedMs += 20) await Bun.sleep(20)
}
