import { and, eq } from 'drizzle-orm'
import type { Context, SignedInContext } from '../../context'
import type { Db, Tx } from '../../db/client'
import { violates } from '../../db/errors'
import { telegramAccounts, type UserRow, users } from '../../db/schema'
import { AppError } from '../../errors'
import type { TelegramProof } from '../../schemas/telegram'
import { type SignedIn, type User, userView } from '../../schemas/users'
import { checkInsChanged, noCalendarChanges, withLocationLocks } from '../calendar/change-location'
import { whereIs } from '../check-ins/check-ins'
import { accountGone, findUser, lockUser } from '../users/users'
import { endAllSessions, signedIn } from './sessions'
import { readProof } from './telegram-login'

/** Verified instead of a missing password hash, so that login takes as long for an unknown email as for a known one. */
const DECOY_HASH =
  '$argon2id$v=19$m=65536,t=2,p=1$aDEBG0ThKCLkIpJID63lkoY3So2hfYP8vsIU+Tzvn1w$9ZZIgv2bqJGvD0Ic37V6UXyq+zrn1mvHekBpSAoL8lA'

/** Creates a user and signs them in. @throws EMAIL_TAKEN, RATE_LIMITED */
export async function register(
  ctx: Context,
  input: { email: string; password: string; name: string },
): Promise<SignedIn> {
  await ctx.limits.countSignIn(ctx.caller, input.email)
  const passwordHash = await hashPassword(input.password)
  try {
    return await ctx.db.transaction(async (tx) => {
      const [user] = await tx
        .insert(users)
        .values({ email: input.email, name: input.name, passwordHash })
        .returning()
      if (!user) throw new Error('the user was not inserted')
      return signedIn(ctx, tx, user)
    })
  } catch (error) {
    if (violates(error, 'users_email_key'))
      throw new AppError('EMAIL_TAKEN', 'An account with this email already exists.')
    throw error
  }
}

/**
 * Signs in with email and password. An unknown email gives the same refusal, as slowly, as a wrong password.
 * @param input.platform shown in the list of sessions
 * @throws RATE_LIMITED, WRONG_CREDENTIALS
 */
export async function logIn(
  ctx: Context,
  input: { email: string; password: string; platform?: string | undefined },
): Promise<SignedIn> {
  await ctx.limits.countSignIn(ctx.caller, input.email)
  const [user] = await ctx.db.select().from(users).where(eq(users.email, input.email))
  const right = await Bun.password.verify(input.password, user?.passwordHash ?? DECOY_HASH).catch(() => false)
  if (!user?.passwordHash || !right) throw wrongCredentials()
  await ctx.limits.forgiveSignIn(input.email)
  const foreign = !user.passwordHash.startsWith('$argon2id$')
  const ownHash = foreign ? await hashPassword(input.password) : undefined
  return ctx.db.transaction(async (tx) => {
    // The password may have changed, or the account may have been deleted, during the slow verification.
    await lockUser(tx, user.id)
    const [now] = await tx
      .select({ passwordHash: users.passwordHash })
      .from(users)
      .where(eq(users.id, user.id))
    if (now?.passwordHash !== user.passwordHash) throw wrongCredentials()
    // Imported users have bcrypt hashes, which the first login replaces.
    if (ownHash) await tx.update(users).set({ passwordHash: ownHash }).where(eq(users.id, user.id))
    const { platform } = input
    return signedIn(ctx, tx, user, platform === undefined ? {} : { platform, device: platform })
  })
}

const wrongCredentials = () => new AppError('WRONG_CREDENTIALS', 'Wrong email or password.')

export const hashPassword = (password: string) => Bun.password.hash(password, { algorithm: 'argon2id' })

/**
 * Updates the caller's account. A new email or password requires the current password, and a new password ends all
 * sessions. A user without a password sends a Telegram proof instead; then the sessions continue.
 * @throws EMAIL_TAKEN, WRONG_CREDENTIALS, RATE_LIMITED, UNAVAILABLE if a Telegram proof is sent and no bot is configured
 */
export async function updateMe(
  ctx: SignedInContext,
  input: {
    name?: string
    email?: string
    language?: User['language']
    hidden?: boolean
    password?: string
    currentPassword?: string
    telegram?: TelegramProof
  },
): Promise<User> {
  const { password, currentPassword, telegram, ...fields } = input
  const me = await findMe(ctx, ctx.db)
  if (password !== undefined || (fields.email !== undefined && fields.email !== me.email)) {
    await ctx.limits.countSignIn(ctx.caller, me.email ?? me.id)
    const right =
      telegram && !me.passwordHash
        ? await isLinkedTo(ctx, me, telegram)
        : await Bun.password.verify(currentPassword ?? '', me.passwordHash ?? DECOY_HASH).catch(() => false)
    if (!right)
      throw new AppError(
        'WRONG_CREDENTIALS',
        'Enter your current password, or confirm with Telegram if you have none.',
      )
  }
  const set = { ...fields, ...(password !== undefined && { passwordHash: await hashPassword(password) }) }
  if (Object.keys(set).length === 0) return userView(me)
  try {
    const user = await changeUser(ctx, set, password !== undefined && me.passwordHash !== null)
    await ctx.cache.drop(`user:${me.id}`)
    return user
  } catch (error) {
    if (violates(error, 'users_email_key'))
      throw new AppError('EMAIL_TAKEN', 'An account with this email already exists.')
    throw error
  }
}

/** Publishes a new name or visibility to the location at which the user is checked in. */
function changeUser(ctx: SignedInContext, set: Partial<UserRow>, endsSessions: boolean): Promise<User> {
  const { id } = ctx.actor
  const isSeen = set.name !== undefined || set.hidden !== undefined
  let seenAt: string[] = []
  const locations = async (tx: Tx) => (seenAt = isSeen ? await whereIs(tx, id) : [])
  return withLocationLocks(ctx, { userId: id, locations }, async (tx) => {
    const former = await findMe(ctx, tx)
    const [row] = await tx.update(users).set(set).where(eq(users.id, id)).returning()
    if (!row) throw accountGone()
    if (endsSessions) await endAllSessions(tx, id)
    const looksNew = row.name !== former.name || row.hidden !== former.hidden
    const changed = looksNew ? seenAt.map(checkInsChanged) : []
    return { result: userView(row), ...noCalendarChanges, changed, notices: [] }
  })
}

async function isLinkedTo(ctx: Context, user: UserRow, proof: TelegramProof): Promise<boolean> {
  const { id } = await readProof(ctx.telegram.token(), proof, Date.now())
  const linked = and(eq(telegramAccounts.telegramId, id), eq(telegramAccounts.userId, user.id))
  return (await ctx.db.$count(telegramAccounts, linked)) > 0
}

export async function findMe(ctx: SignedInContext, db: Db): Promise<UserRow> {
  const row = await findUser(db, eq(users.id, ctx.actor.id))
  if (!row) throw accountGone()
  return row
}
