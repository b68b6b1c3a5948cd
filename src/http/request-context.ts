import type { Server } from 'bun'
import type { Actor } from '../actor'
import type { Context, Deps } from '../context'
import { AppError } from '../errors'
import { addressReader, type Caller } from '../lib/rate-limits'
import { requestIdOf } from '../lib/request'

const BEARER = /^Bearer +(\S+)$/i
const MAX_DEVICE_LENGTH = 100

/** Builds the context of calls from their requests. */
export function createRequestContexts(deps: Deps) {
  const addressOf = addressReader(deps.env.TRUST_PROXY)
  let server: Server<unknown> | null = null

  /** The address is looked up on first use: many calls never need it. */
  function callerOf(request: Request): Caller {
    let address: string | undefined
    return {
      get address() {
        address ??= addressOf(request, server)
        return address
      },
      allowance: null,
    }
  }

  /** Anonymous without a token. @throws NOT_SIGNED_IN, TOKEN_EXPIRED for a token that is not valid */
  function actorOf(request: Request): Actor | Promise<Actor> {
    const header = request.headers.get('authorization')
    if (header === null) return { kind: 'anonymous' }
    const token = BEARER.exec(header)?.[1]
    if (!token)
      throw new AppError('NOT_SIGNED_IN', 'The Authorization header must be: Bearer <access token>.')
    return deps.tokens.verify(token).then(({ user }) => user)
  }

  /**
   * Synchronous unless a token must be verified.
   * @param calls the number of calls in a batch
   * @throws VALIDATION for an Idempotency-Key on a batch
   */
  function createContext(
    request: Request,
    { calls = 1, source = 'web' }: { calls?: number; source?: Context['source'] } = {},
  ): Context | Promise<Context> {
    const idempotencyKey = request.headers.get('idempotency-key')
    if (idempotencyKey !== null && calls > 1)
      throw new AppError('VALIDATION', 'An Idempotency-Key is for one call alone, not for a batch.')
    const contextFor = (actor: Actor): Context => ({
      ...deps,
      actor,
      caller: callerOf(request),
      requestId: requestIdOf(request),
      device: deviceOf(request),
      reply: {},
      source,
      ...(idempotencyKey !== null && { idempotencyKey }),
    })
    const actor = actorOf(request)
    return actor instanceof Promise ? actor.then(contextFor) : contextFor(actor)
  }

  /** Must be called with the listening server, which knows the addresses of its connections. */
  const attach = (listening: Server<unknown> | null) => {
    server = listening
  }
  return { createContext, callerOf, attach }
}

/** The start of the user agent, which names a session in the list of sessions. */
function deviceOf(request: Request): string | null {
  return request.headers.get('user-agent')?.replaceAll('\0', '').slice(0, MAX_DEVICE_LENGTH) ?? null
}
