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
    .description('check the installation and suggest how to solve problems')
    .action(on(examine, { anySchema: true }))
    .addHelpText(
      'after',
      '\nThe exit code is 1 if anything is broken.\n\nExample:\n  bun run admin doctor --json\n',
    )
}

async function examine(work: Work): Promise<void> {
  const findings: (Finding & { name: string })[] = []
  for (const { name, look, needsSchema } of CHECKS) {
    const broken = findings.some((one) => one.name === 'schema' && one.state === 'broken')
    const finding = needsSchema && broken ? withoutSchema : await look(work).catch(checkFailed)
    findings.push({ name, ...finding })
  }
  work.console.show(findings, (all) =>
    table(
      ['', 'check', 'finding'],
      all.map(({ state, name, says, todo }) => [SIGNS[state], name, todo ? `${says} ${todo}` : says]),
    ),
  )
  if (findings.some(({ state }) => state === 'broken')) throw new Failed()
}

const SIGNS = { ok: '✓', off: '·', warning: '!', broken: '✗' }

const withoutSchema: Finding = { state: 'off', says: 'Skipped, because the schema is not up to date.' }

const checkFailed = (error: unknown): Finding => ({
  state: 'broken',
  says: `The check failed: ${error instanceof Error ? error.message.split('\n')[0] : error}.`,
  todo: 'Solve the problems above first.',
})

async function checkSettings({ env }: Work): Promise<Finding> {
  if (env.NODE_ENV === 'production') return ok('Valid for production.')
  return {
    state: 'ok',
    says: `NODE_ENV is ${env.NODE_ENV}. For production, set JWT_SECRET and DATABASE_URL.`,
  }
}

async function checkDatabase({ ctx, env }: Work): Promise<Finding> {
  const { ok: answers, latencyMs } = await pingDatabase(ctx)
  if (!answers)
    return {
      state: 'broken',
      says: 'Not reachable.',
      todo: env.DATABASE_URL
        ? 'Check DATABASE_URL, and that PostgreSQL is running.'
        : 'Check server.log in DATA_DIR.',
    }
  const [row] = await ctx.db.execute<{ version: number }>(
    sql`SELECT current_setting('server_version_num')::int / 10000 AS version`,
  )
  const version = row?.version ?? 0
  const says = `PostgreSQL ${version}, ${env.DATABASE_URL ? 'from DATABASE_URL' : 'embedded'}. It responds in ${latencyMs} ms.`
  if (version < 15) return { state: 'broken', says, todo: 'Use PostgreSQL 15 or later.' }
  return latencyMs > 100 ? { state: 'warning', says, todo: 'Run it closer to the servers.' } : ok(says)
}

async function checkSchema({ databaseUrl }: Work): Promise<Finding> {
  const { schema, pending, unknown } = await readSchemaState(databaseUrl)
  if (unknown > 0)
    return { state: 'broken', says: 'It is from a later version.', todo: 'Use that version of CoworkSpace.' }
  if (pending.length === 0) return ok(`Up to date: ${schema}.`)
  const says = `${pending.length} migrations are pending: ${pending.join(', ')}.`
  return { state: 'broken', says, todo: 'Run: bun run admin migrate' }
}

/** Manual work on the database could have dropped the constraints that prevent double bookings. */
async function checkConstraints({ ctx }: Work): Promise<Finding> {
  const wanted = ['bookings_space_claim', 'bookings_specialist_claim']
  const rows = await ctx.db.execute<{ name: string }>(
    sql`SELECT conname AS name FROM pg_constraint WHERE contype = 'x' AND convalidated`,
  )
  const missing = wanted.filter((name) => !rows.some((row) => row.name === name))
  if (missing.length === 0) return ok('Both exclusion constraints against double bookings exist.')
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
  const says = `The clocks of this machine and the database differ by ${Math.abs(offMs)} ms.`
  if (Math.abs(offMs) < 2000) return ok(says)
  return {
    state: Math.abs(offMs) < 30_000 ? 'warning' : 'broken',
    says,
    todo: 'Synchronize both clocks by NTP: tokens and holds depend on them.',
  }
}

/** A running server expires holds every SWEEP_SECONDS, so an old stale hold means that none is running. */
async function checkJobs({ ctx, env }: Work): Promise<Finding> {
  const late = `${Math.max(120, env.SWEEP_SECONDS * 3)} seconds`
  const [row] = await ctx.db.execute<{ holds: number }>(sql`SELECT count(*)::int AS holds FROM bookings
    WHERE status = 'held' AND hold_expires_at < clock_timestamp() - ${late}::interval`)
  if (!row?.holds) return ok('The sweep expires holds on time.')
  return {
    state: 'warning',
    says: `${row.holds} holds are past their end and not expired.`,
    todo: 'Start a server, or run: bun run admin holds expire',
  }
}

async function checkAdmins({ ctx }: Work): Promise<Finding> {
  const [row] = await ctx.db.execute<{ admins: number }>(
    sql`SELECT count(*)::int AS admins FROM users WHERE role = 'admin' AND deleted_at IS NULL`,
  )
  if (row?.admins)
    return ok(`${row.admins} ${row.admins === 1 ? 'account has' : 'accounts have'} the role admin.`)
  return {
    state: 'warning',
    says: 'No account has the role admin.',
    todo: 'Run: bun run admin create-admin you@example.com',
  }
}

async function checkFolder({ env }: Work): Promise<Finding> {
  if (env.DATABASE_URL) return { state: 'off', says: 'Not used, because DATABASE_URL is set.' }
  const folder = path.resolve(env.DATA_DIR)
  await access(folder, constants.W_OK)
  const { bavail, bsize } = await statfs(folder)
  const gigabytes = Math.round((bavail * bsize) / 1e8) / 10
  const says = `${folder}, ${gigabytes} GB free.`
  return gigabytes < 1 ? { state: 'warning', says, todo: 'Free disk space.' } : ok(says)
}

async function checkRedis({ ctx }: Work): Promise<Finding> {
  if (!ctx.redis)
    return { state: 'off', says: 'Not used, because REDIS_URL is not set. A single server does not need it.' }
  const { ok: answers, latencyMs } = await ctx.redis.check()
  if (answers) return ok(`It responds in ${latencyMs} ms.`)
  return {
    state: 'broken',
    says: 'Not reachable. Until it is, servers do not share updates.',
    todo: 'Check REDIS_URL, and that Redis is running.',
  }
}

async function checkStripe(work: Work): Promise<Finding> {
  const { ctx, env } = work
  if (needsSandbox(env))
    return {
      state: 'off',
      says: 'STRIPE_SECRET_KEY is not set. The sandbox replaces Stripe, and payments are simulated.',
    }
  if (!env.STRIPE_SECRET_KEY) return checkPricesWithoutKey(work)
  const mode = isLive(env.STRIPE_SECRET_KEY) ? 'live' : 'test'
  try {
    await ctx.stripe.api().paymentIntents.list({ limit: 1 }, { timeout: 5000, maxNetworkRetries: 0 })
  } catch (error) {
    if (!isStripeError(error)) throw error
    const says = `Error with the ${mode} key: ${error.message}`
    if (!isStripeDown(error)) return { state: 'broken', says, todo: 'Check STRIPE_SECRET_KEY.' }
    return {
      state: 'broken',
      says,
      todo: 'Check that this machine can reach Stripe, or STRIPE_API_URL if it is set.',
    }
  }
  const says = `Stripe accepts the ${mode} key.`
  if (ctx.stripe.webhookSecrets.length === 0)
    return {
      state: 'warning',
      says: `${says} Webhooks are refused, because no signing secret is set.`,
      todo: 'Set STRIPE_WEBHOOK_SECRET.',
    }
  if (env.NODE_ENV === 'production' && mode === 'test')
    return { state: 'warning', says: `${says} Payments are not real.`, todo: 'Set a live key.' }
  return ok(`${says} Webhooks are verified.`)
}

async function checkPricesWithoutKey({ ctx }: Work): Promise<Finding> {
  const [row] = await ctx.db.execute<{ priced: number }>(
    sql`SELECT count(*)::int AS priced FROM spaces WHERE price_minor > 0 AND removed_at IS NULL`,
  )
  const says = 'STRIPE_SECRET_KEY is not set. Payments are unavailable.'
  if (!row?.priced) return { state: 'off', says }
  return {
    state: 'warning',
    says: `${says} ${row.priced} spaces have a price and cannot be booked.`,
    todo: 'Set STRIPE_SECRET_KEY, or set the prices to 0.',
  }
}

const PROBLEMS: Record<keyof PaymentProblems, string> = {
  waitingEvents: 'Stripe events waiting',
  failedEvents: 'Stripe events failed',
  waitingJobs: 'jobs waiting',
  failedJobs: 'jobs failed',
  givenUpJobs: 'jobs given up',
  waitingRefunds: 'refunds waiting',
  disputes: 'payments disputed',
}

async function checkPayments({ ctx }: Work): Promise<Finding> {
  const problems = await countPaymentProblems(ctx)
  const kinds = (Object.keys(PROBLEMS) as (keyof PaymentProblems)[]).filter((kind) => problems[kind] > 0)
  if (kinds.length === 0) return ok('No waiting or failed Stripe events, jobs or refunds.')
  return {
    state: 'warning',
    says: `${kinds.map((kind) => `${PROBLEMS[kind]}: ${problems[kind]}`).join(', ')}.`,
    todo: 'Check that a server is running. See admin payments events, jobs and reconcile.',
  }
}
