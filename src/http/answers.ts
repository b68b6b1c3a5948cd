import { retryAfterOf } from '../errors'
import { refusalOfThrown } from '../trpc'

/** A response before it becomes one of HTTP. JSON unless `headers` names another content type. */
export type Answer = {
  status: number
  body: string | Uint8Array<ArrayBuffer>
  headers?: Record<string, string>
}
/** Undefined for a request that became a WebSocket, which has no response. */
export type Answering = Answer | Response | undefined

/** The JSON body and status of a refusal over REST. */
export function refusalAnswer(
  error: unknown,
  requestId: string,
  headers: Record<string, string> = {},
): Answer {
  const { message, code, status, reason, issues } = refusalOfThrown(error)
  return {
    status,
    body: JSON.stringify({ message, code, reason, requestId, ...(issues && { issues }) }),
    headers: { ...headers, ...retryAfterOf(error) },
  }
}

export const jsonAnswer = (value: unknown, status = 200): Answer => ({ status, body: JSON.stringify(value) })
