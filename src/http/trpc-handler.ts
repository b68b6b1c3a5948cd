import { type AnyTRPCProcedure, getTRPCErrorFromUnknown } from '@trpc/server'
import type { Server } from 'bun'
// The file, not the package name: Bun would load the CommonJS build with its own copy of tRPC, which does not know `tracked`.
import { createBunHttpHandler } from 'trpc-bun-adapter/dist/index.mjs'
import type { Context } from '../context'
import { AppError, retryAfterOf } from '../errors'
import { limitHeaders } from '../lib/rate-limits'
import { hasUnknownLength, readBody, readBodyText, requestIdOf, withRequestId } from '../lib/request'
import { appRouter, procedures } from '../routers'
import { textOf } from '../schemas/serialize'
import { refusalSchema } from '../trpc'
import { callProcedure } from './call-procedure'
import type { Answer, Failure, Handler } from './pipeline'
import type { ResponseCache } from './response-cache'
import { type BatchCall, parseTrpcUrl, readInputs, type TrpcUrl } from './trpc-url'

type Options = {
  createContext: (request: Request, options?: { calls?: number }) => Context | Promise<Context>
  cache: ResponseCache
  reportFailure: (failure: Failure) => void
}

const ENDPOINT = '/trpc/'
const MAX_BATCH = 50

type Result = { status: number; body: string; error?: Error }

/**
 * tRPC over HTTP. Queries and mutations in JSON, alone or in a batch, are called directly, which costs a fraction of what the
 * adapter takes. Streams, uploads and everything that cannot be read go to the adapter.
 */
export function trpcHandler({ createContext, cache, reportFailure }: Options): Handler {
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

  /** tRPC sends some of its own refusals without a content type. */
  async function adapt(request: Request, server: Server<unknown> | null): Promise<Response | undefined> {
    // The adapter reads a whole body, whatever its length.
    const bounded = hasUnknownLength(request) ? withBody(request, await readBody(request)) : request
    const response = await withRequestId(request, () => adapter(bounded, server as never))
    if (response && !response.headers.get('content-type')?.match(/json|event-stream/)) {
      response.headers.set('content-type', 'application/json')
    }
    return response
  }

  /** Runs the calls of one request at once. One response for all: their common status, or 207. */
  async function run(request: Request, calls: BatchCall[], isBatch: boolean): Promise<Answer> {
    const isCacheable = request.method === 'GET'
    let ctx: Context | undefined
    let results: Result[]
    try {
      const shared = await createContext(request, { calls: calls.length })
      ctx = shared
      results = await Promise.all(
        calls.map((call) => {
          // `reply` belongs to one call.
          const own = calls.length === 1 ? shared : { ...shared, reply: {} }
          return runCall(request, own, call, isCacheable && calls.length > 1)
        }),
      )
    } catch (error) {
      results = calls.map((call) => refuse(error, request, call.path))
    }
    const bodies = results.map(({ body }) => body)
    const body = isBatch ? `[${bodies.join()}]` : (bodies[0] ?? '')
    const [{ status } = { status: 200 }] = results
    const limited = results.find(({ error }) => error && isLimited(error))?.error
    if (isCacheable && calls.length === 1 && status === 200 && ctx)
      cache.store(request, { procedure: calls[0]?.path ?? '', body, ctx })
    return {
      status: results.every((result) => result.status === status) ? status : 207,
      body,
      headers: headersOf(ctx, limited),
    }
  }

  async function runCall(
    request: Request,
    ctx: Context,
    { procedure, path, type, input }: BatchCall,
    shareCalls: boolean,
  ): Promise<Result> {
    try {
      const cached = shareCalls ? await cache.findCall(ctx, { path, input }) : undefined
      if (cached !== undefined) return { status: 200, body: cached }
      const data = await callProcedure(procedure, { ctx, path, type, getRawInput: async () => input })
      const body = data === undefined ? '{"result":{}}' : `{"result":{"data":${textOf(data)}}}`
      if (shareCalls) cache.storeCall({ path, input, body, ctx })
      return { status: 200, body }
    } catch (thrown) {
      return refuse(thrown, request, path)
    }
  }

  function refuse(thrown: unknown, request: Request, path: string): Result {
    const error = getTRPCErrorFromUnknown(thrown)
    const requestId = requestIdOf(request)
    reportFailure({ error, path, requestId })
    const refusal = refusalSchema(error, requestId)
    return { status: refusal.data.httpStatus, body: JSON.stringify({ error: refusal }), error }
  }

  function query(request: Request, url: TrpcUrl, found: AnyTRPCProcedure[], server: Server<unknown> | null) {
    const inputs = readInputs(url.input, found.length, url.isBatch)
    return inputs ? run(request, callsOf(url, found, 'query', inputs), url.isBatch) : adapt(request, server)
  }

  async function mutate(
    request: Request,
    url: TrpcUrl,
    found: AnyTRPCProcedure[],
    server: Server<unknown> | null,
  ) {
    const text = await readBodyText(request)
    const inputs = readInputs(text === '' ? undefined : text, found.length, url.isBatch)
    return inputs
      ? run(request, callsOf(url, found, 'mutation', inputs), url.isBatch)
      : adapt(withBody(request, text), server)
  }

  function ask(request: Request, server: Server<unknown> | null) {
    const url = request.headers.has('trpc-accept') ? undefined : parseTrpcUrl(request.url, ENDPOINT)
    if (!url || url.paths.length > MAX_BATCH) return adapt(request, server)
    const found = url.paths.flatMap((path) => procedures[path] ?? [])
    const isAll = (type: string) =>
      found.length === url.paths.length && found.every((procedure) => procedure._def.type === type)
    if (request.method === 'GET' && isAll('query')) return query(request, url, found, server)
    if (request.method === 'POST' && url.input === undefined && isJson(request) && isAll('mutation'))
      return mutate(request, url, found, server)
    return adapt(request, server)
  }

  return (request, _params, server) => cache.answer(request, () => ask(request, server))
}

const callsOf = (
  { paths }: TrpcUrl,
  found: AnyTRPCProcedure[],
  type: BatchCall['type'],
  inputs: unknown[],
): BatchCall[] =>
  found.map((procedure, index) => ({ procedure, path: paths[index] ?? '', type, input: inputs[index] }))

/** A copy of a request with its body, which can be read only once and was. */
function withBody(request: Request, body: string | Uint8Array<ArrayBuffer>): Request {
  const { url, method, headers, signal } = request
  const copy = new Request(url, { method, headers, signal, ...(body.length > 0 && { body }) })
  originals.set(copy, request)
  return copy
}

/** The request from the network: only that one has an address and a request id. */
const originalOf = (request: Request): Request => originals.get(request) ?? request
const originals = new WeakMap<Request, Request>()

const isJson = (request: Request) => /^application\/json(;|$)/.test(request.headers.get('content-type') ?? '')

const isLimited = ({ cause }: Error) => cause instanceof AppError && cause.retryAfterSeconds !== undefined

const headersOf = (ctx: Context | undefined, limited?: Error): Record<string, string> => ({
  ...limitHeaders(ctx?.caller.allowance ?? null),
  ...retryAfterOf(limited),
})
