import type { AnyTRPCProcedure } from '@trpc/server'
import type { OpenApiMeta } from 'trpc-to-openapi'
import { procedures } from '../../src/routers'
import type { RunningServer } from '../../src/server'
import type { TestPerson } from './world'

export const openapiOf = (procedure: AnyTRPCProcedure) => ((procedure._def.meta ?? {}) as OpenApiMeta).openapi

type Answer = { status: number; reason: string }
type Caller = Pick<TestPerson, 'token'> | undefined

const bearer = (caller: Caller): Record<string, string> =>
  caller ? { authorization: `Bearer ${caller.token}` } : {}

/** Sends one call over tRPC. @returns the status, and `ok` or the reason of the refusal */
export async function callTrpc({ url }: RunningServer, path: string, input: unknown, caller?: Caller) {
  const { type } = procedures[path]?._def ?? {}
  const text = JSON.stringify(input)
  if (type === 'mutation') {
    return answerOf(
      fetch(`${url}/trpc/${path}`, {
        method: 'POST',
        body: text,
        headers: { ...bearer(caller), 'content-type': 'application/json' },
      }),
    )
  }
  const query = text === undefined ? '' : `?input=${encodeURIComponent(text)}`
  const accept = type === 'subscription' ? 'text/event-stream' : '*/*'
  return answerOf(fetch(`${url}/trpc/${path}${query}`, { headers: { ...bearer(caller), accept } }))
}

/** Sends one call over REST, with the input in the path and in the query or the body. */
export async function callRest({ url }: RunningServer, path: string, input: object, caller?: Caller) {
  const procedure = procedures[path]
  const openapi = procedure && openapiOf(procedure)
  if (!openapi) throw new Error(`${path} has no REST path`)
  const rest: Record<string, unknown> = { ...input }
  const address = openapi.path.replace(/\{(\w+)\}/g, (_, name) => {
    const value = rest[name]
    delete rest[name]
    return encodeURIComponent(String(value))
  })
  const hasBody = openapi.method !== 'GET' && openapi.method !== 'DELETE'
  const query = new URLSearchParams()
  if (!hasBody) for (const [name, value] of Object.entries(rest)) query.append(name, String(value))
  return answerOf(
    fetch(`${url}/api${address}?${query}`, {
      method: openapi.method,
      headers: { ...bearer(caller), ...(hasBody && { 'content-type': 'application/json' }) },
      ...(hasBody && { body: JSON.stringify(rest) }),
    }),
  )
}

async function answerOf(asked: Promise<Response>): Promise<Answer> {
  const response = await asked
  const { status } = response
  if (response.headers.get('content-type')?.startsWith('text/event-stream')) {
    await response.body?.cancel()
    return { status, reason: 'ok' }
  }
  const text = await response.text()
  if (response.ok) return { status, reason: 'ok' }
  const body = JSON.parse(text)
  return { status, reason: body.reason ?? body.error?.data?.reason ?? `no reason: ${text}` }
}
