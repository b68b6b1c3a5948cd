import { LRUCache } from 'lru-cache'
import type { Context, Deps } from '../context'
import { type Caller, limitHeaders } from '../lib/rate-limits'
import type { Answer, Answering } from './answers'

type CachedResponse = { procedure: string; body: Uint8Array<ArrayBuffer>; isFresh: () => boolean }

export type ResponseCache = {
  /** Sends the cached response to the same request if it is still fresh. Otherwise calls `ask`. */
  answer(request: Request, ask: () => Answering | Promise<Answering>): Answering | Promise<Answering>
  /** Stores a response if the context says for how long it is the same for every anonymous caller. */
  store(request: Request, answer: { procedure: string; body: string; ctx: Context }): void
  /** As `answer` and `store`, for one call of a batch. @throws RATE_LIMITED */
  findCall(ctx: Context, call: { path: string; input: unknown }): Promise<string | undefined>
  storeCall(answer: { path: string; input: unknown; body: string; ctx: Context }): void
}

const MAX_ENTRIES = 5000
/** Requests with one of these headers get a response of their own. */
const BYPASS_HEADERS = ['authorization', 'trpc-accept', 'idempotency-key']

type Parts = Pick<Deps, 'limits' | 'metrics' | 'env'> & { callerOf: (request: Request) => Caller }

/**
 * Responses to anonymous callers, as bytes, by URL. Skips validation, the cache of values and JSON. A response is fresh as
 * long as the cache entry that it was made from.
 */
export function createResponseCache({ limits, metrics, env, callerOf }: Parts): ResponseCache {
  const responses = new LRUCache<string, CachedResponse>({ max: MAX_ENTRIES })

  function find(request: Request): CachedResponse | undefined {
    if (request.method !== 'GET') return undefined
    const cached = findFresh(keyOf(request))
    return cached && !BYPASS_HEADERS.some((name) => request.headers.has(name)) ? cached : undefined
  }

  function findFresh(key: string): CachedResponse | undefined {
    const cached = responses.get(key)
    if (!cached || cached.isFresh()) return cached
    responses.delete(key)
    return undefined
  }

  function save(key: string, procedure: string, body: string, { actor, reply }: Context): void {
    if (!reply.isFresh || actor.kind !== 'anonymous') return
    responses.set(key, { procedure, body: new TextEncoder().encode(body), isFresh: reply.isFresh })
  }

  function send({ procedure, body }: CachedResponse, headers?: Record<string, string>): Answer {
    metrics.countCacheHit(procedure)
    return { status: 200, body, ...(headers && { headers }) }
  }

  return {
    answer(request, ask) {
      const cached = find(request)
      if (!cached) return ask()
      if (env.RATE_LIMITS === 'off') return send(cached)
      const caller = callerOf(request)
      return limits.countCall({ kind: 'anonymous' }, caller, 'query').then(
        () => send(cached, limitHeaders(caller.allowance)),
        // Over the limit: the handler refuses in the format of its protocol.
        () => ask(),
      )
    },
    store(request, { procedure, body, ctx }) {
      if (request.method === 'GET') save(keyOf(request), procedure, body, ctx)
    },
    async findCall(ctx, { path, input }) {
      const cached = ctx.actor.kind === 'anonymous' ? findFresh(keyOfCall(path, input)) : undefined
      if (!cached) return undefined
      if (env.RATE_LIMITS === 'on') await limits.countCall(ctx.actor, ctx.caller, 'query')
      metrics.countCacheHit(path)
      return new TextDecoder().decode(cached.body)
    },
    storeCall: ({ path, input, body, ctx }) => save(keyOfCall(path, input), path, body, ctx),
  }
}

const keyOfCall = (path: string, input: unknown): string => `${path} ${JSON.stringify(input)}`

/** Path and query, whatever the host is called. */
const keyOf = ({ url }: Request): string => url.slice(url.indexOf('/', 8))
