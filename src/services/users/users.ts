import { and, asc, eq, gt, isNull, type SQL, sql } from 'drizzle-orm'
import type { Role } from '../../actor'
import type { Context, SignedInContext } from '../../context'
import { type Db, prepared, type Tx } from '../../db/client'
import { type UserRow, users } from '../../db/schema'
import { AppError, notFound } from '../../errors'
import { MINUTE } from '../../lib/time'
import type { Page } from '../../schemas/common'
import { type User, userView } from '../../schemas/users'
import { pageOf } from '../shared/paging'

/** Lists users, oldest first. `search` matches part of a name or email. */
export async function listUsers(
  ctx: Context,
  { search, role, ...page }: Page & { search?: string | undefined; role?: User['role'] | undefined },
) {
  const like = search && `%${search.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`
  const read = (db: Db) =>
    db
      .select()
      .from(users)
      .where(
        and(
          isNull(users.deletedAt),
          like ? sql`(${users.email} LIKE ${like} OR lower(${users.name}) LIKE ${like})` : undefined,
          role ? eq(users.role, role) : undefined,
          page.cursor ? gt(users.id, page.cursor) : undefined,
        ),
      )
      .orderBy(asc(users.id))
      .limit(page.limit + 1)
  if (!like) return pageOf(await read(ctx.db), page, userView)
  const rows = await ctx.db.transaction(async (tx) => {
    // A generic plan reads all users if no name matches.
    await tx.execute(sql`SET LOCAL plan_cache_mode = force_custom_plan`)
    return read(tx)
  })
  return pageOf(rows, page, userView)
}

/**
 * Changes a user's role. Checks the caller's role under the lock and refuses a change of the caller's own role, so that
 * at least one admin remains even if two demote each other at once.
 * @throws NOT_FOUND, NOT_ALLOWED
 */
export async function updateUser(
  ctx: SignedInContext,
  { id, role }: { id: string; role?: User['role'] | undefined },
): Promise<User> {
  if (role && id === ctx.actor.id) throw new AppError('NOT_ALLOWED', 'You cannot change your own role.')
  return ctx.db.transaction(async (tx) => {
    const both = sql`${users.id} IN (${ctx.actor.id}, ${id})`
    await tx.select({ id: users.id }).from(users).where(both).orderBy(users.id).for('no key update')
    if ((await readRole(tx, ctx.actor.id)) !== 'admin')
      throw new AppError('NOT_ALLOWED', 'Only an admin can do this.')
    if (role) return setRole(tx, { id, role })
    const row = await findUser(tx, eq(users.id, id))
    if (!row) throw notFound('user')
    return userView(row)
  })
}

/** Sets a role without checking the caller. @throws NOT_FOUND */
export async function setRole(db: Db, { id, role }: Pick<User, 'id' | 'role'>): Promise<User> {
  const [row] = await db
    .update(users)
    .set({ role })
    .where(existing(eq(users.id, id)))
    .returning()
  if (!row) throw notFound('user')
  return userView(row)
}

/** Returns the caller. Only the role is never cached. @throws NOT_SIGNED_IN if the account was deleted */
export async function getMe(ctx: SignedInContext): Promise<User> {
  const { id, role } = ctx.actor
  const options = { tag: `user:${id}` as const, maxAgeMs: ME_MAX_AGE_MS, exact: true }
  const me = await ctx.cache.shared(`me:${id}`, options, async () => {
    const row = await findUser(ctx.db, eq(users.id, id))
    if (!row) throw accountGone()
    return userView(row)
  })
  return { ...me, role }
}

const ME_MAX_AGE_MS = 10 * MINUTE

const existing = (condition: SQL) => and(condition, isNull(users.deletedAt))

/** Ignores deleted users. */
export async function findUser(db: Db, condition: SQL): Promise<UserRow | undefined> {
  const [row] = await db.select().from(users).where(existing(condition))
  return row
}

const roleQuery = prepared((db) =>
  db
    .select({ role: users.role, deletedAt: users.deletedAt })
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .prepare('role'),
)

/** Reads the user's current role; a token may be out of date. @throws NOT_SIGNED_IN if the account was deleted */
export async function readRole(db: Db, id: string): Promise<Role> {
  const [user] = await roleQuery(db).execute({ id })
  if (!user || user.deletedAt) throw accountGone()
  return user.role
}

export const accountGone = () => new AppError('NOT_SIGNED_IN', 'This account no longer exists.')

/** Needed to count a user's holds, end sessions or delete the account. Take it before locations and calendars. */
export const lockUser = (tx: Tx, userId: string) =>
  tx.select({ id: users.id }).from(users).where(sql`${users.id} = ${userId}`).for('no key update')
