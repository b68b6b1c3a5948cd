import { eq } from 'drizzle-orm'
import { PATHS } from '../../../web/src/paths'
import type { Context } from '../../context'
import { type UserRow, users } from '../../db/schema'
import { AppError, invalidField, notFound } from '../../errors'
import { catalogues } from '../../i18n'
import { MINUTE, type Millis } from '../../lib/time'
import type { SignedIn } from '../../schemas/users'
import { enqueue } from '../jobs/jobs'
import { signToken, verifyToken } from '../shared/signed-tokens'
import { findUser, lockUser } from '../users/users'
import { hashPassword } from './accounts'
import { endAllSessions, signedIn } from './sessions'

/** For so long a link is good for a new password. */
const GOOD_FOR: Millis = 60 * MINUTE

/**
 * Sends a link by which whoever reads the mails of an address gives its account a new password. The answer is the same, and
 * comes as quickly, whether there is such an account or not.
 * @throws INVALID_STATE where this server sends no mail, RATE_LIMITED
 */
export async function forgotPassword(ctx: Context, { email }: { email: string }): Promise<{ ok: true }> {
  if (!ctx.mailer || !ctx.env.PUBLIC_URL)
    throw new AppError('INVALID_STATE', 'This server sends no mail. Please ask its operator for a link.')
  await ctx.limits.countSignIn(ctx.caller, email)
  const wanted = { email, until: Date.now() + GOOD_FOR }
  await enqueue(ctx.db, 'send-password-link', wanted, { key: `send-password-link:${email}` })
  return { ok: true }
}

/** Sends the link, where there is an account with this address; after so long without a mail server nobody waits for it. */
export async function sendPasswordLink(
  ctx: Context,
  { email, until }: { email: string; until: Millis },
): Promise<void> {
  const user = await findUser(ctx.db, eq(users.email, email))
  if (!ctx.mailer || !user || until <= Date.now()) return
  const { phrases } = catalogues[user.language]
  const link = linkFor(ctx, user)
  await ctx.mailer.send({
    to: { name: user.name, address: email },
    subject: phrases.newPassword.subject,
    text: [phrases.hello(user.name), phrases.newPassword.text(link), 'CoworkSpace'].join('\n\n'),
    name: `password.${Bun.randomUUIDv7()}`,
    language: user.language,
  })
}

/** The same link, for an operator to hand on where no mail is sent. @throws NOT_FOUND */
export async function passwordLink(ctx: Context, { email }: { email: string }): Promise<{ link: string }> {
  const user = await findUser(ctx.db, eq(users.email, email))
  if (!user) throw notFound('account')
  return { link: linkFor(ctx, user) }
}

/**
 * Gives an account a new password by a link, which is good once and for an hour, ends all of its sessions and signs in.
 * @throws VALIDATION for a link that is old, was used, or was never ours, RATE_LIMITED
 */
export async function resetPassword(
  ctx: Context,
  { token, password }: { token: string; password: string },
): Promise<SignedIn> {
  const read = verifyToken(ctx.env, 'password-reset', token)
  await ctx.limits.countSignIn(ctx.caller, read?.id ?? token)
  if (!read || read.number <= Date.now()) throw oldLink()
  const passwordHash = await hashPassword(password)
  return ctx.db.transaction(async (tx) => {
    await lockUser(tx, read.id)
    // The former password is a part of the seal: once there is another one, every link that was made before is void.
    const user = await findUser(tx, eq(users.id, read.id))
    if (!user || !read.isOurs(user.passwordHash ?? '')) throw oldLink()
    await tx.update(users).set({ passwordHash }).where(eq(users.id, user.id))
    await endAllSessions(tx, user.id)
    return signedIn(ctx, tx, user)
  })
}

/** Behind the `#`, so that no log on the way keeps it. */
function linkFor({ env }: Context, { id, passwordHash }: UserRow): string {
  const token = signToken(env, 'password-reset', { id, number: Date.now() + GOOD_FOR }, passwordHash ?? '')
  return `${env.PUBLIC_URL ?? `http://localhost:${env.PORT}`}${PATHS.newPassword}#${token}`
}

const oldLink = () => invalidField('token', 'is not valid any more. Please ask for another link.')
