import { type AnyTRPCProcedure, getTRPCErrorFromUnknown } from '@trpc/server'
import type { Context } from '../context'
import { AppError, retryAfterOf } from '../errors'
import { limitHeaders } from '../lib/rate-limits'
import { requestIdOf } from '../lib/request'
import { textOf } from '../schemas/serialize'
import { refusalSchema } from '../trpc'
import type { Answer } from './answers'
import { callProcedure } from './call-procedure'
import type { Failure } from './pipeline'
import type { ResponseCache } from './response-cache'

export type TrpcOptions = {
  createContext: (request: Request, options?: { calls?: number }) => Context | Promise<Context>
  cache: ResponseCache
  reportFailure: (failure: Failure) => void
}

export type TrpcCall = {
  procedure: AnyTRPCProcedure
  path: string
  type: 'query' | 'mutation'
  input: unknown
}

type Result = { status: number; body: string; error?: Error }

/** Runs the calls of one request at once. The response has their common status, or 207. */
export function createCallRunner({ createContext, cache, reportFailure }: TrpcOptions) {
  async function run(request: Request, calls: TrpcCall[], isBatch: boolean): Promise<Answer> {
    let ctx: Context | undefined
    let results: Result[]
    try {
      ctx = await createContext(request, { calls: calls.length })
      const [only] = calls
      results =
        calls.length === 1 && only
          ? [await runCall(request, ctx, only)]
          : await Promise.all(calls.map(runOneOfMany(request, ctx)))
    } catch (error) {
      results = calls.map((call) => refuse(error, request, call.path))
    }
    const text = results.map(({ body }) => body).join()
    const body = isBatch ? `[${text}]` : text
    const status = commonStatus(results)
    if (calls.length === 1 && status === 200 && ctx)
      cache.store(request, { procedure: calls[0]?.path ?? '', body, ctx })
    const limited = results.find(({ error }) => error && isLimited(error))?.error
    return { status, body, headers: headersOf(ctx, limited) }
  }

  /** Each call of a batch has a reply of its own and shares cached responses with the calls of other batches. */
  const runOneOfMany =
    (request: Request, shared: Context) =>
    async (call: TrpcCall): Promise<Result> => {
      const ctx = { ...shared, reply: {} }
      const { path, input } = call
      if (call.type !== 'query') return runCall(request, ctx, call)
      try {
        const cached = await cache.findCall(ctx, { path, input })
        if (cached !== undefined) return { status: 200, body: cached }
      } catch (error) {
        return refuse(error, request, path)
      }
      const result = await runCall(request, ctx, call)
      if (result.status === 200) cache.storeCall({ path, input, body: result.body, ctx })
      return result
    }

  async function runCall(
    request: Request,
    ctx: Context,
    { procedure, path, type, input }: TrpcCall,
  ): Promise<Result> {
    try {
      const data = await callProcedure(procedure, { ctx, path, type, getRawInput: async () => input })
      return {
        status: 200,
        body: data === undefined ? '{"result":{}}' : `{"result":{"data":${textOf(data)}}}`,
      }
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

  return run
}

function commonStatus([first, ...others]: Result[]): number {
  return others.every(({ status }) => status === first?.status) ? (first?.status ?? 200) : 207
}

export const isLimited = ({ cause }: Error) =>
  cause instanceof AppError && cause.retryAfterSeconds !== undefined

export const headersOf = (ctx: Context | undefined, limited?: Error): Record<string, string> => ({
  ...limitHeaders(ctx?.caller.allowance ?? null),
  ...retryAfterOf(limited),
})
