import { createHash } from 'node:crypto'
import { and, eq, sql } from 'drizzle-orm'
import type { Deps, SignedInContext } from '../../context'
import type { Db } from '../../db/client'
import { violates } from '../../db/errors'
import { idempotencyKeys } from '../../db/schema'
import { AppError } from '../../errors'

/** A call that runs says so again well before this is over; a server that no longer does is taken for dead. */
const LEASE_SECONDS = 30
const RENEW_MS = 10_000
/** How long an equal call is waited for. */
const WAIT_MS = 5_000
const KEY = /^[\x21-\x7e]{1,255}$/

type Call = { key: string; procedure: string; input: unknown }
type Slot = Pick<Call, 'key' | 'procedure'> & { userId: string; bodyHash: string; runId: string }

/**
 * Runs a call once for its person, procedure and key: an equal call gets the answer of the first for 24 hours, also on
 * another server. Equal calls at one instant meet in the table's key, so one of them runs and the others wait for it. A
 * call that is refused or fails keeps no key. One whose server died is run again by the next that asks, once its lease
 * is over: whether its change was made is then for the procedure's own rules to find out.
 * @throws VALIDATION for a key that is none, IDEMPOTENCY_MISMATCH for another body, IN_PROGRESS where the first call
 *   still runs after 5 seconds, NOT_SIGNED_IN where the person is gone
 */
export async function runOnce<T>(
  ctx: SignedInContext,
  { key, procedure, input }: Call,
  run: () => Promise<T>,
): Promise<T> {
  if (!KEY.test(key)) throw new AppError('VALIDATION', 'An Idempotency-Key has 1 to 255 visible characters.')
  const slot = { userId: ctx.actor.id, procedure, key, bodyHash: hashOf(input), runId: Bun.randomUUIDv7() }
  const earlier = await acquireKeyOrReplay(ctx.db, slot)
  if (earlier) return earlier.data as T

  const renewing = setInterval(() => void renewLease(ctx, slot), RENEW_MS)
  let data: T
  try {
    data = await run()
  } catch (error) {
    await releaseKey(ctx, slot)
    throw error
  } finally {
    clearInterval(renewing)
  }
  await storeResponse(ctx, slot, data)
  return data
}

/** @returns the answer of the call that had the key before; nothing where this call has it now */
async function acquireKeyOrReplay(db: Db, slot: Slot): Promise<{ data: unknown } | undefined> {
  const end = performance.now() + WAIT_MS
  for (let pauseMs = 10; ; pauseMs = Math.min(250, pauseMs * 1.5)) {
    if (await acquireKey(db, slot)) return undefined
    const found = await readKey(db, slot)
    if (found && found.bodyHash !== slot.bodyHash) {
      throw new AppError('IDEMPOTENCY_MISMATCH', 'This Idempotency-Key was used for another request.')
    }
    if (found?.answer) return found.answer
    if (performance.now() > end) {
      throw new AppError('IN_PROGRESS', 'The same request still runs. Please ask again in a moment.')
    }
    await Bun.sleep(pauseMs)
  }
}

/** One statement: a key that is new, older than a day, or left by a server that died, is this call's from here on. */
async function acquireKey(db: Db, slot: Slot): Promise<boolean> {
  const taken = {
    bodyHash: slot.bodyHash,
    runId: slot.runId,
    runningUntil: leaseEnd,
    createdAt: sql`clock_timestamp()`,
  }
  const rows = await db
    .insert(idempotencyKeys)
    .values({ userId: slot.userId, procedure: slot.procedure, key: slot.key, ...taken })
    .onConflictDoUpdate({
      target: [idempotencyKeys.userId, idempotencyKeys.procedure, idempotencyKeys.key],
      set: { ...taken, answer: null },
      setWhere: sql`${idempotencyKeys.createdAt} <= clock_timestamp() - interval '24 hours' AND ${notRunning}
        OR ${idempotencyKeys.answer} IS NULL AND ${notRunning} AND ${idempotencyKeys.bodyHash} = ${slot.bodyHash}`,
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

async function readKey(db: Db, slot: Slot) {
  const [row] = await db
    .select({ bodyHash: idempotencyKeys.bodyHash, answer: idempotencyKeys.answer })
    .from(idempotencyKeys)
    .where(sameKey(slot))
  return row
}

const sameKey = ({ userId, procedure, key }: Slot) =>
  and(
    eq(idempotencyKeys.userId, userId),
    eq(idempotencyKeys.procedure, procedure),
    eq(idempotencyKeys.key, key),
  )
const ownRun = (slot: Slot) => and(sameKey(slot), eq(idempotencyKeys.runId, slot.runId))

/** A lease that could not be renewed is tried again; past its end an equal call may run as well. */
const renewLease = ({ db, log }: Pick<Deps, 'db' | 'log'>, slot: Slot) =>
  db
    .update(idempotencyKeys)
    .set({ runningUntil: leaseEnd })
    .where(ownRun(slot))
    .catch((error) => log.warn({ error, procedure: slot.procedure }, 'a running key could not be renewed'))

/** What was done is done: a caller is not refused because its answer could not be kept for a second time of asking. */
async function storeResponse(
  { db, log }: Pick<Deps, 'db' | 'log'>,
  slot: Slot,
  data: unknown,
): Promise<void> {
  await db
    .update(idempotencyKeys)
    .set({ answer: { data }, runningUntil: sql`clock_timestamp()` })
    .where(ownRun(slot))
    .catch((error) => log.warn({ error, procedure: slot.procedure }, 'the answer of a key was not kept'))
}

/** A key that could not be given back is free when its lease ends. */
async function releaseKey({ db, log }: Pick<Deps, 'db' | 'log'>, slot: Slot): Promise<void> {
  await db
    .delete(idempotencyKeys)
    .where(ownRun(slot))
    .catch((error) => log.warn({ error, procedure: slot.procedure }, 'a key was not given back'))
}

/** The same for equal inputs, in whichever order their fields were sent. */
const hashOf = (input: unknown): string => createHash('sha256').update(canonical(input)).digest('hex')

/** No input of ours is as deep; without a bound a nested one would exhaust the stack before its shape is looked at. */
const MAX_DEPTH = 100

function canonical(value: unknown, depth = 0): string {
  if (depth > MAX_DEPTH) throw new AppError('VALIDATION', 'The input is nested too deeply.')
  if (Array.isArray(value)) return `[${value.map((item) => canonical(item, depth + 1)).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  const sorted = fields.toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${sorted.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field, depth + 1)}`).join()}}`
}

/** Deletes keys that are older than a day. @returns how many */
export async function deleteOldKeys({ db }: Pick<Deps, 'db'>): Promise<number> {
  const old = await db
    .delete(idempotencyKeys)
    .where(sql`${idempotencyKeys.createdAt} <= clock_timestamp() - interval '24 hours' AND ${notRunning}`)
    .returning({ key: idempotencyKeys.key })
  return old.length
}
