import { jwt } from '@elysiajs/jwt'
import { LRUCache } from 'lru-cache'
import type { Role, UserActor } from '../actor'
import { AppError } from '../errors'

export const ACCESS_TOKEN_SECONDS = 3600
const MAX_CACHED_TOKENS = 10_000

export type Verified = { user: UserActor; expiresAt: Date }
export type Tokens = {
  sign(user: { id: string; role: Role; sessionId?: string }): Promise<string>
  /** @throws {AppError} TOKEN_EXPIRED, or NOT_SIGNED_IN if this server did not sign the token */
  verify(token: string): Promise<Verified>
}

/** Signs and verifies access tokens (HS256). Caches verified tokens: verifying takes longer than most responses. */
export function createTokens(secret: string): Tokens {
  const { jwt: signer } = jwt({ name: 'jwt', secret }).decorator
  const cached = new LRUCache<string, Verified>({ max: MAX_CACHED_TOKENS })
  const reading = new Map<string, Promise<Verified>>()

  async function read(token: string): Promise<Verified> {
    const claims = await signer.verify(token, { currentDate: new Date(0) })
    if (!claims || typeof claims.sub !== 'string' || typeof claims.exp !== 'number' || !isRole(claims.role)) {
      throw new AppError('NOT_SIGNED_IN', 'This access token is not valid. Sign in again.')
    }
    return {
      user: {
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
      let verified = cached.get(token)
      if (!verified) {
        // Sockets that reconnect together with one token share its verification.
        const shared = () => read(token).finally(() => reading.delete(token))
        verified = await reading.getOrInsertComputed(token, shared)
        cached.set(token, verified)
      }
      if (verified.expiresAt.getTime() > Date.now()) return verified
      cached.delete(token)
      throw new AppError('TOKEN_EXPIRED', 'This access token has expired. Refresh it.')
    },
  }
}

const isRole = (value: unknown): value is Role =>
  value === 'customer' || value === 'specialist' || value === 'admin'
