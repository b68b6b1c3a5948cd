import { and, asc, desc, eq, isNull, lt, sql } from 'drizzle-orm'
import type { Context, SignedInContext } from '../../context'
import type { Db } from '../../db/client'
import { loyaltyEntries, users } from '../../db/schema'
import { AppError, notFound } from '../../errors'
import type { Page } from '../../schemas/common'
import { type Loyalty, loyaltyEntryView } from '../../schemas/loyalty'
import { pageOf } from '../shared/paging'
import { lockUser } from '../users/users'

/** One's own points, tier and entries, the newest first. */
export const myLoyalty = (ctx: SignedInContext, page: Page): Promise<Loyalty> =>
  readLoyalty(ctx.db, ctx.actor.id, page)

/** The same of anybody, for operators. @throws NOT_FOUND */
export async function loyaltyOf(ctx: Context, { id, ...page }: Page & { id: string }): Promise<Loyalty> {
  await assertUserFound(ctx.db, id)
  return readLoyalty(ctx.db, id, page)
}

const CORRECTED: Page = { limit: 20 }

/**
 * Gives points, or takes some that are there, by an entry that says why. What an operator gives counts for no tier.
 * @throws NOT_FOUND, NOT_ENOUGH_POINTS where it would take more than there is
 */
export async function correctPoints(
  ctx: Context,
  { id, points, reason }: { id: string; points: number; reason: string },
): Promise<Loyalty> {
  return ctx.db.transaction(async (tx) => {
    await lockUser(tx, id)
    await assertUserFound(tx, id)
    const standing = await getTier(tx, id)
    if (points < 0 && standing.points + points < 0) throw notEnoughPoints(standing.points)
    await tx.insert(loyaltyEntries).values({
      userId: id,
      points,
      kind: 'correction',
      source: `correction:${Bun.randomUUIDv7()}`,
      reason,
      madeBy: ctx.actor.kind === 'user' ? ctx.actor.id : null,
    })
    return readLoyalty(tx, id, CORRECTED)
  })
}

export const notEnoughPoints = (points: number) =>
  new AppError('NOT_ENOUGH_POINTS', `There are ${points} points, and no more.`)

async function assertUserFound(db: Db, id: string): Promise<void> {
  const there = and(eq(users.id, id), isNull(users.deletedAt))
  const [person] = await db.select({ id: users.id }).from(users).where(there)
  if (!person) throw notFound('user')
}

async function readLoyalty(db: Db, userId: string, page: Page): Promise<Loyalty> {
  const { points, tier, tierPoints, nextTierAt, discountPercent, extraNoticeDays } = await getTier(db, userId)
  const rows = await db
    .select()
    .from(loyaltyEntries)
    .where(
      and(eq(loyaltyEntries.userId, userId), page.cursor ? lt(loyaltyEntries.id, page.cursor) : undefined),
    )
    .orderBy(desc(loyaltyEntries.id))
    .limit(page.limit + 1)
  const { items: entries, nextCursor } = pageOf(rows, page, loyaltyEntryView)
  const benefits = { discountPercent, extraNoticeDays }
  return { points, tier, tierPoints, nextTierAt, benefits, entries, nextCursor }
}

export type LoyaltyExport = { loyalty: Loyalty['entries'] }

/** Every entry of one's own, the oldest first. */
export async function exportLoyalty({ db, actor }: SignedInContext): Promise<LoyaltyExport> {
  const own = eq(loyaltyEntries.userId, actor.id)
  const rows = await db.select().from(loyaltyEntries).where(own).orderBy(asc(loyaltyEntries.id))
  return { loyalty: rows.map(loyaltyEntryView) }
}

type TierState = Pick<Loyalty, 'points' | 'tier' | 'tierPoints' | 'nextTierAt'> & Loyalty['benefits']

/** Where a person stands: what they have to spend, and their tier with what it gives. */
export async function getTier(db: Db, userId: string): Promise<TierState> {
  const [standing] = await db.execute<TierState>(
    sql`SELECT points, tier, tier_points AS "tierPoints", next_tier_at AS "nextTierAt",
        discount_percent AS "discountPercent", extra_notice_days AS "extraNoticeDays" FROM loyalty_standing(${userId}::uuid)`,
  )
  if (!standing) throw new Error('nobody stands nowhere')
  return standing
}

type Price = { priceMinor: number; depositMinor: number; currency: string }

/** What a price and its deposit are for a person, whose tier may take something off. */
export async function priceFor(
  db: Db,
  userId: string,
  { priceMinor, depositMinor, currency }: Price,
): Promise<{ priceMinor: number; depositMinor: number; discountMinor: number }> {
  const [price] = await db.execute<{ priceMinor: number; depositMinor: number; discountMinor: number }>(
    sql`SELECT price_minor AS "priceMinor", deposit_minor AS "depositMinor", discount_minor AS "discountMinor"
      FROM loyalty_price(${userId}::uuid, ${priceMinor}::integer, ${depositMinor}::integer, ${currency})`,
  )
  if (!price) throw new Error('a price was not found out')
  return price
}
