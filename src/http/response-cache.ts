import type { Context, Deps } from '../context'
import { type Caller, limitHeaders } from '../lib/rate-limits'
import type { Answer, Answering } from './pipeline'

type CachedResponse = { procedure: string; body: Uint8Array<ArrayBuffer>; stands: () => boolean }

export type ResponseCache = {
  /** Gives the answer to the same question, where it still stands, else asks. */
  answer(request: Request, ask: () => Answering | Promise<Answering>): Answering | Promise<Answering>
  /** Keeps an answer of which the context says that it stands for everybody, and for how long. */
  keep(request: Request, answer: { procedure: string; body: string; ctx: Context }): void
}

/** As many as are kept; the oldest leaves first. */
const ENTRIES = 5000

type Parts = Pick<Deps, 'limits' | 'metrics' | 'env'> & { callerOf: (request: Request) => Caller }

/**
 * Answers to people who are not signed in, as bytes, by the address that they asked: what would be found valid, looked up
 * and written as JSON each time anew is sent as it is. An answer stands for as long as the entry of the cache that it was
 * made from, which whatever changes it ends at once.
 */
export function createResponseCache({ limits, metrics, env, callerOf }: Parts): ResponseCache {
  const answers = new Map<string, CachedResponse>()

  function find(request: Request): CachedResponse | undefined {
    if (request.method !== 'GET') return undefined
    const key = keyOf(request)
    const kept = answers.get(key)
    if (!kept || UNUSUAL.some((name) => request.headers.has(name))) return undefined
    if (kept.stands()) return kept
    answers.delete(key)
    return undefined
  }

  function answered({ procedure, body }: CachedResponse, headers?: Record<string, string>): Answer {
    metrics.countCacheHit(procedure)
    return { status: 200, body, ...(headers && { headers }) }
  }

  return {
    answer(request, ask) {
      const kept = find(request)
      if (!kept) return ask()
      if (env.RATE_LIMITS === 'off') return answered(kept)
      const caller = callerOf(request)
      return limits.countCall({ kind: 'anonymous' }, caller, 'query').then(
        () => answered(kept, limitHeaders(caller.allowance)),
        // One call too many is refused in the words of its door.
        () => ask(),
      )
    },
    keep(request, { procedure, body, ctx: { actor, reply } }) {
      if (!reply.standsWhile || actor.kind !== 'anonymous' || request.method !== 'GET') return
      const oldest = answers.size >= ENTRIES ? answers.keys().next().value : undefined
      if (oldest !== undefined) answers.delete(oldest)
      answers.set(keyOf(request), {
        procedure,
        body: new TextEncoder().encode(body),
        stands: reply.standsWhile,
      })
    },
  }
}

/** Headers that make an answer somebody's own, or another one. */
const UNUSUAL = ['authorization', 'trpc-accept', 'idempotency-key']

/** What is asked, whatever name the server is known by. */
const keyOf = ({ url }: Request): string => url.slice(url.indexOf('/', 8))
