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

/** Everyone who has an account, in the order in which they came; `search` looks into names and e-mails. */
export async function listUsers(
  ctx: Context,
  { search, role, ...page }: Page & { search?: string | undefined; role?: User['role'] | undefined },
) {
  const like = search && `%${search.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`
  const rows = await ctx.db
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
  return pageOf(rows, page, userView)
}

/**
 * Gives somebody another role, as long as the actor is an admin when it happens: of two who demote each other at once, one
 * does. @throws NOT_FOUND, NOT_ALLOWED also for one's own role, so that there is always an admin left
 */
export async function updateUser(
  ctx: SignedInContext,
  { id, role }: { id: string; role?: User['role'] | undefined },
): Promise<User> {
  if (role && id === ctx.actor.id) throw new AppError('NOT_ALLOWED', 'Nobody changes their own role.')
  return ctx.db.transaction(async (tx) => {
    const people = sql`${users.id} IN (${ctx.actor.id}, ${id})`
    await tx.select({ id: users.id }).from(users).where(people).orderBy(users.id).for('no key update')
    if ((await readRole(tx, ctx.actor.id)) !== 'admin')
      throw new AppError('NOT_ALLOWED', 'Only admins may do this.')
    if (role) return setRole(tx, { id, role })
    const row = await findUser(tx, eq(users.id, id))
    if (!row) throw notFound('user')
    return userView(row)
  })
}

/** For the operator of a server, who is nobody of those that have an account. @throws NOT_FOUND */
export async function setRole(db: Db, { id, role }: Pick<User, 'id' | 'role'>): Promise<User> {
  const [row] = await db
    .update(users)
    .set({ role })
    .where(existing(eq(users.id, id)))
    .returning()
  if (!row) throw notFound('user')
  return userView(row)
}

/** The role is what it is at this call; the rest may be cached. @throws NOT_SIGNED_IN where the account is gone */
export async function getMe(ctx: SignedInContext): Promise<User> {
  const { id, role } = ctx.actor
  const how = { tag: `user:${id}` as const, maxAgeMs: ME_MAX_AGE_MS, exact: true }
  const me = await ctx.cache.shared(`me:${id}`, how, async () => {
    const row = await findUser(ctx.db, eq(users.id, id))
    if (!row) throw accountGone()
    return userView(row)
  })
  return { ...me, role }
}

const ME_MAX_AGE_MS = 10 * MINUTE

const existing = (who: SQL) => and(who, isNull(users.deletedAt))

/** Nobody who has left. */
export async function findUser(db: Db, who: SQL): Promise<UserRow | undefined> {
  const [row] = await db.select().from(users).where(existing(who))
  return row
}

const roleQuery = prepared((db) =>
  db
    .select({ role: users.role, deletedAt: users.deletedAt })
    .from(users)
    .where(eq(users.id, sql.placeholder('id')))
    .prepare('role'),
)

/** What a person may do now, whatever their token says. @throws NOT_SIGNED_IN where the account is gone */
export async function readRole(db: Db, id: string): Promise<Role> {
  const [user] = await roleQuery(db).execute({ id })
  if (!user || user.deletedAt) throw accountGone()
  return user.role
}

export const accountGone = () => new AppError('NOT_SIGNED_IN', 'This account no longer exists.')

/** Locks a person against everything that counts or ends what is theirs. Comes before the calendars. */
export const lockUser = (tx: Tx, userId: string) =>
  tx.select({ id: users.id }).from(users).where(sql`${users.id} = ${userId}`).for('no key update')
