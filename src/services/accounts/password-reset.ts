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

const LINK_LIFETIME: Millis = 60 * MINUTE

/**
 * Emails a link to set a new password. Neither the response nor its timing shows whether the account exists.
 * @throws INVALID_STATE if this server does not send email, RATE_LIMITED
 */
export async function forgotPassword(ctx: Context, { email }: { email: string }): Promise<{ ok: true }> {
  if (!ctx.mailer || !ctx.env.PUBLIC_URL)
    throw new AppError('INVALID_STATE', 'This server does not send email. Ask the operator for a link.')
  await ctx.limits.countSignIn(ctx.caller, email)
  const wanted = { email, until: Date.now() + LINK_LIFETIME }
  await enqueue(ctx.db, 'send-password-link', wanted, { key: `send-password-link:${email}` })
  return { ok: true }
}

/** Sends the link that `forgotPassword` requested. Does nothing if the account does not exist, or after `until`. */
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

/** Creates a link that the operator passes on if the server does not send email. @throws NOT_FOUND */
export async function passwordLink(ctx: Context, { email }: { email: string }): Promise<{ link: string }> {
  const user = await findUser(ctx.db, eq(users.email, email))
  if (!user) throw notFound('account')
  return { link: linkFor(ctx, user) }
}

/**
 * Sets a new password through a link, which works once and for an hour. Ends all sessions and signs in.
 * @throws VALIDATION if the link has expired, was used or is forged, RATE_LIMITED
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
    // The signature covers the old password hash, so a new password invalidates every earlier link.
    const user = await findUser(tx, eq(users.id, read.id))
    if (!user || !read.isOurs(user.passwordHash ?? '')) throw oldLink()
    await tx.update(users).set({ passwordHash }).where(eq(users.id, user.id))
    await endAllSessions(tx, user.id)
    return signedIn(ctx, tx, user)
  })
}

/** The token is in the URL's fragment, which browsers do not send, so no access log contains it. */
function linkFor({ env }: Context, { id, passwordHash }: UserRow): string {
  const token = signToken(
    env,
    'password-reset',
    { id, number: Date.now() + LINK_LIFETIME },
    passwordHash ?? '',
  )
  return `${env.PUBLIC_URL ?? `http://localhost:${env.PORT}`}${PATHS.newPassword}#${token}`
}

const oldLink = () => invalidField('token', 'is no longer valid. Request a new link.')
