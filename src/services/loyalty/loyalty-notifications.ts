import { and, eq, sql } from 'drizzle-orm'
import type { Context } from '../../context'
import type { Tx } from '../../db/client'
import { type LoyaltyEntryRow, loyaltyEntries } from '../../db/schema'
import { type Notice, notify } from '../notifications/notify'
import { getTier } from './loyalty'

/**
 * Notifies a user once of points earned and of a tier reached with them, unless the points were clawed back in the meantime.
 * A tier that is lost and reached again is announced at most once per calendar month.
 */
export async function notifyPoints(ctx: Context, { entryId }: { entryId: string }): Promise<void> {
  await ctx.db.transaction(async (tx) => {
    const [entry] = await tx.select().from(loyaltyEntries).where(eq(loyaltyEntries.id, entryId))
    if (!entry || (await isUndone(tx, entry))) return
    const { userId, points, bookingId, source } = entry
    const state = await getTier(tx, userId)
    const { points: total, tier, discountPercent, extraNoticeDays } = state
    const notices: Notice[] = [{ kind: 'points_earned', userId, source, bookingId, points, total }]
    if ((await tierAt(tx, state.tierPoints - points)) !== tier) {
      const month = new Date().toISOString().slice(0, 7)
      const benefits = { tier, discountPercent, extraNoticeDays }
      notices.push({ kind: 'tier_reached', userId, source: `${tier}:${month}`, bookingId: null, ...benefits })
    }
    await notify(tx, ...notices)
  })
}

/** Whether claw-backs have cancelled the points earned in this way for this booking. */
async function isUndone(tx: Tx, { bookingId, source }: LoyaltyEntryRow): Promise<boolean> {
  if (bookingId === null) return false
  const [remaining] = await tx
    .select({ points: sql`sum(${loyaltyEntries.points})`.mapWith(Number) })
    .from(loyaltyEntries)
    .where(
      and(
        eq(loyaltyEntries.bookingId, bookingId),
        sql`split_part(${loyaltyEntries.source}, ':', 1) = split_part(${source}, ':', 1)`,
      ),
    )
  return (remaining?.points ?? 0) <= 0
}

async function tierAt(tx: Tx, points: number): Promise<string | undefined> {
  const [row] = await tx.execute<{ tier: string }>(
    sql`SELECT tier FROM loyalty_tiers() WHERE begins_at <= ${Math.max(0, points)} ORDER BY begins_at DESC LIMIT 1`,
  )
  return row?.tier
}
