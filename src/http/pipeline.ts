import type { Server } from 'bun'
import { Elysia } from 'elysia'
import type { Deps } from '../context'
import { createRequestLog } from '../lib/logger'
import { loggedPath, refuseBadHost, refuseLongBody, requestIdOf } from '../lib/request'

/** An answer before it is one of HTTP; JSON where `headers` does not say otherwise. */
export type Answer = {
  status: number
  body: string | Uint8Array<ArrayBuffer>
  headers?: Record<string, string>
}

/** What answers requests without a hook of Elysia's; undefined where it has nothing to say. */
export type Handler<R extends Request = Request> = (
  request: R,
  server: Server<unknown>,
) => Answering | Promise<Answering>
export type Answering = Answer | Response | undefined

type Around = {
  /** Makes an answer of whatever was thrown. */
  refuse: (error: unknown, request: Request, path: string) => Answer
  /** What becomes of a request that the handler has nothing to say to; nothing, where it is a request no more. */
  otherwise?: (request: Request) => Response | Promise<Response>
}

const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'cross-origin',
  'strict-transport-security': 'max-age=31536000',
}
const JSON_TYPE = { 'content-type': 'application/json' }
/** Made once: a copy of headers costs a fraction of naming them anew. */
const QUICK_HEADERS = new Headers({ ...SECURITY_HEADERS, ...JSON_TYPE, vary: 'Origin' })

export const responseOf = ({ status, body, headers }: Answer): Response =>
  new Response(body, { status, headers: { ...JSON_TYPE, vary: 'Origin', ...headers } })

/**
 * What is around every answer, whichever door it leaves by: its headers, the limit of a body, a line in the log and a count.
 * Elysia's routes have it from `hooks`; the doors of procedures, which nearly every request asks for, from `around`, which
 * does the same for a fraction of the time.
 */
export function createPipeline({ log, metrics }: Pick<Deps, 'log' | 'metrics'>) {
  const writeLine = createRequestLog(log)
  const startedOf = new WeakMap<Request, number>()

  function note(request: Request, path: string, status: number, startedAt: number | undefined): void {
    const ms = startedAt === undefined ? undefined : Math.round((performance.now() - startedAt) * 10) / 10
    metrics.countAnswer(status)
    writeLine({ requestId: requestIdOf(request), method: request.method, path: loggedPath(path), status, ms })
  }

  const hooks = new Elysia({ name: 'frame' })
    .onRequest(({ request, set }) => {
      startedOf.set(request, performance.now())
      set.headers['x-request-id'] = requestIdOf(request)
      Object.assign(set.headers, SECURITY_HEADERS)
      refuseBadHost(request)
      refuseLongBody(request)
    })
    .onAfterResponse({ as: 'global' }, ({ request, set, path, responseValue }) => {
      const status = responseValue instanceof Response ? responseValue.status : (set.status ?? 200)
      note(request, path, Number(status), startedOf.get(request))
    })

  function around<R extends Request>(handle: Handler<R>, { refuse, otherwise }: Around) {
    return (request: R, server: Server<unknown>): Response | Promise<Response> => {
      const startedAt = performance.now()
      const finish = (answer: Answering): Response | Promise<Response> => {
        // Bun wants nothing for a request that has become a socket, which its types do not know.
        if (!answer) return otherwise?.(request) ?? (undefined as unknown as Response)
        const response = withPipeline(answer)
        response.headers.set('x-request-id', requestIdOf(request))
        note(request, pathOf(request), response.status, startedAt)
        return response
      }
      const fail = (error: unknown) => finish(refuse(error, request, pathOf(request)))
      try {
        refuseBadHost(request)
        if (request.method !== 'GET') refuseLongBody(request)
        const answer = handle(request, server)
        return answer instanceof Promise ? answer.then(finish).catch(fail) : finish(answer)
      } catch (error) {
        return fail(error)
      }
    }
  }

  return { hooks, around }
}

function withPipeline(answer: Answer | Response): Response {
  if (answer instanceof Response) {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) answer.headers.set(name, value)
    return answer
  }
  const response = new Response(answer.body, { status: answer.status, headers: QUICK_HEADERS })
  for (const name in answer.headers) response.headers.set(name, answer.headers[name] ?? '')
  return response
}

/** The path of an address, without what is asked. */
function pathOf({ url }: Request): string {
  const from = url.indexOf('/', 8)
  const end = url.indexOf('?', from)
  return end < 0 ? url.slice(from) : url.slice(from, end)
}
