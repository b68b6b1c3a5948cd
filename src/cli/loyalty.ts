import { InvalidArgumentError } from 'commander'
import { AppError } from '../errors'
import type { Loyalty } from '../schemas/loyalty'
import { correctPoints, loyaltyOf } from '../services/loyalty/loyalty'
import type { Admin, Work } from './command'
import { table } from './console'
import { parseCount } from './parse'
import { findByEmail, parseEmail } from './users'

export function addLoyaltyCommand({ program, on }: Admin): void {
  program
    .command('loyalty')
    .description("somebody's points and tier, and a correction where one is needed")
    .argument('<email>', 'who', parseEmail)
    .option('--correct <points>', 'give so many points; with a minus sign, take them', parsePoints)
    .option('--reason <text>', 'why; they see it')
    .option('--limit <count>', 'how many entries at the most', parseCount, 20)
    .action(on(showLoyalty))
    .addHelpText('after', EXAMPLES)
}

const EXAMPLES = `
Examples:
  bun run admin loyalty customer@example.com
  bun run admin loyalty customer@example.com --correct 50 --reason "The heating was broken"
  bun run admin loyalty customer@example.com --correct=-50 --reason "Given twice"
`

function parsePoints(text: string): number {
  const points = Number(text)
  if (!/^-?\d{1,7}$/.test(text) || points === 0 || Math.abs(points) > 1_000_000)
    throw new InvalidArgumentError('It is not a number of points, up to a million.')
  return points
}

type Options = { correct?: number; reason?: string; limit: number }

async function showLoyalty(
  { ctx, console }: Work,
  email: string,
  { correct: points, reason, limit }: Options,
): Promise<void> {
  if ((points === undefined) !== (reason === undefined))
    throw new AppError('VALIDATION', 'A correction needs both --correct and --reason.')
  const { id } = await findByEmail(ctx, email)
  if (points !== undefined && reason !== undefined) await correctPoints(ctx, { id, points, reason })
  console.show(await loyaltyOf(ctx, { id, limit: Math.min(limit, 100) }), describe)
}

function describe({ points, tier, tierPoints, nextTierAt, entries, nextCursor }: Loyalty): string {
  const next = nextTierAt === null ? '' : `; the next tier begins at ${nextTierAt}`
  return [
    `${points} points, ${tier}: ${tierPoints} earned in twelve months${next}.`,
    table(
      ['points', 'kind', 'booking', 'reason', 'when'],
      entries.map((entry) => [entry.points, entry.kind, entry.bookingId, entry.reason, entry.createdAt]),
      'There are no entries.',
    ),
    ...(nextCursor === null ? [] : ['There are more: ask with --limit.']),
  ].join('\n')
}
