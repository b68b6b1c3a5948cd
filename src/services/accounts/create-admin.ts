import { and, eq, isNull } from 'drizzle-orm'
import type { Context } from '../../context'
import { violates } from '../../db/errors'
import { users } from '../../db/schema'
import { type User, userView } from '../../schemas/users'
import { hashPassword } from './accounts'

/** Creates an admin. An existing user with this email is promoted instead and keeps name and password. */
export async function createAdmin(
  ctx: Context,
  { email, name, password }: { email: string; name: string; password: string },
): Promise<{ user: User; created: boolean }> {
  const promoted = await promote(ctx, email)
  if (promoted) return { user: promoted, created: false }
  try {
    const passwordHash = await hashPassword(password)
    const [row] = await ctx.db.insert(users).values({ email, name, passwordHash, role: 'admin' }).returning()
    if (!row) throw new Error('the admin was not inserted')
    return { user: userView(row), created: true }
  } catch (error) {
    const meanwhile = violates(error, 'users_email_key') && (await promote(ctx, email))
    if (meanwhile) return { user: meanwhile, created: false }
    throw error
  }
}

async function promote({ db }: Context, email: string): Promise<User | undefined> {
  const [row] = await db
    .update(users)
    .set({ role: 'admin' })
    .where(and(eq(users.email, email), isNull(users.deletedAt)))
    .returning()
  return row && userView(row)
}
