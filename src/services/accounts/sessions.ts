import { createHmac } from 'node:crypto'
import { and, asc, eq, gt, isNull, sql } from 'drizzle-orm'
import type { Context, SignedInContext } from '../../context'
import type { Db, Tx } from '../../db/client'
import { type RefreshTokenRow, refreshTokens, type UserRow, users } from '../../db/schema'
import { AppError, notFound } from '../../errors'
import { ACCESS_TOKEN_SECONDS } from '../../lib/access-tokens'
import { iso } from '../../lib/time'
import { type Session, type SignedIn, userView } from '../../schemas/users'
import { createSecret, hashSecret } from '../shared/secrets'
import { lockUser } from '../users/users'

const REFRESH_DAYS = 30
/** A client that lost the response can repeat a refresh for this long and gets the same refresh token. */
const REPLAY_GRACE_SECONDS = 10

type Pair = Omit<SignedIn, 'user'>

/**
 * Starts a session: a new family of refresh tokens, with its first token and an access token.
 * @param from.platform how the user signed in; `device` overrides the device name of the request
 */
export async function startSession(
  ctx: Context,
  db: Db,
  user: UserRow,
  { platform = 'web', device = ctx.device }: { platform?: string; device?: string | null } = {},
): Promise<Pair> {
  const token = createSecret(32)
  const family = Bun.randomUUIDv7()
  await insertToken(db, { userId: user.id, family, device, platform }, token)
  return pair(ctx, user, family, token)
}

export async function signedIn(
  ctx: Context,
  db: Db,
  user: UserRow,
  from: Parameters<typeof startSession>[3] = {},
): Promise<SignedIn> {
  return { user: userView(user), ...(await startSession(ctx, db, user, from)) }
}

async function insertToken(
  db: Db,
  { userId, family, device, platform }: Pick<RefreshTokenRow, 'userId' | 'family' | 'device' | 'platform'>,
  token: string,
) {
  const [row] = await db
    .insert(refreshTokens)
    .values({
      userId,
      family,
      device,
      platform,
      tokenHash: hashSecret(token),
      expiresAt: sql`now() + ${`${REFRESH_DAYS} days`}::interval`,
    })
    .returning({ id: refreshTokens.id })
  if (!row) throw new Error('the refresh token was not inserted')
  return row
}

async function pair(
  ctx: Context,
  { id, role }: UserRow,
  sessionId: string,
  refreshToken: string,
): Promise<Pair> {
  const accessToken = await ctx.tokens.sign({ id, role, sessionId })
  return { accessToken, refreshToken, expiresIn: ACCESS_TOKEN_SECONDS }
}

export const endAllSessions = (tx: Tx, userId: string) =>
  tx.execute(sql`UPDATE refresh_tokens SET ended_at = now() WHERE user_id = ${userId} AND ended_at IS NULL`)

/** Derived from the token, so that a replay within the grace period gets the same successor. */
const successorOf = (ctx: Context, token: string) =>
  createHmac('sha256', ctx.env.JWT_SECRET).update(`refresh-token:${token}`).digest('base64url')

/**
 * Replaces a refresh token and returns a new pair. Reuse of a replaced token ends the session, because the token may be
 * stolen. A replay within 10 seconds, before the successor was used, counts as a lost response and gets the same successor.
 * @throws REFRESH_INVALID, REFRESH_REUSED
 */
export async function refreshSession(
  ctx: Context,
  { refreshToken }: { refreshToken: string },
): Promise<SignedIn> {
  const outcome = await ctx.db.transaction(async (tx): Promise<SignedIn | AppError> => {
    await lockOwner(tx, refreshToken)
    const found = await findToken(tx, refreshToken)
    if (!found || found.token.endedAt || found.dead) return refreshInvalid()
    const successor = successorOf(ctx, refreshToken)
    if (!found.token.replacedAt) {
      const next = await insertToken(tx, found.token, successor)
      await tx
        .update(refreshTokens)
        .set({ replacedBy: next.id, replacedAt: sql`clock_timestamp()` })
        .where(eq(refreshTokens.id, found.token.id))
    } else if (!found.inGrace || (await isUsed(tx, found.token))) {
      await endFamily(tx, found.token.family)
      return new AppError('REFRESH_REUSED', 'This refresh token was already used. Sign in again.')
    }
    return { user: userView(found.user), ...(await pair(ctx, found.user, found.token.family, successor)) }
  })
  // Thrown after the commit: inside the transaction it would roll back `endFamily`.
  if (outcome instanceof AppError) throw outcome
  return outcome
}

/**
 * Locks the token's user, so that changes to their sessions run one at a time. Otherwise a logout during a refresh would
 * miss the successor that is being inserted.
 */
const lockOwner = (tx: Tx, token: string) =>
  tx
    .select({ id: users.id })
    .from(users)
    .where(sql`${users.id} = (SELECT user_id FROM refresh_tokens WHERE token_hash = ${hashSecret(token)})`)
    .for('no key update')

async function findToken(tx: Tx, token: string) {
  const [found] = await tx
    .select({
      token: refreshTokens,
      user: users,
      dead: sql<boolean>`${refreshTokens.expiresAt} <= clock_timestamp() OR ${users.deletedAt} IS NOT NULL`,
      inGrace: sql<boolean>`${refreshTokens.replacedAt} > clock_timestamp() - ${`${REPLAY_GRACE_SECONDS} seconds`}::interval`,
    })
    .from(refreshTokens)
    .innerJoin(users, eq(users.id, refreshTokens.userId))
    .where(eq(refreshTokens.tokenHash, hashSecret(token)))
  return found
}

async function isUsed(tx: Tx, token: RefreshTokenRow): Promise<boolean> {
  if (!token.replacedBy) return true
  const [successor] = await tx.select().from(refreshTokens).where(eq(refreshTokens.id, token.replacedBy))
  return !successor || successor.replacedAt !== null || successor.endedAt !== null
}

const endFamily = (db: Db, family: string) =>
  db
    .update(refreshTokens)
    .set({ endedAt: sql`clock_timestamp()` })
    .where(and(eq(refreshTokens.family, family), isNull(refreshTokens.endedAt)))

const refreshInvalid = () =>
  new AppError('REFRESH_INVALID', 'This refresh token is not valid. Sign in again.')

/** Ends the session of a refresh token. Succeeds also if the token is unknown or the session has ended. */
export async function logOut(
  ctx: Context,
  { refreshToken }: { refreshToken: string },
): Promise<{ ok: true }> {
  return ctx.db.transaction(async (tx) => {
    await lockOwner(tx, refreshToken)
    const [row] = await tx
      .select()
      .from(refreshTokens)
      .where(eq(refreshTokens.tokenHash, hashSecret(refreshToken)))
    if (row) await endFamily(tx, row.family)
    return { ok: true }
  })
}

/** Lists the caller's sessions that can still be refreshed, oldest first. */
export async function listSessions(ctx: SignedInContext): Promise<{ items: Session[]; nextCursor: null }> {
  const rows = await ctx.db
    .select({
      id: refreshTokens.family,
      device: refreshTokens.device,
      platform: refreshTokens.platform,
      startedAt:
        sql`(SELECT min(first.created_at) FROM refresh_tokens first WHERE first.family = ${refreshTokens.family})`.mapWith(
          refreshTokens.createdAt,
        ),
      lastUsedAt: refreshTokens.createdAt,
      expiresAt: refreshTokens.expiresAt,
    })
    .from(refreshTokens)
    .where(
      and(
        eq(refreshTokens.userId, ctx.actor.id),
        isNull(refreshTokens.replacedAt),
        isNull(refreshTokens.endedAt),
        gt(refreshTokens.expiresAt, sql`now()`),
      ),
    )
    .orderBy(asc(refreshTokens.family))
  const items = rows.map((row) => ({
    id: row.id,
    device: row.device,
    platform: row.platform,
    isCurrent: row.id === ctx.actor.sessionId,
    startedAt: iso(row.startedAt),
    lastUsedAt: iso(row.lastUsedAt),
    expiresAt: iso(row.expiresAt),
  }))
  return { items, nextCursor: null }
}

/** Ends a session of the caller. @throws NOT_FOUND */
export async function endSession(ctx: SignedInContext, { id }: { id: string }): Promise<{ ok: true }> {
  return ctx.db.transaction(async (tx) => {
    await lockUser(tx, ctx.actor.id)
    const ended = await tx
      .update(refreshTokens)
      .set({ endedAt: sql`clock_timestamp()` })
      .where(
        and(
          eq(refreshTokens.family, id),
          eq(refreshTokens.userId, ctx.actor.id),
          isNull(refreshTokens.endedAt),
        ),
      )
      .returning({ id: refreshTokens.id })
    if (ended.length === 0) throw notFound('session')
    return { ok: true }
  })
}

/** Deletes refresh tokens that expired more than a day ago. @returns how many */
export async function deleteDeadTokens({ db }: Pick<Context, 'db'>): Promise<number> {
  const dead = await db
    .delete(refreshTokens)
    .where(sql`${refreshTokens.expiresAt} < now() - interval '1 day'`)
    .returning({ id: refreshTokens.id })
  return dead.length
}
