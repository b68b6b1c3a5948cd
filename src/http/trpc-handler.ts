import { type AnyTRPCProcedure, getTRPCErrorFromUnknown } from '@trpc/server'
import type { Server } from 'bun'
// By its file: by its name Bun loads the CommonJS build, whose own copy of tRPC does not know what `tracked` marks here.
import { createBunHttpHandler } from 'trpc-bun-adapter/dist/index.mjs'
import type { Context } from '../context'
import { AppError, retryAfterOf } from '../errors'
import { limitHeaders } from '../lib/rate-limits'
import { hasUnknownLength, readBody, readBodyText, requestIdOf, withRequestId } from '../lib/request'
import { appRouter, procedures } from '../routers'
import { textOf } from '../schemas/serialize'
import { refusalSchema } from '../trpc'
import { callProcedure } from './call-procedure'
import type { Answer } from './pipeline'
import type { ResponseCache } from './response-cache'

type Options = {
  createContext: (request: Request, calls?: number) => Context | Promise<Context>
  kept: ResponseCache
  onError: (failure: { error: Error; path?: string | undefined; requestId: string }) => void
}

const ENDPOINT = '/trpc/'
const MAX_BATCH = 50

type Call = {
  request: Request
  procedure: AnyTRPCProcedure
  path: string
  type: 'query' | 'mutation'
  input: unknown
}

/**
 * The door of tRPC. One query or mutation with JSON, which is nearly all there ever is, is called directly and costs a fraction
 * of what the adapter takes; batches, streams, uploads and everything unusual is the adapter's, and so is what cannot be read.
 */
export function trpcHandler({ createContext, kept, onError }: Options) {
  const adapter = createBunHttpHandler({
    router: appRouter,
    endpoint: ENDPOINT.slice(0, -1),
    maxBatchSize: MAX_BATCH,
    createContext: ({ req, info }) => createContext(asReceived(req), info.calls.length),
    onError: ({ error, path, req }) => onError({ error, path, requestId: requestIdOf(asReceived(req)) }),
    responseMeta: ({ ctx, errors }) => ({
      headers: { vary: 'Origin', ...headersOf(ctx, errors.find(isLimited)) },
    }),
  })

  /** What tRPC refuses before it looks at a procedure goes out without a type, though it is JSON. */
  async function adapt(request: Request, server: Server<unknown> | null): Promise<Response | undefined> {
    // The adapter reads a body whole, whatever its length.
    const short = hasUnknownLength(request) ? withBody(request, await readBody(request)) : request
    const response = await withRequestId(request, () => adapter(short, server as never))
    if (response && !response.headers.get('content-type')?.match(/json|event-stream/)) {
      response.headers.set('content-type', 'application/json')
    }
    return response
  }

  async function mutate(
    { request, procedure, path }: Pick<Call, 'request' | 'procedure' | 'path'>,
    server: Server<unknown> | null,
  ) {
    const text = await readBodyText(request)
    try {
      const input = text === '' ? undefined : JSON.parse(text)
      return await call({ request, procedure, path, type: 'mutation', input })
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error
      return adapt(withBody(request, text), server)
    }
  }

  async function call({ request, procedure, path, type, input }: Call): Promise<Answer> {
    let ctx: Context | undefined
    try {
      ctx = await createContext(request)
      const data = await callProcedure(procedure, { ctx, path, type, getRawInput: async () => input })
      const body = data === undefined ? '{"result":{}}' : `{"result":{"data":${textOf(data)}}}`
      if (type === 'query') kept.keep(request, { procedure: path, body, ctx })
      return { status: 200, body, headers: limitHeaders(ctx.caller.allowance) }
    } catch (thrown) {
      return refuse(getTRPCErrorFromUnknown(thrown), { request, path }, ctx)
    }
  }

  function refuse(
    error: ReturnType<typeof getTRPCErrorFromUnknown>,
    { request, path }: Pick<Call, 'request' | 'path'>,
    ctx?: Context,
  ): Answer {
    const requestId = requestIdOf(request)
    onError({ error, path, requestId })
    const shape = refusalSchema(error, requestId)
    return {
      status: shape.data.httpStatus,
      body: JSON.stringify({ error: shape }),
      headers: headersOf(ctx, isLimited(error) ? error : undefined),
    }
  }

  function ask(request: Request, server: Server<unknown> | null) {
    const { url, method } = request
    const from = url.indexOf(ENDPOINT, 8) + ENDPOINT.length
    const question = url.indexOf('?', from)
    const path = question < 0 ? url.slice(from) : url.slice(from, question)
    const procedure = procedures[path]
    if (!procedure || request.headers.has('trpc-accept')) return adapt(request, server)
    const { type } = procedure._def
    if (type === 'query' && method === 'GET') {
      const input = readInput(question < 0 ? '' : url.slice(question + 1))
      if (input) return call({ request, procedure, path, type, input: input.value })
    }
    if (type === 'mutation' && method === 'POST' && question < 0 && isJson(request)) {
      return mutate({ request, procedure, path }, server)
    }
    return adapt(request, server)
  }

  return (request: Request, server: Server<unknown> | null) =>
    kept.answer(request, () => ask(request, server))
}

/** The same request with its body, which can be read only once, and was. */
function withBody(request: Request, body: string | Uint8Array<ArrayBuffer>): Request {
  const { url, method, headers, signal } = request
  const again = new Request(url, { method, headers, signal, ...(body.length > 0 && { body }) })
  received.set(again, request)
  return again
}

/** The request that came over the network, which alone has an address and an id. */
const asReceived = (request: Request): Request => received.get(request) ?? request
const received = new WeakMap<Request, Request>()

/** The input of a query, where that is all that the address carries; undefined where the adapter must look. */
function readInput(query: string): { value: unknown } | undefined {
  if (query === '') return { value: undefined }
  if (!query.startsWith('input=') || query.includes('&') || query.includes('+')) return undefined
  try {
    return { value: JSON.parse(decodeURIComponent(query.slice(6))) }
  } catch {
    return undefined
  }
}

const isJson = (request: Request) => /^application\/json(;|$)/.test(request.headers.get('content-type') ?? '')

const isLimited = ({ cause }: Error) => cause instanceof AppError && cause.retryAfterSeconds !== undefined

const headersOf = (ctx: Context | undefined, limited?: Error): Record<string, string> => ({
  ...limitHeaders(ctx?.caller.allowance ?? null),
  ...retryAfterOf(limited),
})
