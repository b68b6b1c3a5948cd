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
/** A client that lost the answer to a refresh may ask once more for so long, and gets the same. */
const REPLAY_GRACE_SECONDS = 10

type Pair = Omit<SignedIn, 'user'>

/**
 * A sign-in: the first refresh token of a new family, and an access token.
 * @param from.platform the door that it came through; `device` what it is recognised by, instead of the caller's own name
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

/** Who is signed in now, with the tokens of a new session. @param from as `startSession` takes it */
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

/** Signs a person out everywhere. */
export const endAllSessions = (tx: Tx, userId: string) =>
  tx.execute(sql`UPDATE refresh_tokens SET ended_at = now() WHERE user_id = ${userId} AND ended_at IS NULL`)

/** The successor of a token follows from it, so that a replay within the grace can be given the same one. */
const successorOf = (ctx: Context, token: string) =>
  createHmac('sha256', ctx.env.JWT_SECRET).update(`refresh-token:${token}`).digest('base64url')

/**
 * Gives a new pair for a refresh token, which is replaced. Presenting a replaced one again ends the family, since one of
 * the two who have it is a thief; but within 10 seconds, while its successor is unused, it is a client that lost the
 * answer, and gets the same successor.
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
      return new AppError('REFRESH_REUSED', 'This refresh token was used before. Please sign in again.')
    }
    return { user: userView(found.user), ...(await pair(ctx, found.user, found.token.family, successor)) }
  })
  // Thrown only here: inside, it would undo the end of the family.
  if (outcome instanceof AppError) throw outcome
  return outcome
}

/**
 * Sessions of a person change one at a time, under the lock of their row: an end that ran beside a refresh would not see
 * the successor that is being made, and leave it alive.
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
  new AppError('REFRESH_INVALID', 'This refresh token is not valid. Please sign in.')

/** Ends the session that a refresh token belongs to. Ending one that is unknown or over is no error. */
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

/** The sessions of this person that can still be refreshed, the oldest first. */
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

/** @throws NOT_FOUND where this person has no such session */
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

/** Deletes refresh tokens that can no longer be presented with any effect. @returns how many */
export async function deleteDeadTokens({ db }: Pick<Context, 'db'>): Promise<number> {
  const dead = await db
    .delete(refreshTokens)
    .where(sql`${refreshTokens.expiresAt} < now() - interval '1 day'`)
    .returning({ id: refreshTokens.id })
  return dead.length
}
