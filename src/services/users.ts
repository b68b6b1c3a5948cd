import { and, asc, eq, gt, isNull, sql } from 'drizzle-orm'
import type { Role } from '../actor'
import type { Context, SignedInContext } from '../context'
import { type Db, prepared } from '../db/client'
import { users } from '../db/schema'
import { AppError, notFound } from '../errors'
import type { Page } from '../shapes/common'
import { type User, userView } from '../shapes/users'
import { pageOf } from './paging'

/** Everyone who has an account, in the order in which they came; `search` looks into names and e-mails. */
export async function listUsers(ctx: Context, { search, ...page }: Page & { search?: string | undefined }) {
  const like = search && `%${search.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`
  const rows = await ctx.db
    .select()
    .from(users)
    .where(
      and(
        isNull(users.deletedAt),
        like ? sql`(${users.email} LIKE ${like} OR lower(${users.name}) LIKE ${like})` : undefined,
        page.cursor ? gt(users.id, page.cursor) : undefined,
      ),
    )
    .orderBy(asc(users.id))
    .limit(page.limit + 1)
  return pageOf(rows, page, userView)
}

/** @throws NOT_FOUND, NOT_ALLOWED for one's own role, so that there is always an admin left */
export async function updateUser(
  ctx: SignedInContext,
  { id, role }: { id: string; role?: User['role'] | undefined },
): Promise<User> {
  if (role && id === ctx.actor.id) throw new AppError('NOT_ALLOWED', 'Nobody changes their own role.')
  const there = and(eq(users.id, id), isNull(users.deletedAt))
  const [row] = role
    ? await ctx.db.update(users).set({ role }).where(there).returning()
    : await ctx.db.select().from(users).where(there)
  if (!row) throw notFound('user')
  return userView(row)
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
