import { and, eq, sql } from 'drizzle-orm'
import type { Context } from '../../context'
import type { Tx } from '../../db/client'
import { type LoyaltyEntryRow, loyaltyEntries } from '../../db/schema'
import { type Notice, notify } from '../notifications/notify'
import { getTier } from './loyalty'

/**
 * Tells a person of points that they have earned, and of the tier that they have reached with them; once, and not where
 * they were clawed back meanwhile. A tier that is lost and reached again is told again, but not within a month.
 */
export async function notifyPoints(ctx: Context, { entryId }: { entryId: string }): Promise<void> {
  await ctx.db.transaction(async (tx) => {
    const [entry] = await tx.select().from(loyaltyEntries).where(eq(loyaltyEntries.id, entryId))
    if (!entry || (await isUndone(tx, entry))) return
    const { userId, points, bookingId, source } = entry
    const standing = await getTier(tx, userId)
    const { points: total, tier, discountPercent, extraNoticeDays } = standing
    const notices: Notice[] = [{ kind: 'points_earned', userId, source, bookingId, points, total }]
    if ((await tierAt(tx, standing.tierPoints - points)) !== tier) {
      const month = new Date().toISOString().slice(0, 7)
      const benefits = { tier, discountPercent, extraNoticeDays }
      notices.push({ kind: 'tier_reached', userId, source: `${tier}:${month}`, bookingId: null, ...benefits })
    }
    await notify(tx, ...notices)
  })
}

/** Whether nothing is left of what was earned in this way for this booking. */
async function isUndone(tx: Tx, { bookingId, source }: LoyaltyEntryRow): Promise<boolean> {
  if (bookingId === null) return false
  const [left] = await tx
    .select({ points: sql`sum(${loyaltyEntries.points})`.mapWith(Number) })
    .from(loyaltyEntries)
    .where(
      and(
        eq(loyaltyEntries.bookingId, bookingId),
        sql`split_part(${loyaltyEntries.source}, ':', 1) = split_part(${source}, ':', 1)`,
      ),
    )
  return (left?.points ?? 0) <= 0
}

async function tierAt(tx: Tx, points: number): Promise<string | undefined> {
  const [row] = await tx.execute<{ tier: string }>(
    sql`SELECT tier FROM loyalty_tiers() WHERE begins_at <= ${Math.max(0, points)} ORDER BY begins_at DESC LIMIT 1`,
  )
  return row?.tier
}
