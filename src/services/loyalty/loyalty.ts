import { and, asc, desc, eq, isNull, lt, sql } from 'drizzle-orm'
import type { Context, SignedInContext } from '../../context'
import type { Db } from '../../db/client'
import { loyaltyEntries, users } from '../../db/schema'
import { AppError, notFound } from '../../errors'
import type { Page } from '../../schemas/common'
import { type Loyalty, loyaltyEntryView } from '../../schemas/loyalty'
import { pageOf } from '../shared/paging'
import { lockUser } from '../users/users'

/** Returns the caller's points, tier and entries, newest first. */
export const myLoyalty = (ctx: SignedInContext, page: Page): Promise<Loyalty> =>
  readLoyalty(ctx.db, ctx.actor.id, page)

/** Returns any user's points, tier and entries, for admins. @throws NOT_FOUND */
export async function loyaltyOf(ctx: Context, { id, ...page }: Page & { id: string }): Promise<Loyalty> {
  await assertUserFound(ctx.db, id)
  return readLoyalty(ctx.db, id, page)
}

const FIRST_PAGE: Page = { limit: 20 }

/**
 * Adds or removes points by an entry with a reason. A correction does not count towards a tier.
 * @throws NOT_FOUND, NOT_ENOUGH_POINTS if the balance would become negative
 */
export async function correctPoints(
  ctx: Context,
  { id, points, reason }: { id: string; points: number; reason: string },
): Promise<Loyalty> {
  return ctx.db.transaction(async (tx) => {
    await lockUser(tx, id)
    await assertUserFound(tx, id)
    const { points: balance } = await getTier(tx, id)
    if (points < 0 && balance + points < 0) throw notEnoughPoints(balance)
    await tx.insert(loyaltyEntries).values({
      userId: id,
      points,
      kind: 'correction',
      source: `correction:${Bun.randomUUIDv7()}`,
      reason,
      madeBy: ctx.actor.kind === 'user' ? ctx.actor.id : null,
    })
    return readLoyalty(tx, id, FIRST_PAGE)
  })
}

export const notEnoughPoints = (points: number) =>
  new AppError('NOT_ENOUGH_POINTS', `Only ${points} points are available.`)

async function assertUserFound(db: Db, id: string): Promise<void> {
  const exists = and(eq(users.id, id), isNull(users.deletedAt))
  const [user] = await db.select({ id: users.id }).from(users).where(exists)
  if (!user) throw notFound('user')
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

/** Returns all entries of the caller, oldest first. */
export async function exportLoyalty({ db, actor }: SignedInContext): Promise<LoyaltyExport> {
  const own = eq(loyaltyEntries.userId, actor.id)
  const rows = await db.select().from(loyaltyEntries).where(own).orderBy(asc(loyaltyEntries.id))
  return { loyalty: rows.map(loyaltyEntryView) }
}

type TierState = Pick<Loyalty, 'points' | 'tier' | 'tierPoints' | 'nextTierAt'> & Loyalty['benefits']

/** Returns a user's balance of points, tier and benefits. */
export async function getTier(db: Db, userId: string): Promise<TierState> {
  const [state] = await db.execute<TierState>(
    sql`SELECT points, tier, tier_points AS "tierPoints", next_tier_at AS "nextTierAt",
        discount_percent AS "discountPercent", extra_notice_days AS "extraNoticeDays" FROM loyalty_standing(${userId}::uuid)`,
  )
  if (!state) throw new Error('loyalty_standing returned no row')
  return state
}

type Price = { priceMinor: number; depositMinor: number; currency: string }

/** Applies the discount of a user's tier to a price and its deposit. Amounts are in minor units. */
export async function priceFor(
  db: Db,
  userId: string,
  { priceMinor, depositMinor, currency }: Price,
): Promise<{ priceMinor: number; depositMinor: number; discountMinor: number }> {
  const [price] = await db.execute<{ priceMinor: number; depositMinor: number; discountMinor: number }>(
    sql`SELECT price_minor AS "priceMinor", deposit_minor AS "depositMinor", discount_minor AS "discountMinor"
      FROM loyalty_price(${userId}::uuid, ${priceMinor}::integer, ${depositMinor}::integer, ${currency})`,
  )
  if (!price) throw new Error('loyalty_price returned no row')
  return price
}
