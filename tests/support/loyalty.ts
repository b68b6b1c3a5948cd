import { desc, eq, sql } from 'drizzle-orm'
import { systemContext } from '../../src/context'
import { loyaltyEntries } from '../../src/db/schema'
import type { RunningServer } from '../../src/server'
import { correctPoints } from '../../src/services/loyalty/loyalty'
import type { TestPerson } from './world'

type Someone = Pick<TestPerson, 'id'>

/** Adds points that do not count towards a tier. */
export const givePoints = ({ deps }: RunningServer, { id }: Someone, points: number) =>
  correctPoints(systemContext(deps, 'clock'), { id, points, reason: 'Welcome' })

/** Adds points as if a booking had earned them in the past. */
export async function earnPoints({ deps }: RunningServer, { id }: Someone, points: number, daysAgo = 1) {
  await deps.db.insert(loyaltyEntries).values({
    userId: id,
    points,
    kind: 'earned',
    source: `earn:${Bun.randomUUIDv7()}:1`,
    createdAt: new Date(Date.now() - daysAgo * 86_400_000),
  })
}

/** Kind and points of each entry of a user, newest first. */
export async function ledgerOf({ deps }: RunningServer, { id }: Someone): Promise<[string, number][]> {
  const rows = await deps.db
    .select()
    .from(loyaltyEntries)
    .where(eq(loyaltyEntries.userId, id))
    .orderBy(desc(loyaltyEntries.createdAt), desc(loyaltyEntries.id))
  return rows.map(({ kind, points }) => [kind, points])
}

export async function balanceOf({ deps }: RunningServer, { id }: Someone): Promise<number> {
  const [sum] = await deps.db.execute<{ points: number }>(
    sql`SELECT coalesce(sum(points), 0)::int AS points FROM loyalty_entries WHERE user_id = ${id}`,
  )
  return sum?.points ?? 0
}
