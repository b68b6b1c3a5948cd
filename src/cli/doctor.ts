import { access, constants, statfs } from 'node:fs/promises'
import path from 'node:path'
import { sql } from 'drizzle-orm'
import { readSchemaState } from '../db/migrate'
import { isLive } from '../env'
import { isStripeDown, isStripeError, needsSandbox } from '../lib/stripe'
import { countPaymentProblems, type PaymentProblems } from '../services/payments/payment-health'
import { pingDatabase } from '../services/shared/health'
import { checkMail, checkTelegram } from './check-channels'
import { type Admin, Failed, type Work } from './command'
import { table } from './console'
import type { Finding } from './finding'

type Check = { name: string; look: (work: Work) => Promise<Finding>; needsSchema?: true }

const ok = (says: string): Finding => ({ state: 'ok', says })

/** What is looked at, in this order. Each says what it found and, where it is not well, what to do. */
const CHECKS: Check[] = [
  { name: 'settings', look: checkSettings },
  { name: 'database', look: checkDatabase },
  { name: 'schema', look: checkSchema },
  { name: 'guarantees', look: checkConstraints, needsSchema: true },
  { name: 'clocks', look: checkClocks },
  { name: 'jobs', look: checkJobs, needsSchema: true },
  { name: 'admins', look: checkAdmins, needsSchema: true },
  { name: 'folder', look: checkFolder },
  { name: 'redis', look: checkRedis },
  { name: 'stripe', look: checkStripe, needsSchema: true },
  { name: 'payments', look: checkPayments, needsSchema: true },
  { name: 'mail', look: checkMail, needsSchema: true },
  { name: 'telegram', look: checkTelegram },
]

export function addDoctorCommand({ program, on }: Admin): void {
  program
    .command('doctor')
    .description('look at everything that an installation needs, and say what to do')
    .action(on(examine, { anySchema: true }))
    .addHelpText(
      'after',
      '\nExit code 1 where something is broken.\n\nExample:\n  bun run admin doctor --json\n',
    )
}

async function examine(work: Work): Promise<void> {
  const findings: (Finding & { name: string })[] = []
  for (const { name, look, needsSchema } of CHECKS) {
    const broken = findings.some((one) => one.name === 'schema' && one.state === 'broken')
    const finding = needsSchema && broken ? needsTheSchema : await look(work).catch(checkFailed)
    findings.push({ name, ...finding })
  }
  work.console.show(findings, (all) =>
    table(
      ['', 'what', 'finding'],
      all.map(({ state, name, says, todo }) => [SIGNS[state], name, todo ? `${says} ${todo}` : says]),
    ),
  )
  if (findings.some(({ state }) => state === 'broken')) throw new Failed()
}

const SIGNS = { ok: '✓', off: '·', warning: '!', broken: '✗' }

const needsTheSchema: Finding = { state: 'off', says: 'Not looked at: it needs the schema.' }

const checkFailed = (error: unknown): Finding => ({
  state: 'broken',
  says: `This could not be looked at: ${error instanceof Error ? error.message.split('\n')[0] : error}.`,
  todo: 'Mend what stands above first.',
})

async function checkSettings({ env }: Work): Promise<Finding> {
  if (env.NODE_ENV === 'production') return ok('Those of production, and they make sense.')
  return { state: 'ok', says: `NODE_ENV is ${env.NODE_ENV}; in production set JWT_SECRET and DATABASE_URL.` }
}

async function checkDatabase({ ctx, env }: Work): Promise<Finding> {
  const { ok: answers, latencyMs } = await pingDatabase(ctx)
  if (!answers)
    return {
      state: 'broken',
      says: 'It does not answer.',
      todo: env.DATABASE_URL
        ? 'Is DATABASE_URL right, and PostgreSQL running?'
        : 'Look at server.log in DATA_DIR.',
    }
  const [row] = await ctx.db.execute<{ version: number }>(
    sql`SELECT current_setting('server_version_num')::int / 10000 AS version`,
  )
  const version = row?.version ?? 0
  const says = `PostgreSQL ${version}, ${env.DATABASE_URL ? 'of DATABASE_URL' : 'embedded'}; it answers in ${latencyMs} ms.`
  if (version < 15) return { state: 'broken', says, todo: 'Use PostgreSQL 15 or later.' }
  return latencyMs > 100 ? { state: 'warning', says, todo: 'Bring it nearer to the servers.' } : ok(says)
}

async function checkSchema({ databaseUrl }: Work): Promise<Finding> {
  const { schema, pending, unknown } = await readSchemaState(databaseUrl)
  if (unknown > 0)
    return { state: 'broken', says: 'It is of a later version.', todo: 'Use that version of CoworkSpace.' }
  if (pending.length === 0) return ok(`Up to date: ${schema}.`)
  const says = `${pending.length} migrations are missing: ${pending.join(', ')}.`
  return { state: 'broken', says, todo: 'Run: bun run admin migrate' }
}

/** What makes a double booking impossible must be there, whoever has worked on the database by hand. */
async function checkConstraints({ ctx }: Work): Promise<Finding> {
  const wanted = ['bookings_space_claim', 'bookings_specialist_claim']
  const rows = await ctx.db.execute<{ name: string }>(
    sql`SELECT conname AS name FROM pg_constraint WHERE contype = 'x' AND convalidated`,
  )
  const missing = wanted.filter((name) => !rows.some((row) => row.name === name))
  if (missing.length === 0) return ok('No unit can be booked twice: both exclusion constraints are there.')
  return {
    state: 'broken',
    says: `Missing in the database: ${missing.join(', ')}.`,
    todo: 'Stop the servers, back up, and restore into a new database.',
  }
}

async function checkClocks({ ctx }: Work): Promise<Finding> {
  const asked = Date.now()
  const [row] = await ctx.db.execute<{ now: number }>(
    sql`SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now`,
  )
  const offMs = Math.round((row?.now ?? 0) - (asked + Date.now()) / 2)
  const says = `This machine and the database are ${Math.abs(offMs)} ms apart.`
  if (Math.abs(offMs) < 2000) return ok(says)
  return {
    state: Math.abs(offMs) < 30_000 ? 'warning' : 'broken',
    says,
    todo: 'Set both clocks by NTP: tokens and holds end by them.',
  }
}

/** Servers free expired holds every few seconds, so one that is long past its end says that none does. */
async function checkJobs({ ctx, env }: Work): Promise<Finding> {
  const late = `${Math.max(120, env.SWEEP_SECONDS * 3)} seconds`
  const [row] = await ctx.db.execute<{ holds: number }>(sql`SELECT count(*)::int AS holds FROM bookings
    WHERE status = 'held' AND hold_expires_at < clock_timestamp() - ${late}::interval`)
  if (!row?.holds) return ok('No hold is past its end for long.')
  return {
    state: 'warning',
    says: `${row.holds} holds are past their end and not freed.`,
    todo: 'Start a server, or run: bun run admin holds expire',
  }
}

async function checkAdmins({ ctx }: Work): Promise<Finding> {
  const [row] = await ctx.db.execute<{ admins: number }>(
    sql`SELECT count(*)::int AS admins FROM users WHERE role = 'admin' AND deleted_at IS NULL`,
  )
  if (row?.admins) return ok(`${row.admins} ${row.admins === 1 ? 'person' : 'people'} may do everything.`)
  return {
    state: 'warning',
    says: 'Nobody is an admin.',
    todo: 'Run: bun run admin create-admin you@example.com',
  }
}

async function checkFolder({ env }: Work): Promise<Finding> {
  if (env.DATABASE_URL) return { state: 'off', says: 'Not used: DATABASE_URL is set.' }
  const folder = path.resolve(env.DATA_DIR)
  await access(folder, constants.W_OK)
  const { bavail, bsize } = await statfs(folder)
  const gigabytes = Math.round((bavail * bsize) / 1e8) / 10
  const says = `${folder}, ${gigabytes} GB free.`
  return gigabytes < 1 ? { state: 'warning', says, todo: 'Make room on this disk.' } : ok(says)
}

async function checkRedis({ ctx }: Work): Promise<Finding> {
  if (!ctx.redis) return { state: 'off', says: 'Not used: REDIS_URL is not set. One server needs none.' }
  const { ok: answers, latencyMs } = await ctx.redis.check()
  if (answers) return ok(`It answers in ${latencyMs} ms.`)
  return {
    state: 'broken',
    says: 'It does not answer; servers go on alone until it does.',
    todo: 'Is REDIS_URL right, and Redis running?',
  }
}

async function checkStripe(work: Work): Promise<Finding> {
  const { ctx, env } = work
  if (needsSandbox(env))
    return {
      state: 'off',
      says: 'STRIPE_SECRET_KEY is not set: the sandbox stands in for Stripe, and no money moves.',
    }
  if (!env.STRIPE_SECRET_KEY) return checkPricesWithoutKey(work)
  const mode = isLive(env.STRIPE_SECRET_KEY) ? 'live' : 'test'
  try {
    await ctx.stripe.api().paymentIntents.list({ limit: 1 }, { timeout: 5000, maxNetworkRetries: 0 })
  } catch (error) {
    if (!isStripeError(error)) throw error
    const says = `With the ${mode} key: ${error.message}`
    if (!isStripeDown(error)) return { state: 'broken', says, todo: 'Is STRIPE_SECRET_KEY right?' }
    return {
      state: 'broken',
      says,
      todo: 'Can this machine reach Stripe, or STRIPE_API_URL where it is set?',
    }
  }
  const says = `It answers to the ${mode} key.`
  if (ctx.stripe.webhookSecrets.length === 0)
    return {
      state: 'warning',
      says: `${says} Its webhooks are refused: no signing secret is set.`,
      todo: 'Set STRIPE_WEBHOOK_SECRET.',
    }
  if (env.NODE_ENV === 'production' && mode === 'test')
    return { state: 'warning', says: `${says} Nobody really pays.`, todo: 'Set a live key.' }
  return ok(`${says} Its webhooks are verified.`)
}

async function checkPricesWithoutKey({ ctx }: Work): Promise<Finding> {
  const [row] = await ctx.db.execute<{ priced: number }>(
    sql`SELECT count(*)::int AS priced FROM spaces WHERE price_minor > 0 AND removed_at IS NULL`,
  )
  const says = 'STRIPE_SECRET_KEY is not set: nothing can be paid.'
  if (!row?.priced) return { state: 'off', says }
  return {
    state: 'warning',
    says: `${says} ${row.priced} spaces have a price and cannot be booked.`,
    todo: 'Set STRIPE_SECRET_KEY, or their prices to 0.',
  }
}

const TROUBLES: Record<keyof PaymentProblems, string> = {
  waitingEvents: 'events wait',
  failedEvents: 'events failed',
  waitingJobs: 'jobs wait',
  failedJobs: 'jobs failed',
  givenUpJobs: 'jobs were given up',
  waitingRefunds: 'refunds wait',
  disputes: 'payments are disputed',
}

/** What waits for long says that no server runs; what failed is tried again by itself, and tells why. */
async function checkPayments({ ctx }: Work): Promise<Finding> {
  const troubles = await countPaymentProblems(ctx)
  const kinds = (Object.keys(TROUBLES) as (keyof PaymentProblems)[]).filter((kind) => troubles[kind] > 0)
  if (kinds.length === 0) return ok('No event waits or failed, no job was given up, no refund waits.')
  return {
    state: 'warning',
    says: `${kinds.map((kind) => `${troubles[kind]} ${TROUBLES[kind]}`).join(', ')}.`,
    todo: 'Run: bun run admin payments events, payments jobs, payments reconcile. Does a server run?',
  }
}
