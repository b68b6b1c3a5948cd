import { z } from 'zod'
import { REASONS, type Reason } from '../../errors'
import { ReasonSchema } from '../../schemas/common'
import type { Header, Response, Schema } from './types'

/** Meanings for authors of clients; also the example messages. */
const MEANINGS: Record<Reason, string> = {
  VALIDATION: 'The input is invalid; `issues` lists the fields.',
  OFF_GRID: 'The booking does not start and end at slot boundaries.',
  IDEMPOTENCY_MISMATCH: 'The Idempotency-Key was used for another request.',
  NOT_SIGNED_IN: 'The access token is missing or invalid.',
  TOKEN_EXPIRED: 'The access token has expired. Refresh it and try again.',
  WRONG_CREDENTIALS: 'The email or password is wrong.',
  REFRESH_INVALID: 'The refresh token is invalid. Sign in again.',
  REFRESH_REUSED: 'The refresh token was already used, so its session has ended. Sign in again.',
  PAYMENT_REQUIRED: 'A payment is due first.',
  PAYMENT_FAILED: 'The payment was declined.',
  NOT_ALLOWED: 'The caller can see this but not do it.',
  NOT_FOUND: 'The resource does not exist or is not visible to the caller.',
  SLOT_TAKEN: 'The time is taken.',
  HOLD_EXPIRED: 'The hold has expired. The time may still be free.',
  EMAIL_TAKEN: 'An account with this email exists.',
  INVALID_STATE: 'The current state does not allow this.',
  NOT_CANCELLABLE: 'It can no longer be cancelled.',
  NOT_REFUNDABLE: 'There is nothing to refund.',
  NOT_RESCHEDULABLE: 'It cannot be rescheduled, or not to this time.',
  ALREADY_REVIEWED: 'The booking already has a review.',
  ALREADY_LINKED: 'The Telegram account is linked to another user.',
  EVENT_FULL: 'The event is full.',
  IN_PROGRESS: 'The same request is still running. Try again shortly.',
  SLOT_CLOSED: 'The space or specialist is closed at this time.',
  SLOT_PAST: 'The time has already started.',
  TOO_LATE: 'The minimum notice or a deadline has passed.',
  TOO_EARLY: 'It is too early for this.',
  TOO_LONG: 'It is longer than allowed.',
  TOO_MANY_HOLDS: 'The caller has too many active holds.',
  TOO_MANY_EVENTS: 'The caller has too many coming events.',
  NOT_ENOUGH_POINTS: 'The user has too few points.',
  RATE_LIMITED: 'Too many requests. Wait for the seconds in `Retry-After`.',
  UNAVAILABLE: 'A service that this needs is unavailable. Try again later.',
  INTERNAL: 'A bug in the server, logged with the `requestId`.',
}

const RefusalSchema = z.object({
  message: z.string().meta({ description: 'Text for users.' }),
  code: z.enum([...new Set(Object.values(REASONS).map(([code]) => code))]),
  reason: ReasonSchema.meta({ description: 'For programs, from a fixed set.' }),
  requestId: z.string().meta({ description: 'Id of the request in the server log.' }),
  issues: z
    .array(
      z.object({
        path: z.string().meta({ description: 'Dotted path of the field; empty for the input as a whole.' }),
        message: z.string(),
      }),
    )
    .optional()
    .meta({ description: 'Invalid fields, with the reason `VALIDATION`.' }),
})

export const refusalSchema = (): Schema => {
  const { $schema: _, ...schema } = z.toJSONSchema(RefusalSchema, { io: 'output' })
  return { ...(schema as Schema), description: 'A refused request.' }
}

export const refusalName = (status: number | string) => `Refused${status}`

const reasonsOf = (status: number) =>
  (Object.keys(REASONS) as Reason[]).filter((reason) => REASONS[reason][1] === status)
const statuses = [...new Set(Object.values(REASONS).map(([, status]) => status))]

const RETRY_AFTER: Header = {
  description: 'Seconds to wait before the next request.',
  schema: { type: 'integer', minimum: 1 },
}
const REQUEST_ID: Header = {
  description: "Id of the request in the server log: the caller's own id if it is valid.",
  schema: { type: 'string' },
}

/** Headers of all responses; those about limits are sent only if RATE_LIMITS is on. */
export const HEADERS: Record<string, Header> = {
  RequestId: REQUEST_ID,
  RateLimitPolicy: {
    description: 'The limit closest to exhaustion: its name, and `q` requests per `w` seconds.',
    schema: { type: 'string', examples: ['"anonymous";q=300;w=60'] },
  },
  RateLimit: {
    description: 'Remaining requests `r` of this limit, which resets in `t` seconds.',
    schema: { type: 'string', examples: ['"anonymous";r=299;t=60'] },
  },
}

export const responseHeaders = (): Record<string, Header> => ({
  'x-request-id': { $ref: '#/components/headers/RequestId' },
  'ratelimit-policy': { $ref: '#/components/headers/RateLimitPolicy' },
  ratelimit: { $ref: '#/components/headers/RateLimit' },
})

/** Builds a response per error status, with its reasons and an example of each. */
export function refusalResponses(): Record<string, Response> {
  return Object.fromEntries(
    statuses.map((status) => {
      const reasons = reasonsOf(status)
      const headers = {
        ...responseHeaders(),
        ...(status === 429 && { 'retry-after': RETRY_AFTER }),
      }
      const schema = {
        allOf: [
          { $ref: '#/components/schemas/Refusal' },
          { type: 'object', properties: { reason: { type: 'string', enum: reasons } } },
        ],
      }
      const examples = Object.fromEntries(reasons.map((reason) => [reason, { value: exampleOf(reason) }]))
      const description = reasons.map((reason) => `- \`${reason}\`: ${MEANINGS[reason]}`).join('\n')
      return [
        refusalName(status),
        { description, headers, content: { 'application/json': { schema, examples } } },
      ]
    }),
  )
}

const exampleOf = (reason: Reason) => ({
  message: MEANINGS[reason].replaceAll('`', ''),
  code: REASONS[reason][0],
  reason,
  requestId: '019a7d3e-5b1c-7c00-8000-00000000a1b2',
  ...(reason === 'VALIDATION' && { issues: [{ path: 'startsAt', message: 'Invalid ISO datetime' }] }),
})

/** Error statuses of an operation: reads cause no conflicts, and open operations need no role. */
export function refusingStatuses({ changes, open }: { changes: boolean; open: boolean }): number[] {
  const never = [...(changes ? [] : [402, 409, 412]), ...(open ? [402, 403, 412] : [])]
  return statuses.filter((status) => !never.includes(status)).sort()
}
