import { createHash } from 'node:crypto'
import { and, eq, sql } from 'drizzle-orm'
import type { Deps, SignedInContext } from '../../context'
import type { Db } from '../../db/client'
import { violates } from '../../db/errors'
import { idempotencyKeys } from '../../db/schema'
import { AppError } from '../../errors'

/** A running call renews its lease; once the lease ends, its server is considered dead. */
const LEASE_SECONDS = 30
const RENEW_MS = 10_000
const WAIT_MS = 5_000
const KEY = /^[\x21-\x7e]{1,255}$/

type Call = { key: string; procedure: string; input: unknown }
type Entry = Pick<Call, 'key' | 'procedure'> & { userId: string; bodyHash: string; runId: string }

/**
 * Runs a call once per user, procedure and key. For 24 hours an equal call, on any server, gets the first response; a
 * concurrent one waits for it. A call that fails or is refused frees its key. If a server dies, the next equal call runs
 * again once the lease has ended, so the procedure itself must detect a change that was already made.
 * @throws VALIDATION if the key is malformed, IDEMPOTENCY_MISMATCH if the input differs, IN_PROGRESS if the first call
 *   is still running after 5 seconds, NOT_SIGNED_IN if the account was deleted
 */
export async function runOnce<T>(
  ctx: SignedInContext,
  { key, procedure, input }: Call,
  run: () => Promise<T>,
): Promise<T> {
  if (!KEY.test(key))
    throw new AppError('VALIDATION', 'Idempotency-Key must have 1 to 255 visible ASCII characters.')
  const entry = { userId: ctx.actor.id, procedure, key, bodyHash: hashOf(input), runId: Bun.randomUUIDv7() }
  const earlier = await acquireKeyOrReplay(ctx.db, entry)
  if (earlier) return earlier.data as T

  const renewing = setInterval(() => void renewLease(ctx, entry), RENEW_MS)
  let data: T
  try {
    data = await run()
  } catch (error) {
    await releaseKey(ctx, entry)
    throw error
  } finally {
    clearInterval(renewing)
  }
  await storeResponse(ctx, entry, data)
  return data
}

/** @returns the stored response, or undefined if this call acquired the key */
async function acquireKeyOrReplay(db: Db, entry: Entry): Promise<{ data: unknown } | undefined> {
  const end = performance.now() + WAIT_MS
  for (let pauseMs = 10; ; pauseMs = Math.min(250, pauseMs * 1.5)) {
    if (await acquireKey(db, entry)) return undefined
    const found = await readKey(db, entry)
    if (found && found.bodyHash !== entry.bodyHash) {
      throw new AppError(
        'IDEMPOTENCY_MISMATCH',
        'This Idempotency-Key was used for another request. Use a new one.',
      )
    }
    if (found?.answer) return found.answer
    if (performance.now() > end) {
      throw new AppError('IN_PROGRESS', 'The same request is still running. Try again in a moment.')
    }
    await Bun.sleep(pauseMs)
  }
}

/** Acquires a key that is new, older than a day, or abandoned by a dead server, in one statement. */
async function acquireKey(db: Db, entry: Entry): Promise<boolean> {
  const taken = {
    bodyHash: entry.bodyHash,
    runId: entry.runId,
    runningUntil: leaseEnd,
    createdAt: sql`clock_timestamp()`,
  }
  const rows = await db
    .insert(idempotencyKeys)
    .values({ userId: entry.userId, procedure: entry.procedure, key: entry.key, ...taken })
    .onConflictDoUpdate({
      target: [idempotencyKeys.userId, idempotencyKeys.procedure, idempotencyKeys.key],
      set: { ...taken, answer: null },
      setWhere: sql`${idempotencyKeys.createdAt} <= clock_timestamp() - interval '24 hours' AND ${notRunning}
        OR ${idempotencyKeys.answer} IS NULL AND ${notRunning} AND ${idempotencyKeys.bodyHash} = ${entry.bodyHash}`,
    })
    .returning({ runId: idempotencyKeys.runId })
    .catch((error) => {
      if (violates(error, 'idempotency_keys_user_id_users_id_fk'))
        throw new AppError('NOT_SIGNED_IN', 'This account no longer exists.')
      throw error
    })
  return rows.length > 0
}

const leaseEnd = sql`clock_timestamp() + ${`${LEASE_SECONDS} seconds`}::interval`
const notRunning = sql`${idempotencyKeys.runningUntil} <= clock_timestamp()`

async function readKey(db: Db, entry: Entry) {
  const [row] = await db
    .select({ bodyHash: idempotencyKeys.bodyHash, answer: idempotencyKeys.answer })
    .from(idempotencyKeys)
    .where(sameKey(entry))
  return row
}

const sameKey = ({ userId, procedure, key }: Entry) =>
  and(
    eq(idempotencyKeys.userId, userId),
    eq(idempotencyKeys.procedure, procedure),
    eq(idempotencyKeys.key, key),
  )
const ownRun = (entry: Entry) => and(sameKey(entry), eq(idempotencyKeys.runId, entry.runId))

/** Only logs a failure: the next renewal may succeed. After the lease ends, an equal call may run as well. */
const renewLease = ({ db, log }: Pick<Deps, 'db' | 'log'>, entry: Entry) =>
  db
    .update(idempotencyKeys)
    .set({ runningUntil: leaseEnd })
    .where(ownRun(entry))
    .catch((error) => log.warn({ error, procedure: entry.procedure }, 'idempotency key renewal failed'))

/** Only logs a failure: the call itself succeeded, so its caller must get the response. */
async function storeResponse(
  { db, log }: Pick<Deps, 'db' | 'log'>,
  entry: Entry,
  data: unknown,
): Promise<void> {
  await db
    .update(idempotencyKeys)
    .set({ answer: { data }, runningUntil: sql`clock_timestamp()` })
    .where(ownRun(entry))
    .catch((error) => log.warn({ error, procedure: entry.procedure }, 'idempotency response store failed'))
}

/** Only logs a failure: the key becomes free when its lease ends. */
async function releaseKey({ db, log }: Pick<Deps, 'db' | 'log'>, entry: Entry): Promise<void> {
  await db
    .delete(idempotencyKeys)
    .where(ownRun(entry))
    .catch((error) => log.warn({ error, procedure: entry.procedure }, 'idempotency key release failed'))
}

/** Does not depend on the order of the fields. */
const hashOf = (input: unknown): string => createHash('sha256').update(canonical(input)).digest('hex')

/** The input is not validated yet: without a limit, deep nesting would exhaust the stack. */
const MAX_DEPTH = 100

function canonical(value: unknown, depth = 0): string {
  if (depth > MAX_DEPTH) throw new AppError('VALIDATION', 'The input is nested too deeply.')
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item, depth + 1)).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  const sorted = fields.toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${sorted.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field, depth + 1)}`).join()}}`
}

export async function deleteOldKeys({ db }: Pick<Deps, 'db'>): Promise<number> {
  const old = await db
    .delete(idempotencyKeys)
    .where(sql`${idempotencyKeys.createdAt} <= clock_timestamp() - interval '24 hours' AND ${notRunning}`)
    .returning({ key: idempotencyKeys.key })
  return old.length
}
