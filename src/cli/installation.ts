import { contextOf, type SignedInContext } from '../context'
import { borrowEmbeddedDatabase } from '../db/embedded'
import { migrateDatabase, readSchemaState } from '../db/migrate'
import { openDeps, stopAll } from '../deps'
import { ConfigurationError, type Env, readEnv } from '../env'
import { createLog } from '../lib/logger'
import type { RedisLink } from '../lib/redis'
import { needsSandbox } from '../lib/stripe'
import { startStripeSandbox } from '../sandbox/stripe'

/** What a command works on: the same database and the same services as a server, and no server. */
export type Installation = {
  env: Env
  databaseUrl: string
  /** Acts as an admin who is nobody in particular. */
  ctx: SignedInContext
  close(): Promise<void>
}

/** What a command asks of an installation: `anySchema` takes it as it is; `stripe` has a sandbox where a server has one. */
export type Opening = { anySchema?: boolean; stripe?: boolean }

const OPERATOR = { kind: 'user', id: '00000000-0000-0000-0000-000000000000', role: 'admin' } as const

/**
 * Opens the database that a server would use: the one of DATABASE_URL, or the embedded one of DATA_DIR, beside a server
 * that runs it or without one. A schema that is behind is brought up to date only where there is none yet: beside a
 * server of an older version it is not this command's to change.
 * @throws {ConfigurationError} where the settings make no sense, or the schema is of another version
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
    if (!anySchema) await bringSchema(databaseUrl)
    // It shares its state with the servers' through the database, and leaves the webhooks to them.
    const sandbox = stripe && needsSandbox(env) ? await startStripeSandbox({ databaseUrl, log }) : undefined
    if (sandbox) releasers.push(sandbox.stop)
    const core = await openDeps(env, log, databaseUrl, { connections: 2, statementSeconds: 300, sandbox })
    releasers.push(core.release)
    // What is said before Redis has answered once would be heard by nobody. Without Redis a server hears of a change at
    // its next sweep, when it compares versions.
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

async function bringSchema(databaseUrl: string): Promise<void> {
  const { schema, pending, unknown } = await readSchemaState(databaseUrl)
  if (unknown > 0)
    throw new ConfigurationError(
      'The database has the schema of a later version of CoworkSpace. Use that version.',
    )
  if (pending.length === 0) return
  if (schema !== '')
    throw new ConfigurationError(
      `The database lacks ${pending.length} migration(s): ${pending.join(', ')}. Run: bun run admin migrate`,
    )
  await migrateDatabase(databaseUrl)
}

async function whenUp(redis: RedisLink | null): Promise<void> {
  for (let waitedMs = 0; redis && !redis.isUp() && waitedMs < 2000; waitedMs += 20) await Bun.sleep(20)
}
