import { jwt } from '@elysiajs/jwt'
import type { Role, UserActor } from '../actor'
import { AppError } from '../errors'

export const ACCESS_TOKEN_SECONDS = 3600
const REMEMBERED_TOKENS = 10_000

export type Verified = { person: UserActor; expiresAt: Date }
export type Tokens = {
  /** An access token of one hour. */
  sign(person: { id: string; role: Role; sessionId?: string }): Promise<string>
  /**
   * Who a token speaks for.
   * @throws {AppError} TOKEN_EXPIRED, or NOT_SIGNED_IN for anything this server did not sign.
   */
  verify(token: string): Promise<Verified>
}

/**
 * Access tokens, signed and verified by `@elysiajs/jwt` (HS256). Verifying takes longer than most answers, so a token
 * that was verified is remembered until it expires; the map is bounded, the oldest leaves first.
 */
export function createTokens(secret: string): Tokens {
  const { jwt: signer } = jwt({ name: 'jwt', secret }).decorator
  const remembered = new Map<string, Verified>()

  async function read(token: string): Promise<Verified> {
    const claims = await signer.verify(token, { currentDate: new Date(0) })
    if (!claims || typeof claims.sub !== 'string' || typeof claims.exp !== 'number' || !isRole(claims.role)) {
      throw new AppError('NOT_SIGNED_IN', 'This access token is not valid. Please sign in.')
    }
    return {
      person: {
        kind: 'user',
        id: claims.sub,
        role: claims.role,
        ...(typeof claims.sid === 'string' && { sessionId: claims.sid }),
      },
      expiresAt: new Date(claims.exp * 1000),
    }
  }

  return {
    sign: ({ id, role, sessionId }) =>
      signer.sign({
        sub: id,
        role,
        ...(sessionId && { sid: sessionId }),
        exp: Math.floor(Date.now() / 1000) + ACCESS_TOKEN_SECONDS,
        jti: Bun.randomUUIDv7(),
      }),
    async verify(token) {
      let verified = remembered.get(token)
      if (!verified) {
        verified = await read(token)
        const oldest = remembered.size >= REMEMBERED_TOKENS ? remembered.keys().next().value : undefined
        if (oldest !== undefined) remembered.delete(oldest)
        remembered.set(token, verified)
      }
      if (verified.expiresAt.getTime() > Date.now()) return verified
      remembered.delete(token)
      throw new AppError('TOKEN_EXPIRED', 'This access token has expired. Please refresh it.')
    },
  }
}

const isRole = (value: unknown): value is Role =>
  value === 'customer' || value === 'specialist' || value === 'admin'
