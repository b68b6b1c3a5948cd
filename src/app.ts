import type { BunRequest, Server } from 'bun'
import { Elysia } from 'elysia'
import type { Deps } from './context'
import { noSuchPath } from './errors'
import { docsRoutes } from './http/docs-routes'
import { icsRoutes } from './http/ics-routes'
import { createPipeline, type Route, type Serve } from './http/pipeline'
import { createRequestContexts } from './http/request-context'
import { createResponseCache } from './http/response-cache'
import { restRoutes } from './http/rest-handler'
import { systemRoutes } from './http/system-routes'
import { trpcHandler } from './http/trpc-handler'
import { webRoutes } from './http/web-routes'
import { stripeRoutes, stripeSandboxRoutes } from './http/webhooks/stripe'
import { telegramRoutes, telegramSandboxRoutes } from './http/webhooks/telegram'
import { MAX_BODY_BYTES } from './lib/request'
import type { Connections } from './realtime/connections'
import { socketUpgrade } from './realtime/upgrade'

/** Bun closes a connection that sends more, without a response. Smaller bodies are refused with one. */
const MAX_RECEIVED_BYTES = 4 * MAX_BODY_BYTES
const IDLE_SECONDS = 120

/** Assembles the HTTP server from its parts. The caller decides when it listens. */
export function createApp(deps: Deps, connections: Connections, publicUrl: string) {
  const { env } = deps
  const contexts = createRequestContexts(deps)
  const { serve, reportFailure } = createPipeline(deps)
  const socket = socketUpgrade(deps, connections, contexts.callerOf)
  const cache = createResponseCache({ ...deps, callerOf: contexts.callerOf })
  const call = { cache, reportFailure }

  const routes: Route[] = [
    {
      method: 'ALL',
      path: '/trpc/*',
      handle: trpcHandler({ ...call, createContext: contexts.createContext }),
      hot: true,
    },
    ...restRoutes({
      ...call,
      createContext: (request) => contexts.createContext(request, { source: 'rest' }),
    }),
    ...icsRoutes(contexts),
    ...systemRoutes(deps),
    ...stripeRoutes(deps),
    ...stripeSandboxRoutes(deps),
    ...telegramRoutes(deps),
    ...telegramSandboxRoutes(deps),
    ...docsRoutes(publicUrl),
    ...webRoutes({
      stripe: deps.stripe.publishableKey !== '' && !deps.stripe.sandbox,
      telegram: deps.telegram.isSetUp && !deps.telegram.sandbox,
    }),
    // The pipeline answers OPTIONS itself.
    ...['/', '/*'].map((path): Route => ({ method: 'OPTIONS', path, handle: () => undefined })),
  ]
  const served = routes.map((route) => ({ ...route, serve: serve(route.handle) }))
  const upgrade = serve((request, _params, server) => socket.upgrade(request, server as Server<unknown>))

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
      // Only several workers may share a port. Otherwise a second server would silently take half of the connections.
      reusePort: env.WORKERS > 1,
      maxRequestBodySize: MAX_RECEIVED_BYTES,
      idleTimeout: IDLE_SECONDS,
      routes: {
        ...bunRoutes(served.filter(({ hot }) => hot)),
        '/realtime': (request: Request, server: Server<unknown>) => upgrade(request, {}, server),
      } as never,
    },
  })
    .onStart((started) => contexts.attach(started.server))
    .onError({ as: 'global' }, ({ error, code, request, server }) => {
      const failure = code === 'NOT_FOUND' ? noSuchPath() : error
      return serve(() => Promise.reject(failure))(request, {}, server)
    }) as unknown as Elysia
  for (const route of served) {
    app.route(
      route.method,
      route.path,
      ({ request, params, server }) => route.serve(request, params, server),
      { parse: 'none', detail: { hide: true } },
    )
  }
  return { app, websocket: socket.websocket }
}

export type App = ReturnType<typeof createApp>

type ServedRoute = Route & { serve: Serve }

/** The same routes for Bun's own router, which saves Elysia's dispatch. */
function bunRoutes(routes: ServedRoute[]): Record<string, unknown> {
  const byPath: Record<string, unknown> = {}
  for (const { method, path, serve } of routes) {
    const handle = (request: BunRequest, server: Server<unknown>) => serve(request, request.params, server)
    byPath[path] = method === 'ALL' ? handle : { ...(byPath[path] as object | undefined), [method]: handle }
  }
  return byPath
}
