import { retryAfterOf } from '../errors'
import { refusalOfThrown } from '../trpc'
import type { Answer } from './pipeline'

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
