import { type AnyTRPCProcedure, getTRPCErrorFromUnknown } from '@trpc/server'
import type { OpenApiMeta } from 'trpc-to-openapi'
import { z } from 'zod'
import type { Context } from '../context'
import { AppError } from '../errors'
import { limitHeaders } from '../lib/rate-limits'
import { readBodyText } from '../lib/request'
import { procedures } from '../routers'
import { textOf } from '../schemas/serialize'
import { type Answer, refusalAnswer } from './answers'
import { callProcedure } from './call-procedure'
import type { Failure, Route } from './pipeline'
import type { ResponseCache } from './response-cache'

type RestOptions = {
  createContext: (request: Request) => Context | Promise<Context>
  cache: ResponseCache
  reportFailure: (failure: Failure) => void
}

/**
 * One route for each procedure with an OpenAPI path. Only the document comes from trpc-to-openapi. Its request handler builds
 * the document anew for each request and turns on coercion inside the shared validators, so that `""` would become a number
 * for every client.
 */
export function restRoutes({ createContext, cache, reportFailure }: RestOptions): Route[] {
  return restProcedures().map(({ path, procedure, openapi }) => {
    const readInput = inputReader(procedure, openapi.method)
    const { type } = procedure._def

    async function call(request: Request, params: Record<string, string>): Promise<Answer | Response> {
      const ctx = await createContext(request)
      try {
        // tRPC may ask more than once, but a body can be read only once.
        let input: Promise<unknown> | undefined
        const getRawInput = () => {
          input ??= readInput(request, params)
          return input
        }
        const data = await callProcedure(procedure, { path, getRawInput, ctx, type })
        const headers = limitHeaders(ctx.caller.allowance)
        const picture = pictureOf(request, data, headers)
        if (picture) return picture
        const answer = { status: 200, body: textOf(data), headers }
        if (type === 'query') cache.store(request, { procedure: path, body: answer.body, ctx })
        return answer
      } catch (thrown) {
        const error = getTRPCErrorFromUnknown(thrown)
        reportFailure({ error, path, requestId: ctx.requestId })
        return refusalAnswer(error, ctx.requestId, limitHeaders(ctx.caller.allowance))
      }
    }

    return {
      method: openapi.method,
      path: `/api${openapi.path.replace(/\{(\w+)\}/g, ':$1')}`,
      handle: (request, params) => cache.answer(request, () => call(request, params)),
      hot: true,
    }
  })
}

/** Sends only the picture of a response that has one if the client accepts SVG, as an `img` element does. */
function pictureOf(request: Request, data: unknown, headers: Record<string, string>): Response | undefined {
  if (!request.headers.get('accept')?.includes('image/svg+xml')) return undefined
  if (typeof data !== 'object' || data === null || !('svg' in data)) return undefined
  return new Response(String(data.svg), {
    headers: { ...headers, 'content-type': 'image/svg+xml', 'cache-control': 'no-store' },
  })
}

type RestProcedure = {
  path: string
  procedure: AnyTRPCProcedure
  openapi: NonNullable<OpenApiMeta['openapi']>
}

function restProcedures(): RestProcedure[] {
  return Object.entries(procedures).flatMap(([path, procedure]) => {
    const { openapi } = (procedure._def.meta ?? {}) as OpenApiMeta
    return openapi ? [{ path, procedure, openapi }] : []
  })
}

/** Merges path with query or body into the procedure's input. The path wins. */
function inputReader(procedure: AnyTRPCProcedure, method: string) {
  const hasBody = method === 'POST' || method === 'PUT' || method === 'PATCH'
  const fields = fieldsOf(procedure)
  return async (request: Request, params: Record<string, string>): Promise<unknown> => {
    const sent = hasBody ? await readBody(request) : readQuery(request, fields)
    return { ...sent, ...params }
  }
}

async function readBody(request: Request): Promise<Record<string, unknown>> {
  const text = await readBodyText(request)
  if (text === '') return {}
  if (!request.headers.get('content-type')?.toLowerCase().startsWith('application/json')) {
    throw new AppError('VALIDATION', 'A body must be JSON, with the content type application/json.')
  }
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    throw new AppError('VALIDATION', 'The body is not JSON.')
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new AppError('VALIDATION', 'The body must be a JSON object.')
  }
  return { ...body }
}

type Fields = Map<string, 'number' | 'boolean' | 'array' | 'text'>

/** Converts numbers and booleans if the procedure expects them. Its schema refuses everything else. */
function readQuery(request: Request, fields: Fields): Record<string, unknown> {
  const query = new URL(request.url).searchParams
  // No prototype, so that `__proto__` is refused like any unknown field.
  const given: Record<string, unknown> = Object.create(null)
  for (const name of new Set(query.keys())) {
    const values = query.getAll(name)
    const [value = ''] = values
    const kind = fields.get(name)
    if (kind === 'array') given[name] = values
    else if (values.length > 1) given[name] = values
    else if (kind === 'number' && /^-?\d+(\.\d+)?$/.test(value)) given[name] = Number(value)
    else if (kind === 'boolean' && (value === 'true' || value === 'false')) given[name] = value === 'true'
    else given[name] = value
  }
  return given
}

function fieldsOf(procedure: AnyTRPCProcedure): Fields {
  const [input] = procedure._def.inputs as z.ZodType[]
  const object = input && unwrapped(input)
  if (!(object instanceof z.ZodObject)) return new Map()
  return new Map(
    Object.entries(object.shape).map(([name, type]) => [name, kindOf(unwrapped(type as z.ZodType))]),
  )
}

function kindOf(type: z.ZodType) {
  if (type instanceof z.ZodNumber) return 'number'
  if (type instanceof z.ZodBoolean) return 'boolean'
  return type instanceof z.ZodArray ? 'array' : 'text'
}

function unwrapped(type: z.ZodType): z.ZodType {
  if (type instanceof z.ZodOptional || type instanceof z.ZodNullable || type instanceof z.ZodDefault) {
    return unwrapped(type.unwrap() as z.ZodType)
  }
  return type
}
