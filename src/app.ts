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

  const app = new Elysia({
    strictPath: true,
    // Elysia's shortcut for standard host names reads a path at the wrong offset if the host is shorter than four letters.
    handler: { standardHostname: false },
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
