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
 * Signs in with a Telegram proof; the first sign-in creates the account. The same proof is accepted again until it
 * expires, because a reloaded page repeats it.
 * @throws WRONG_CREDENTIALS, UNAVAILABLE if no bot is configured
 */
export async function signInWithTelegram(ctx: Context, input: TelegramProof): Promise<SignedIn> {
  const { platform, reachable, ...person } = await readProof(ctx.telegram.token(), input, Date.now())
  return enter(ctx, person, reachable, (tx, user) => signedIn(ctx, tx, user, { platform }))
}

/** Finds or creates the user of a Telegram account that has written to the bot. */
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
    // A concurrent request has created the account meanwhile.
    if (violates(error, 'telegram_accounts_pkey')) return attempt()
    throw error
  }
}

/** Updates the stored Telegram names and returns the linked user, if any. */
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
  // Deleting and unlinking lock the user first too; another order could deadlock.
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

/** Returns the bot's username for Telegram's login button, or null if no bot is configured. @throws UNAVAILABLE */
export async function getBot({ telegram }: Context): Promise<{ username: string | null }> {
  return { username: telegram.isSetUp ? (await telegram.me()).username : null }
}

export async function getTelegramAccount(ctx: SignedInContext): Promise<{ account: TelegramAccount | null }> {
  const [row] = await ctx.db.select().from(telegramAccounts).where(eq(telegramAccounts.userId, ctx.actor.id))
  return { account: row ? accountView(row) : null }
}

/**
 * Links a Telegram account to the caller. Linking the same account again only updates its names.
 * @throws WRONG_CREDENTIALS, UNAVAILABLE, ALREADY_LINKED if the caller or the Telegram account has another link
 */
export async function linkTelegram(ctx: SignedInContext, input: TelegramProof): Promise<TelegramAccount> {
  const { reachable, ...person } = await readProof(ctx.telegram.token(), input, Date.now())
  return ctx.db.transaction((tx) => link(tx, ctx.actor.id, person, reachable))
}

/** Locks the user, so that concurrent links run one after another and none outlives the account. */
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
    .onConflictDoNothing()
    .returning()
  if (row) return accountView(row)
  const [same] = await tx
    .update(telegramAccounts)
    .set({ name, username, ...(reachable && { reachable }) })
    .where(and(eq(telegramAccounts.telegramId, id), eq(telegramAccounts.userId, userId)))
    .returning()
  if (same) return accountView(same)
  throw new AppError('ALREADY_LINKED', 'This Telegram account or yours is already linked. Unlink it first.')
}

/** Unlinks the caller's Telegram account. @throws NOT_FOUND, INVALID_STATE if the caller has no other way to sign in */
export async function unlinkTelegram(ctx: SignedInContext): Promise<{ ok: true }> {
  return ctx.db.transaction(async (tx) => {
    await lockUser(tx, ctx.actor.id)
    const [user] = await tx.select().from(users).where(eq(users.id, ctx.actor.id))
    if (!user?.passwordHash || !user.email)
      throw new AppError('INVALID_STATE', 'Set an email and a password before you unlink Telegram.')
    if (!(await forgetTelegram(tx, ctx.actor.id))) throw notFound('Telegram account')
    return { ok: true as const }
  })
}

/** Deletes a user's Telegram link and link code. @returns whether there was a link */
export async function forgetTelegram(tx: Tx, userId: string): Promise<boolean> {
  await tx.delete(telegramLinkCodes).where(eq(telegramLinkCodes.userId, userId))
  const gone = await tx
    .delete(telegramAccounts)
    .where(eq(telegramAccounts.userId, userId))
    .returning({ telegramId: telegramAccounts.telegramId })
  return gone.length > 0
}

/** Creates a code that the user sends to the bot. Replaces the previous code. @throws UNAVAILABLE */
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
  if (!row) throw new Error('the link code was not inserted')
  return { code, url: `https://t.me/${username}?start=${code}`, expiresAt: iso(row.expiresAt) }
}

/**
 * Links a Telegram account to the user of a link code. The code remains valid if the link is refused.
 * @throws NOT_FOUND if the code is unknown or has expired, ALREADY_LINKED
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

export async function findLinked(db: Db, telegramId: number): Promise<UserRow | undefined> {
  const [found] = await db
    .select({ user: users })
    .from(telegramAccounts)
    .innerJoin(users, eq(users.id, telegramAccounts.userId))
    .where(and(eq(telegramAccounts.telegramId, telegramId), isNull(users.deletedAt)))
  return found?.user
}

/** Returns the id of the chat in which the bot can write to the user, if any. */
export async function findReachable(db: Db, userId: string): Promise<number | undefined> {
  const [row] = await db
    .select({ telegramId: telegramAccounts.telegramId })
    .from(telegramAccounts)
    .where(and(eq(telegramAccounts.userId, userId), eq(telegramAccounts.reachable, true)))
  return row?.telegramId
}

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
