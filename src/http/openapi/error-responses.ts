import { z } from 'zod'
import { REASONS, type Reason } from '../../errors'
import { ReasonSchema } from '../../schemas/common'
import type { Header, Response, Schema } from './types'

/** What each reason means, for whoever writes a client. */
const MEANINGS: Record<Reason, string> = {
  VALIDATION: 'The input is not of the shape that is asked for; `issues` names each field.',
  OFF_GRID: 'A booking begins and ends where a slot of the space does.',
  IDEMPOTENCY_MISMATCH: 'The Idempotency-Key was used for another request.',
  NOT_SIGNED_IN: 'There is no access token, or it is not valid.',
  TOKEN_EXPIRED: 'The access token has ended: refresh it and ask again.',
  WRONG_CREDENTIALS: 'The e-mail or the password is wrong.',
  REFRESH_INVALID: 'The refresh token is not valid: sign in again.',
  REFRESH_REUSED: 'The refresh token was used before, and its session was ended: sign in again.',
  PAYMENT_REQUIRED: 'Something must be paid first.',
  PAYMENT_FAILED: 'The payment was declined.',
  NOT_ALLOWED: 'You may see this, and not do it.',
  NOT_FOUND: 'There is no such thing, or it is not yours to see.',
  SLOT_TAKEN: 'Somebody else has this time.',
  HOLD_EXPIRED: 'The hold has ended; the time may still be free.',
  EMAIL_TAKEN: 'There is an account with this e-mail.',
  INVALID_STATE: 'It is in a state in which this is not possible.',
  NOT_CANCELLABLE: 'It cannot be cancelled any more.',
  NOT_REFUNDABLE: 'There is nothing to give back.',
  NOT_RESCHEDULABLE: 'It cannot be moved, or not to this time.',
  ALREADY_REVIEWED: 'It has its review.',
  ALREADY_LINKED: 'This account belongs to somebody else already.',
  EVENT_FULL: 'Every place is taken.',
  IN_PROGRESS: 'The same thing is being done right now: ask again in a moment.',
  SLOT_CLOSED: 'The space is closed at this time.',
  SLOT_PAST: 'This time has begun already.',
  TOO_LATE: 'The space asks for more notice.',
  TOO_EARLY: 'It is too soon for this.',
  TOO_LONG: 'It is longer than the space can be booked at once.',
  TOO_MANY_HOLDS: 'You hold too many times already.',
  TOO_MANY_EVENTS: 'You have announced as many events as one may at once.',
  NOT_ENOUGH_POINTS: 'You have fewer points than this takes.',
  RATE_LIMITED: 'Too many requests: wait for as many seconds as `Retry-After` says.',
  UNAVAILABLE: 'Something that is needed cannot be reached: ask again later.',
  INTERNAL: 'A bug on our side; the log knows it by its `requestId`.',
}

const RefusalSchema = z.object({
  message: z.string().meta({ description: 'For a person.' }),
  code: z.enum([...new Set(Object.values(REASONS).map(([code]) => code))]),
  reason: ReasonSchema.meta({ description: 'For a program: from a closed set.' }),
  requestId: z.string().meta({ description: 'What the log knows this request by.' }),
  issues: z
    .array(
      z.object({
        path: z.string().meta({ description: 'The field, dotted; empty for the input as a whole.' }),
        message: z.string(),
      }),
    )
    .optional()
    .meta({ description: 'What is wrong with the input, where that is why.' }),
})

export const refusalSchema = (): Schema => {
  const { $schema: _, ...schema } = z.toJSONSchema(RefusalSchema, { io: 'output' })
  return { ...(schema as Schema), description: 'Why a request was refused.' }
}

/** `Refused409` and so on. */
export const refusalName = (status: number | string) => `Refused${status}`

const reasonsOf = (status: number) =>
  (Object.keys(REASONS) as Reason[]).filter((reason) => REASONS[reason][1] === status)
const statuses = [...new Set(Object.values(REASONS).map(([, status]) => status))]

const RETRY_AFTER: Header = {
  description: 'Seconds to wait before asking again.',
  schema: { type: 'integer', minimum: 1 },
}
const REQUEST_ID: Header = {
  description: "What the log knows this request by: the caller's own id where it sent a sane one.",
  schema: { type: 'string' },
}

/** What every answer may carry beside its body; the two of limits where limits are on. */
export const HEADERS: Record<string, Header> = {
  RequestId: REQUEST_ID,
  RateLimitPolicy: {
    description: 'The limit that counts here: its name, `q` points for `w` seconds.',
    schema: { type: 'string', examples: ['"anonymous";q=300;w=60'] },
  },
  RateLimit: {
    description: 'What is left of it: `r` points, and `t` seconds until it is whole again.',
    schema: { type: 'string', examples: ['"anonymous";r=299;t=60'] },
  },
}

export const answerHeaders = (): Record<string, Header> => ({
  'x-request-id': { $ref: '#/components/headers/RequestId' },
  'ratelimit-policy': { $ref: '#/components/headers/RateLimitPolicy' },
  ratelimit: { $ref: '#/components/headers/RateLimit' },
})

/** One response for each status that refuses: which reasons it can carry, and an example of each. */
export function refusalResponses(): Record<string, Response> {
  return Object.fromEntries(
    statuses.map((status) => {
      const reasons = reasonsOf(status)
      const headers = {
        ...answerHeaders(),
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

/** Which statuses can refuse an operation: what changes nothing meets no conflict, and what is open to all no role. */
export function refusingStatuses({ changes, open }: { changes: boolean; open: boolean }): number[] {
  const never = [...(changes ? [] : [402, 409, 412]), ...(open ? [402, 403, 412] : [])]
  return statuses.filter((status) => !never.includes(status)).sort()
}
