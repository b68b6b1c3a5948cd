import { Argument, InvalidArgumentError, Option } from 'commander'
import { AppError } from '../errors'
import { isStripeError, needsSandbox } from '../lib/stripe'
import { DAY, iso } from '../lib/time'
import { type Payment, type StripeEvent, StripeEventId, StripeEventStateSchema } from '../schemas/payments'
import { type JobReport, listFailedJobs } from '../services/jobs/jobs'
import type { Difference } from '../services/payments/difference'
import { listPayments } from '../services/payments/payments'
import { type Reconciliation, reconcile } from '../services/payments/reconcile'
import { listEvents, retryEvent } from '../services/payments/stripe-events'
import { type Admin, Failed, type Work } from './command'
import { table } from './console'
import { firstItems } from './pages'
import { parseCount, parseId, parseInstant, parseWhole } from './parse'

export function addPaymentCommands({ program, on }: Admin): void {
  const payments = program.command('payments').description('money: what Stripe has, and what is here')
  const limit = () => new Option('--limit <count>', 'how many at the most').argParser(parseCount).default(100)
  payments
    .command('list')
    .description('payments, the newest first')
    .option('--booking <id>', 'only those of one booking', parseId)
    .addOption(limit())
    .action(on(showPayments))
    .addHelpText('after', '\nExample:\n  bun run admin payments list --limit 20\n')
  payments
    .command('reconcile')
    .description('hold what Stripe has of a period against what is here')
    .option('--from <instant>', `the begin of the period; without it ${DAYS} days ago`, parseInstant)
    .option('--to <instant>', 'its end; without it now', parseInstant)
    .option('--grace <seconds>', 'leave alone what is younger, since it is under way', parseWhole, 120)
    .option('--fix', 'mend what can be mended; a dispute is for a person')
    .action(on(reconcilePayments, { stripe: true }))
    .addHelpText('after', RECONCILE_HELP)
  payments
    .command('events')
    .description('what Stripe has told us, the newest first')
    .addOption(new Option('--state <state>', 'only these').choices(StripeEventStateSchema.options))
    .addOption(limit())
    .action(on(showEvents))
    .addHelpText('after', '\nExample:\n  bun run admin payments events --state failed\n')
  payments
    .command('retry')
    .description('ask for an event to be worked on again, at once')
    .addArgument(new Argument('<event>', "the event's id at Stripe").argParser(parseEventId))
    .action(on(retry))
    .addHelpText('after', '\nExample:\n  bun run admin payments retry evt_1Pgc76B7WZ01zgkWwyRHS12y\n')
  payments
    .command('jobs')
    .description('durable jobs that failed: those that are tried again, and those that were given up')
    .action(on(showJobs))
    .addHelpText('after', '\nExample:\n  bun run admin payments jobs --json\n')
}

const DAYS = 4

const RECONCILE_HELP = `
Exit code 1 where a difference is left.

Examples:
  bun run admin payments reconcile
  bun run admin payments reconcile --from 2027-01-01T00:00:00Z --to 2027-02-01T00:00:00Z --fix
`

function parseEventId(text: string): string {
  if (!StripeEventId.safeParse(text).success)
    throw new InvalidArgumentError("It is not the id of an event of Stripe's, such as evt_1Pgc76B7WZ01zgkW.")
  return text
}

async function showPayments(
  { ctx, console }: Work,
  { limit, booking: bookingId }: { limit: number; booking?: string },
): Promise<void> {
  const { items, more } = await firstItems(limit, (page) => listPayments(ctx, { ...page, bookingId }))
  console.show(items, (shown) => withMore(paymentTable(shown), more))
}

const withMore = (text: string, more: boolean) => (more ? `${text}\nThere are more: ask with --limit.` : text)

const paymentTable = (payments: Payment[]) =>
  table(
    ['id', 'status', 'for', 'amount', 'given back', 'currency', 'booking', 'begun'],
    payments.map((one) => [
      one.id,
      one.status,
      one.kind,
      one.amountMinor,
      one.refundedMinor,
      one.currency,
      one.bookingId,
      one.createdAt,
    ]),
    'There is none.',
  )

type Period = { from?: string; to?: string; grace: number; fix?: boolean }

async function reconcilePayments(
  { ctx, env, console }: Work,
  { from, to, grace, fix = false }: Period,
): Promise<void> {
  const end = to === undefined ? new Date() : new Date(to)
  const begin = from === undefined ? new Date(Date.now() - DAYS * DAY) : new Date(from)
  if (begin >= end) throw new AppError('VALIDATION', 'The period ends before it begins.')
  const found = await reconcile(ctx, { from: begin, to: end, fix, graceMs: grace * 1000 }).catch(
    sayWhatStripeSaid,
  )
  const stripe = needsSandbox(env) ? 'the sandbox' : 'Stripe'
  console.show(found, () => describeReconciliation(found, stripe, fix))
  if (found.differences.some(({ mended }) => !mended)) throw new Failed()
}

function sayWhatStripeSaid(cause: unknown): never {
  if (!isStripeError(cause)) throw cause
  throw new AppError('UNAVAILABLE', `Stripe does not answer as it should: ${cause.message}`, { cause })
}

function describeReconciliation(
  { from, to, intents, refunds, differences }: Reconciliation,
  stripe: string,
  fix: boolean,
): string {
  const held = `From ${from} to ${to}: ${intents} payments and ${refunds} refunds of ${stripe} were looked at.`
  if (differences.length === 0) return `${held}\nEverything agrees.`
  const left = differences.filter(({ mended }) => !mended)
  const mended = differences.length - left.length
  const fixable = !fix && left.some(({ kind }) => kind !== 'dispute')
  const sum = `${differences.length} differences, ${mended} mended.${fixable ? ' To mend them, add --fix.' : ''}`
  return [held, '', differenceTable(differences), '', sum].join('\n')
}

const differenceTable = (differences: Difference[]) =>
  table(
    ['what', 'here', 'at Stripe, or as it should be', 'mended', 'booking', 'payment', "Stripe's id"],
    differences.map((one) => [
      one.kind,
      one.ours,
      one.stripes,
      one.mended ? 'yes' : 'no',
      one.bookingId,
      one.paymentId,
      one.stripeId,
    ]),
  )

async function showEvents(
  { ctx, console }: Work,
  { limit, state }: { limit: number; state?: StripeEvent['state'] },
): Promise<void> {
  const { items, more } = await firstItems(limit, (page) => listEvents(ctx, { ...page, state }))
  console.show(items, (shown) => withMore(eventTable(shown), more))
}

const eventTable = (events: StripeEvent[]) =>
  table(
    ['id', 'type', 'state', 'tried', 'came', 'about', 'error'],
    events.map((one) => [
      one.id,
      one.type,
      one.state,
      one.attempts,
      one.receivedAt,
      one.intentId,
      shorten(one.error),
    ]),
    'There is none.',
  )

const shorten = (text: string | null) => (text?.split('\n')[0] ?? null)?.slice(0, 100) ?? null

async function retry({ ctx, console }: Work, id: string): Promise<void> {
  console.show(await retryEvent(ctx, { id }), () => `${id} waits to be worked on, by any server that runs.`)
}

async function showJobs({ ctx, console }: Work): Promise<void> {
  const jobs = await listFailedJobs(ctx.db)
  console.show(
    jobs.map((job) => ({ ...job, runAt: iso(job.runAt) })),
    () => jobTable(jobs),
  )
}

const jobTable = (jobs: JobReport[]) =>
  table(
    ['job', 'about', 'state', 'tried', 'next', 'error'],
    jobs.map((job) => [
      job.name,
      job.key?.replace(`${job.name}:`, '') ?? null,
      job.givenUp ? 'given up' : 'is tried again',
      job.attempts,
      job.givenUp ? null : iso(job.runAt),
      shorten(job.lastError),
    ]),
    'No job has failed.',
  )
