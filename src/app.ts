import { cors } from '@elysiajs/cors'
import type { BunRequest, Server } from 'bun'
import { Elysia } from 'elysia'
import { version } from '../package.json'
import type { Actor } from './actor'
import type { Context, Deps } from './context'
import { AppError, noSuchPath } from './errors'
import { docsRoutes } from './http/docs-routes'
import { icsRoutes } from './http/ics-routes'
import { type Answering, createPipeline, type Handler, responseOf } from './http/pipeline'
import { createResponseCache } from './http/response-cache'
import { refusalAnswer, refusalResponse, restRoutes } from './http/rest-handler'
import { trpcHandler } from './http/trpc-handler'
import { webRoutes } from './http/web-routes'
import { stripeRoutes, stripeSandboxRoutes } from './http/webhooks/stripe'
import { telegramRoutes, telegramSandboxRoutes } from './http/webhooks/telegram'
import { addressReader, type Caller } from './lib/rate-limits'
import { MAX_BODY_BYTES, requestIdOf } from './lib/request'
import type { Connections } from './realtime/connections'
import { socketUpgrade } from './realtime/upgrade'
import { pingDatabase } from './services/shared/health'
import { refusalOfThrown } from './trpc'

/** Beyond this the connection is ended without a word of ours, whatever length was declared. */
const MAX_RECEIVED_BYTES = 4 * MAX_BODY_BYTES
const startedAt = Date.now()

type Failure = { error: Error; path?: string | undefined; requestId: string }

/** Every door, mounted. No logic, no side effect: whoever calls this decides when to listen, and stops it. */
export function createApp(deps: Deps, connections: Connections, publicUrl: string) {
  const { env, log } = deps

  let server: Server<unknown> | null = null
  const addressOf = addressReader(env.TRUST_PROXY)

  /** At once, but where a token must be verified. */
  function createContext(
    request: Request,
    calls = 1,
    source: Context['source'] = 'web',
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

  /** Where it comes from is looked up only where somebody wants to know. */
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

  /** Nobody in particular without a token; a bad one is refused rather than taken for none. */
  function actorOf(request: Request): Actor | Promise<Actor> {
    const header = request.headers.get('authorization')
    if (header === null) return { kind: 'anonymous' }
    const token = /^Bearer +(\S+)$/i.exec(header)?.[1]
    if (!token)
      throw new AppError('NOT_SIGNED_IN', 'The Authorization header must be: Bearer <access token>.')
    return deps.tokens.verify(token).then(({ user }) => user)
  }

  /** A refusal is an answer and no event. What is not expected is written down whole, with the id that the caller got. */
  function onError({ error, path, requestId }: Failure): void {
    const { reason } = refusalOfThrown(error)
    if (reason === 'INTERNAL') log.error({ error, path, requestId }, 'a call failed')
    else if (reason === 'UNAVAILABLE') log.warn({ error, path, requestId }, 'a dependency is down')
  }

  const frame = createPipeline(deps)
  const kept = createResponseCache({ ...deps, callerOf })
  const trpc = trpcHandler({ createContext, kept, onError })
  const rest = restRoutes({
    createContext: (request) => createContext(request, 1, 'rest'),
    kept,
    onError,
  })
  const socket = socketUpgrade(deps, connections, callerOf)

  const refuse = (error: unknown, request: Request, path: string) => {
    const requestId = requestIdOf(request)
    onError({ error: error instanceof Error ? error : new Error(String(error)), path, requestId })
    return refusalAnswer(error, requestId)
  }
  /** Pages of other origins are Elysia's, with whatever else its plugin for them must look at. */
  const quickly = <R extends Request>(handle: Handler<R>) =>
    frame.around<R>(
      (request, listening) =>
        request.headers.has('origin') || request.method === 'OPTIONS'
          ? undefined
          : handle(request, listening),
      { refuse, otherwise: (request) => app.fetch(request) },
    )
  const routes: Record<string, unknown> = {
    '/trpc/*': quickly(trpc),
    '/realtime': frame.around(socket.upgrade, { refuse }),
  }
  for (const { method, path, handle } of rest) {
    const route = quickly((request: BunRequest) => handle(request, request.params))
    routes[path] = { ...(routes[path] as object | undefined), [method]: route }
  }

  const app: Elysia = new Elysia({
    serve: {
      hostname: env.HOST,
      // Only meant where a supervisor runs several: else a second server would silently take half of the connections.
      reusePort: env.WORKERS > 1,
      maxRequestBodySize: MAX_RECEIVED_BYTES,
      idleTimeout: 120,
      routes: routes as never,
    },
  })
    .onStart((app) => {
      server = app.server
    })
    .use(frame.hooks)
    .use(cors({ origin: env.CORS_ORIGINS.includes('*') ? true : env.CORS_ORIGINS, ...CORS }))
    .onError({ as: 'global' }, ({ error, code, request, path, set }) => {
      const requestId = requestIdOf(request)
      const failure =
        code === 'NOT_FOUND' ? noSuchPath() : error instanceof Error ? error : new Error(String(error))
      onError({ error: failure, path, requestId })
      const response = refusalResponse(failure, requestId)
      set.status = response.status
      return response
    })
    .get('/api/health', () => ({
      status: 'ok',
      version,
      uptimeSeconds: Math.round((Date.now() - startedAt) / 1000),
    }))
    .get('/api/health/db', async ({ status }) => {
      const { ok, latencyMs } = await pingDatabase(deps)
      return status(ok ? 200 : 503, { status: ok ? 'ok' : 'unavailable', latencyMs })
    })
    .get('/api/health/redis', async ({ status }) => {
      if (!deps.redis) return { status: 'disabled' as const }
      const { ok, latencyMs } = await deps.redis.check()
      return status(ok ? 200 : 503, { status: ok ? 'ok' : 'unavailable', latencyMs })
    })
    .get('/metrics', async ({ set }) => {
      set.headers['content-type'] = deps.metrics.registry.contentType
      return deps.metrics.readAll()
    })
    .all('/trpc/*', ({ request, server }) => asResponse(trpc(request, server)), { parse: 'none' })
    .use(icsRoutes({ createContext, onError }))
    .use(stripeRoutes(deps))
    .use(stripeSandboxRoutes(deps))
    .use(telegramRoutes(deps))
    .use(telegramSandboxRoutes(deps))
    .use(docsRoutes(publicUrl))
    .use(
      webRoutes({
        stripe: deps.stripe.publishableKey !== '' && !deps.stripe.sandbox,
        telegram: deps.telegram.isSetUp && !deps.telegram.sandbox,
      }),
    ) as unknown as Elysia
  for (const { method, path, handle } of rest) {
    app.route(method, path, ({ request, params }) => asResponse(handle(request, params)), {
      parse: 'none',
      detail: { hide: true },
    })
  }
  return { app, websocket: socket.websocket }
}

export type App = ReturnType<typeof createApp>

async function asResponse(answering: Answering | Promise<Answering>): Promise<Response | undefined> {
  const answer = await answering
  return answer === undefined || answer instanceof Response ? answer : responseOf(answer)
}

const CORS = {
  credentials: false,
  methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'],
  allowedHeaders: ['authorization', 'content-type', 'idempotency-key', 'x-request-id', 'trpc-accept'],
  exposeHeaders: ['x-request-id', 'retry-after', 'ratelimit', 'ratelimit-policy'],
  maxAge: 86_400,
}

/** What a session is recognised by: the start of the browser's or the program's own name. */
function deviceOf(request: Request): string | null {
  return request.headers.get('user-agent')?.replaceAll('\0', '').slice(0, 100) ?? null
}
