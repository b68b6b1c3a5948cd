import { and, eq, gt, isNull, ne, sql } from 'drizzle-orm'
import type { Context, SignedInContext } from '../../context'
import type { Db, Tx } from '../../db/client'
import { violates } from '../../db/errors'
import {
  type TelegramAccountRow,
  telegramAccounts,
  telegramLinkCodes,
  type UserRow,
  users,
} from '../../db/schema'
import { AppError, notFound } from '../../errors'
import { iso } from '../../lib/time'
import type { TelegramAccount, TelegramCode, TelegramProof } from '../../schemas/telegram'
import type { SignedIn } from '../../schemas/users'
import { createSecret, hashSecret } from '../shared/secrets'
import { accountGone, lockUser } from '../users/users'
import { signedIn } from './sessions'
import { readProof, type TelegramPerson } from './telegram-login'

const CODE_SECONDS = 600

/**
 * Signs in whom Telegram says somebody is; who was never here gets an account. The same proof may come again while it is
 * young enough, since a page that is loaded again sends it again.
 * @throws WRONG_CREDENTIALS, UNAVAILABLE where no bot is set up
 */
export async function signInWithTelegram(ctx: Context, input: TelegramProof): Promise<SignedIn> {
  const { platform, reachable, ...person } = await readProof(ctx.telegram.token(), input, Date.now())
  return enter(ctx, person, reachable, (tx, user) => signedIn(ctx, tx, user, { platform }))
}

/** The account of somebody at Telegram, which is opened where there is none. */
export const openAccount = (ctx: Context, person: TelegramPerson): Promise<UserRow> =>
  enter(ctx, person, true, (_tx, user) => Promise.resolve(user))

async function enter<T>(
  ctx: Context,
  person: TelegramPerson,
  reachable: boolean,
  run: (tx: Tx, user: UserRow) => Promise<T>,
): Promise<T> {
  const attempt = () =>
    ctx.db.transaction(async (tx) => {
      const known = await refreshAccount(tx, person, reachable)
      return run(tx, known ?? (await createAccount(tx, person, reachable)))
    })
  try {
    return await attempt()
  } catch (error) {
    // Somebody else, most likely the same person on another server, has opened it meanwhile.
    if (violates(error, 'telegram_accounts_pkey')) return attempt()
    throw error
  }
}

/** Takes the name that somebody has at Telegram now. @returns whose account it is; nothing where there is none */
async function refreshAccount(
  tx: Tx,
  { id, name, username }: TelegramPerson,
  reachable: boolean,
): Promise<UserRow | undefined> {
  const [found] = await tx
    .select({ userId: telegramAccounts.userId })
    .from(telegramAccounts)
    .where(eq(telegramAccounts.telegramId, id))
  if (!found) return undefined
  // Whoever deletes or unlinks locks the person first as well: in another order the two would wait for each other.
  await lockUser(tx, found.userId)
  const [still] = await tx
    .update(telegramAccounts)
    .set({ name, username, ...(reachable && { reachable }) })
    .where(and(eq(telegramAccounts.telegramId, id), eq(telegramAccounts.userId, found.userId)))
    .returning({ userId: telegramAccounts.userId })
  return still && findLinked(tx, id)
}

async function createAccount(
  tx: Tx,
  { id, name, username, language }: TelegramPerson,
  reachable: boolean,
): Promise<UserRow> {
  const [user] = await tx.insert(users).values({ name, language }).returning()
  if (!user) throw new Error('the user was not inserted')
  await tx.insert(telegramAccounts).values({ telegramId: id, userId: user.id, name, username, reachable })
  return user
}

/** Who the bot is, for a page that shows Telegram's own button; null where there is none. @throws UNAVAILABLE */
export async function getBot({ telegram }: Context): Promise<{ username: string | null }> {
  return { username: telegram.isSetUp ? (await telegram.me()).username : null }
}

/** The account of Telegram that is linked to one's own, if any. */
export async function getTelegramAccount(ctx: SignedInContext): Promise<{ account: TelegramAccount | null }> {
  const [row] = await ctx.db.select().from(telegramAccounts).where(eq(telegramAccounts.userId, ctx.actor.id))
  return { account: row ? accountView(row) : null }
}

/**
 * Links an account of Telegram to one's own; linking it again changes nothing.
 * @throws WRONG_CREDENTIALS, UNAVAILABLE, ALREADY_LINKED where it is somebody else's, or one has another
 */
export async function linkTelegram(ctx: SignedInContext, input: TelegramProof): Promise<TelegramAccount> {
  const { reachable, ...person } = await readProof(ctx.telegram.token(), input, Date.now())
  return ctx.db.transaction((tx) => link(tx, ctx.actor.id, person, reachable))
}

/** The person's row is locked, so that of two links at once one comes first, and none outlives the account. */
async function link(
  tx: Tx,
  userId: string,
  { id, name, username }: TelegramPerson,
  reachable: boolean,
): Promise<TelegramAccount> {
  await lockUser(tx, userId)
  const [user] = await tx
    .select({ id: users.id })
    .from(users)
    .where(and(eq(users.id, userId), isNull(users.deletedAt)))
  if (!user) throw accountGone()
  const [row] = await tx
    .insert(telegramAccounts)
    .values({ telegramId: id, userId, name, username, reachable })
    // Either key may be taken: by another person, or by another account of this one.
    .onConflictDoNothing()
    .returning()
  if (row) return accountView(row)
  const [same] = await tx
    .update(telegramAccounts)
    .set({ name, username, ...(reachable && { reachable }) })
    .where(and(eq(telegramAccounts.telegramId, id), eq(telegramAccounts.userId, userId)))
    .returning()
  if (same) return accountView(same)
  throw new AppError(
    'ALREADY_LINKED',
    'This account of Telegram belongs to somebody else here, or you have linked another one.',
  )
}

/**
 * Takes Telegram off one's own account.
 * @throws NOT_FOUND where none is linked, INVALID_STATE where there is no other way to sign in
 */
export async function unlinkTelegram(ctx: SignedInContext): Promise<{ ok: true }> {
  return ctx.db.transaction(async (tx) => {
    await lockUser(tx, ctx.actor.id)
    const [user] = await tx.select().from(users).where(eq(users.id, ctx.actor.id))
    if (!user?.passwordHash || !user.email)
      throw new AppError(
        'INVALID_STATE',
        'Without Telegram you could not sign in: this account has no password.',
      )
    if (!(await forgetTelegram(tx, ctx.actor.id))) throw notFound('account of Telegram')
    return { ok: true as const }
  })
}

/** Forgets which account of Telegram is a person's, and any code that would link one. @returns whether there was one */
export async function forgetTelegram(tx: Tx, userId: string): Promise<boolean> {
  await tx.delete(telegramLinkCodes).where(eq(telegramLinkCodes.userId, userId))
  const gone = await tx
    .delete(telegramAccounts)
    .where(eq(telegramAccounts.userId, userId))
    .returning({ telegramId: telegramAccounts.telegramId })
  return gone.length > 0
}

/** A code that is carried to the bot. It replaces the one before, and is shown this once. @throws UNAVAILABLE */
export async function createLinkCode(ctx: SignedInContext): Promise<TelegramCode> {
  const { username } = await ctx.telegram.me()
  const code = createSecret()
  const fields = {
    codeHash: hashSecret(code),
    expiresAt: sql<Date>`clock_timestamp() + make_interval(secs => ${CODE_SECONDS}::int)`,
  }
  const [row] = await ctx.db
    .insert(telegramLinkCodes)
    .values({ userId: ctx.actor.id, ...fields })
    .onConflictDoUpdate({ target: telegramLinkCodes.userId, set: fields })
    .returning({ expiresAt: telegramLinkCodes.expiresAt })
  if (!row) throw new Error('the code was not kept')
  return { code, url: `https://t.me/${username}?start=${code}`, expiresAt: iso(row.expiresAt) }
}

/**
 * Links whoever brings a code to the person who was given it. A code that was taken is gone; one that is refused is not.
 * @throws NOT_FOUND where there is no such code, or no longer, ALREADY_LINKED
 */
export async function redeemLinkCode(ctx: Context, person: TelegramPerson, code: string): Promise<void> {
  const hash = hashSecret(code)
  await ctx.db.transaction(async (tx) => {
    const [given] = await tx
      .select({ userId: telegramLinkCodes.userId })
      .from(telegramLinkCodes)
      .where(eq(telegramLinkCodes.codeHash, hash))
    if (given) await lockUser(tx, given.userId)
    const [taken] = await tx
      .delete(telegramLinkCodes)
      .where(
        and(eq(telegramLinkCodes.codeHash, hash), gt(telegramLinkCodes.expiresAt, sql`clock_timestamp()`)),
      )
      .returning({ userId: telegramLinkCodes.userId })
    if (!taken) throw notFound('code')
    await link(tx, taken.userId, person, true)
  })
}

/** Whose account somebody at Telegram is linked to; nothing where they are not. */
export async function findLinked(db: Db, telegramId: number): Promise<UserRow | undefined> {
  const [found] = await db
    .select({ user: users })
    .from(telegramAccounts)
    .innerJoin(users, eq(users.id, telegramAccounts.userId))
    .where(and(eq(telegramAccounts.telegramId, telegramId), isNull(users.deletedAt)))
  return found?.user
}

/** The chat in which the bot may write to a person; nothing where there is none. */
export async function findReachable(db: Db, userId: string): Promise<number | undefined> {
  const [row] = await db
    .select({ telegramId: telegramAccounts.telegramId })
    .from(telegramAccounts)
    .where(and(eq(telegramAccounts.userId, userId), eq(telegramAccounts.reachable, true)))
  return row?.telegramId
}

/** Notes whether the bot may write to somebody. */
export async function setReachable(db: Db, telegramId: number, reachable: boolean): Promise<void> {
  await db
    .update(telegramAccounts)
    .set({ reachable })
    .where(and(eq(telegramAccounts.telegramId, telegramId), ne(telegramAccounts.reachable, reachable)))
}

const accountView = ({ name, username, reachable, linkedAt }: TelegramAccountRow): TelegramAccount => ({
  name,
  username,
  reachable,
  linkedAt: iso(linkedAt),
})
