import type { AnyTRPCProcedure } from '@trpc/server'
import type { Server } from 'bun'
import { readBodyText } from '../lib/request'
import { procedures } from '../routers'
import type { Handler } from './pipeline'
import { ENDPOINT, MAX_BATCH, trpcAdapter, withBody } from './trpc-adapter'
import { createCallRunner, type TrpcCall, type TrpcOptions } from './trpc-calls'
import { parseTrpcUrl, readInputs, type TrpcUrl } from './trpc-url'

/**
 * tRPC over HTTP. Queries and mutations in JSON, alone or in a batch, are called directly, which costs a fraction of what the
 * adapter takes. Streams, uploads and everything that cannot be read go to the adapter.
 */
export function trpcHandler(options: TrpcOptions): Handler {
  const adapt = trpcAdapter(options)
  const run = createCallRunner(options)

  function query(request: Request, { url, found }: Found, server: Server<unknown> | null) {
    const inputs = readInputs(url.input, found.length, url.isBatch)
    if (!inputs) return adapt(request, server)
    return run(request, callsOf({ url, found }, 'query', inputs), url.isBatch)
  }

  async function mutate(request: Request, { url, found }: Found, server: Server<unknown> | null) {
    const text = await readBodyText(request)
    const inputs = readInputs(text === '' ? undefined : text, found.length, url.isBatch)
    if (!inputs) return adapt(withBody(request, text), server)
    return run(request, callsOf({ url, found }, 'mutation', inputs), url.isBatch)
  }

  function ask(request: Request, server: Server<unknown> | null) {
    const wanted = find(request)
    if (!wanted) return adapt(request, server)
    const isAll = (type: string) => wanted.found.every(({ _def }) => _def.type === type)
    if (request.method === 'GET' && isAll('query')) return query(request, wanted, server)
    const hasJsonBody = request.method === 'POST' && wanted.url.input === undefined && isJson(request)
    if (hasJsonBody && isAll('mutation')) return mutate(request, wanted, server)
    return adapt(request, server)
  }

  return (request, _params, server) => options.cache.answer(request, () => ask(request, server))
}

type Found = { url: TrpcUrl; found: AnyTRPCProcedure[] }

/** @returns undefined unless the URL has a form of tRPC's own client and names only known procedures */
function find(request: Request): Found | undefined {
  if (request.headers.has('trpc-accept')) return undefined
  const url = parseTrpcUrl(request.url, ENDPOINT)
  if (!url || url.paths.length > MAX_BATCH) return undefined
  const found = url.paths.flatMap((path) => procedures[path] ?? [])
  return found.length === url.paths.length ? { url, found } : undefined
}

const callsOf = ({ url, found }: Found, type: TrpcCall['type'], inputs: unknown[]): TrpcCall[] =>
  found.map((procedure, index) => ({ procedure, path: url.paths[index] ?? '', type, input: inputs[index] }))

const isJson = (request: Request) => /^application\/json(;|$)/.test(request.headers.get('content-type') ?? '')
