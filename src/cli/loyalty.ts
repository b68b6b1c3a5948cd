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
    .description("show or correct a user's points and tier")
    .argument('<email>', 'email of the user', parseEmail)
    .option('--correct <points>', 'add points, or take them with a negative number', parsePoints)
    .option('--reason <text>', 'reason for the correction, shown to the user')
    .option('--limit <count>', 'maximum number of entries', parseCount, 20)
    .action(on(showLoyalty))
    .addHelpText('after', EXAMPLES)
}

const EXAMPLES = `
Examples:
  bun run admin loyalty customer@example.com
  bun run admin loyalty customer@example.com --correct 50 --reason "The heating was broken"
  bun run admin loyalty customer@example.com --correct=-50 --reason "Added twice by mistake"
`

function parsePoints(text: string): number {
  const points = Number(text)
  if (!/^-?\d{1,7}$/.test(text) || points === 0 || Math.abs(points) > 1_000_000)
    throw new InvalidArgumentError('Not a number of points from -1000000 to 1000000 other than 0.')
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
  const next = nextTierAt === null ? '' : `; the next tier starts at ${nextTierAt}`
  return [
    `${points} points, tier ${tier} with ${tierPoints} points in 12 months${next}.`,
    table(
      ['points', 'kind', 'booking', 'reason', 'created'],
      entries.map((entry) => [entry.points, entry.kind, entry.bookingId, entry.reason, entry.createdAt]),
      'No entries yet.',
    ),
    ...(nextCursor === null ? [] : ['More entries exist. Raise --limit to see them.']),
  ].join('\n')
}
