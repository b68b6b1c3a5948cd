import type { Server } from 'bun'
import type { Deps } from '../context'
import { createRequestLog } from '../lib/logger'
import { loggedPath, refuseBadHost, refuseLongBody, requestIdOf } from '../lib/request'
import { refusalOfThrown } from '../trpc'
import { type Answer, type Answering, refusalAnswer } from './answers'
import { createCors } from './cors'

export type Handler = (
  request: Request,
  params: Record<string, string>,
  server: Server<unknown> | null,
) => Answering | Promise<Answering>

/** One entry of the table of routes. `:name` and `*` in the path become parameters. */
export type Route = {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS' | 'ALL'
  path: string
  handle: Handler
  /** Served by Bun's own router, which saves the dispatch through Elysia: worth it for calls of procedures. */
  hot?: boolean
}

export type Failure = { error: Error; path?: string | undefined; requestId: string }
export type Serve = (
  request: Request,
  params: Record<string, string>,
  server: Server<unknown> | null,
) => Response | Promise<Response>

const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'cross-origin',
  'strict-transport-security': 'max-age=31536000',
}
// Built once: copying headers costs a fraction of adding them one by one.
const JSON_HEADERS = new Headers({ ...SECURITY_HEADERS, 'content-type': 'application/json', vary: 'Origin' })

/**
 * The steps around every response: size and host checks, security headers, CORS, refusals, a line in the log and a
 * count. Each route runs through `serve` exactly once.
 */
export function createPipeline({ log, metrics, env }: Pick<Deps, 'log' | 'metrics' | 'env'>) {
  const writeLine = createRequestLog(log)
  const cors = createCors(env.CORS_ORIGINS)

  /** Logs faults. A refusal is a normal response and is not logged. */
  function reportFailure({ error, path, requestId }: Failure): void {
    const { reason } = refusalOfThrown(error)
    if (reason === 'INTERNAL') log.error({ error, path, requestId }, 'call failed')
    else if (reason === 'UNAVAILABLE') log.warn({ error, path, requestId }, 'dependency unavailable')
  }

  function refuse(thrown: unknown, request: Request): Answer {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown))
    const requestId = requestIdOf(request)
    reportFailure({ error, path: loggedPath(pathOf(request)), requestId })
    return refusalAnswer(error, requestId)
  }

  const serve =
    (handle: Handler): Serve =>
    (request, params, server) => {
      const startedAt = performance.now()
      const finish = (answer: Answering): Response => {
        // Bun expects undefined for an upgraded request, which its types do not allow.
        if (!answer) return undefined as unknown as Response
        const response = withSecurityHeaders(answer)
        const requestId = requestIdOf(request)
        response.headers.set('x-request-id', requestId)
        cors.allow(request, response.headers)
        metrics.countAnswer(response.status)
        const ms = Math.round((performance.now() - startedAt) * 10) / 10
        writeLine({
          requestId,
          method: request.method,
          path: loggedPath(pathOf(request)),
          status: response.status,
          ms,
        })
        return response
      }
      const fail = (error: unknown) => finish(refuse(error, request))
      try {
        refuseBadHost(request)
        if (request.method === 'OPTIONS') return finish(cors.preflight(request))
        if (request.method !== 'GET') refuseLongBody(request)
        const answer = handle(request, params, server)
        return answer instanceof Promise ? answer.then(finish).catch(fail) : finish(answer)
      } catch (error) {
        return fail(error)
      }
    }

  return { serve, reportFailure }
}

function withSecurityHeaders(answer: Answer | Response): Response {
  if (answer instanceof Response) {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) answer.headers.set(name, value)
    return answer
  }
  const response = new Response(answer.body, { status: answer.status, headers: JSON_HEADERS })
  for (const name in answer.headers) response.headers.set(name, answer.headers[name] ?? '')
  return response
}

/** The path of a request's URL, without its query. */
function pathOf({ url }: Request): string {
  const from = url.indexOf('/', 8)
  const end = url.indexOf('?', from)
  return end < 0 ? url.slice(from) : url.slice(from, end)
}
