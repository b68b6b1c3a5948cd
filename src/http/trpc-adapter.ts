import type { Server } from 'bun'
// The file, not the package name: Bun would load the CommonJS build with its own copy of tRPC, which does not know `tracked`.
import { createBunHttpHandler } from 'trpc-bun-adapter/dist/index.mjs'
import { hasUnknownLength, readBody, requestIdOf, withRequestId } from '../lib/request'
import { appRouter } from '../routers'
import { headersOf, isLimited, type TrpcOptions } from './trpc-calls'

export const ENDPOINT = '/trpc/'
export const MAX_BATCH = 50

/** tRPC's own handler, for streams, uploads and everything that the direct path cannot read. */
export function trpcAdapter({ createContext, reportFailure }: TrpcOptions) {
  const adapter = createBunHttpHandler({
    router: appRouter,
    endpoint: ENDPOINT.slice(0, -1),
    maxBatchSize: MAX_BATCH,
    createContext: ({ req, info }) => createContext(originalOf(req), { calls: info.calls.length }),
    onError: ({ error, path, req }) =>
      reportFailure({ error, path, requestId: requestIdOf(originalOf(req)) }),
    responseMeta: ({ ctx, errors }) => ({
      headers: { vary: 'Origin', ...headersOf(ctx, errors.find(isLimited)) },
    }),
  })

  return async (request: Request, server: Server<unknown> | null): Promise<Response | undefined> => {
    // The adapter reads a whole body, whatever its length.
    const bounded = hasUnknownLength(request) ? withBody(request, await readBody(request)) : request
    const response = await withRequestId(request, () => adapter(bounded, server as never))
    // tRPC sends some of its own refusals without a content type.
    if (response && !response.headers.get('content-type')?.match(/json|event-stream/)) {
      response.headers.set('content-type', 'application/json')
    }
    return response
  }
}

/** A copy of a request with its body, which can be read only once and was. */
export function withBody(request: Request, body: string | Uint8Array<ArrayBuffer>): Request {
  const { url, method, headers, signal } = request
  const copy = new Request(url, { method, headers, signal, ...(body.length > 0 && { body }) })
  originals.set(copy, request)
  return copy
}

/** The request from the network: only that one has an address and a request id. */
const originalOf = (request: Request): Request => originals.get(request) ?? request
const originals = new WeakMap<Request, Request>()
