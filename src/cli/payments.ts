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
  const payments = program
    .command('payments')
    .description('list payments, Stripe events and failed jobs, and compare them with Stripe')
  const limit = () =>
    new Option('--limit <count>', 'maximum number of results').argParser(parseCount).default(100)
  payments
    .command('list')
    .description('list payments, newest first')
    .option('--booking <id>', 'only payments for this booking', parseId)
    .addOption(limit())
    .action(on(showPayments))
    .addHelpText('after', '\nExample:\n  bun run admin payments list --limit 20\n')
  payments
    .command('reconcile')
    .description('compare the payments and refunds of a period with Stripe')
    .option('--from <instant>', `start of the period; default: ${DAYS} days ago`, parseInstant)
    .option('--to <instant>', 'end of the period; default: now', parseInstant)
    .option(
      '--grace <seconds>',
      'ignore changes younger than this, which may be in progress',
      parseWhole,
      120,
    )
    .option('--fix', 'correct the differences, except disputes')
    .action(on(reconcilePayments, { stripe: true }))
    .addHelpText('after', RECONCILE_HELP)
  payments
    .command('events')
    .description('list Stripe events, newest first')
    .addOption(new Option('--state <state>', 'only in this state').choices(StripeEventStateSchema.options))
    .addOption(limit())
    .action(on(showEvents))
    .addHelpText('after', '\nExample:\n  bun run admin payments events --state failed\n')
  payments
    .command('retry')
    .description('process a Stripe event again')
    .addArgument(new Argument('<event>', 'id of the Stripe event').argParser(parseEventId))
    .action(on(retry))
    .addHelpText('after', '\nExample:\n  bun run admin payments retry evt_1Pgc76B7WZ01zgkWwyRHS12y\n')
  payments
    .command('jobs')
    .description('list failed jobs: those to be retried and those given up')
    .action(on(showJobs))
    .addHelpText('after', '\nExample:\n  bun run admin payments jobs --json\n')
}

const DAYS = 4

const RECONCILE_HELP = `
The exit code is 1 if a difference is left.

Examples:
  bun run admin payments reconcile
  bun run admin payments reconcile --from 2027-01-01T00:00:00Z --to 2027-02-01T00:00:00Z --fix
`

function parseEventId(text: string): string {
  if (!StripeEventId.safeParse(text).success)
    throw new InvalidArgumentError('Not the id of a Stripe event, such as evt_1Pgc76B7WZ01zgkW.')
  return text
}

async function showPayments(
  { ctx, console }: Work,
  { limit, booking: bookingId }: { limit: number; booking?: string },
): Promise<void> {
  const { items, more } = await firstItems(limit, (page) => listPayments(ctx, { ...page, bookingId }))
  console.show(items, (shown) => withMore(paymentTable(shown), more))
}

const withMore = (text: string, more: boolean) =>
  more ? `${text}\nMore results exist. Raise --limit to see them.` : text

const paymentTable = (payments: Payment[]) =>
  table(
    ['id', 'status', 'kind', 'amount', 'refunded', 'currency', 'booking', 'created'],
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
    'No payments found.',
  )

type Period = { from?: string; to?: string; grace: number; fix?: boolean }

async function reconcilePayments(
  { ctx, env, console }: Work,
  { from, to, grace, fix = false }: Period,
): Promise<void> {
  const end = to === undefined ? new Date() : new Date(to)
  const begin = from === undefined ? new Date(Date.now() - DAYS * DAY) : new Date(from)
  if (begin >= end) throw new AppError('VALIDATION', '--from must be earlier than --to.')
  const found = await reconcile(ctx, { from: begin, to: end, fix, graceMs: grace * 1000 }).catch(
    throwStripeError,
  )
  const stripe = needsSandbox(env) ? 'the sandbox' : 'Stripe'
  console.show(found, () => describeReconciliation(found, stripe, fix))
  if (found.differences.some(({ mended }) => !mended)) throw new Failed()
}

function throwStripeError(cause: unknown): never {
  if (!isStripeError(cause)) throw cause
  throw new AppError('UNAVAILABLE', `Stripe request failed: ${cause.message}`, { cause })
}

function describeReconciliation(
  { from, to, intents, refunds, differences }: Reconciliation,
  stripe: string,
  fix: boolean,
): string {
  const compared = `Compared ${intents} payments and ${refunds} refunds of ${stripe} from ${from} to ${to}.`
  if (differences.length === 0) return `${compared}\nNo differences.`
  const left = differences.filter(({ mended }) => !mended)
  const corrected = differences.length - left.length
  const fixable = !fix && left.some(({ kind }) => kind !== 'dispute')
  const sum = `${differences.length} differences, ${corrected} corrected.${fixable ? ' Add --fix to correct them.' : ''}`
  return [compared, '', differenceTable(differences), '', sum].join('\n')
}

const differenceTable = (differences: Difference[]) =>
  table(
    ['difference', 'here', 'at Stripe or expected', 'corrected', 'booking', 'payment', 'Stripe id'],
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
    ['id', 'type', 'state', 'attempts', 'received', 'intent', 'error'],
    events.map((one) => [
      one.id,
      one.type,
      one.state,
      one.attempts,
      one.receivedAt,
      one.intentId,
      shorten(one.error),
    ]),
    'No Stripe events found.',
  )

const shorten = (text: string | null) => (text?.split('\n')[0] ?? null)?.slice(0, 100) ?? null

async function retry({ ctx, console }: Work, id: string): Promise<void> {
  console.show(await retryEvent(ctx, { id }), () => `${id} is queued. A running server will process it.`)
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
    ['job', 'subject', 'state', 'attempts', 'next attempt', 'error'],
    jobs.map((job) => [
      job.name,
      job.key?.replace(`${job.name}:`, '') ?? null,
      job.givenUp ? 'given up' : 'retrying',
      job.attempts,
      job.givenUp ? null : iso(job.runAt),
      shorten(job.lastError),
    ]),
    'No failed jobs.',
  )
