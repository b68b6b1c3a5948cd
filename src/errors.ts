import type { TRPC_ERROR_CODE_NUMBER } from '@trpc/server'

/** Every reason of a refusal, with the tRPC code and the HTTP status that carry it: the one table. */
export const REASONS = {
  VALIDATION: ['BAD_REQUEST', 400],
  OFF_GRID: ['BAD_REQUEST', 400],
  IDEMPOTENCY_MISMATCH: ['BAD_REQUEST', 400],
  NOT_SIGNED_IN: ['UNAUTHORIZED', 401],
  TOKEN_EXPIRED: ['UNAUTHORIZED', 401],
  WRONG_CREDENTIALS: ['UNAUTHORIZED', 401],
  REFRESH_INVALID: ['UNAUTHORIZED', 401],
  REFRESH_REUSED: ['UNAUTHORIZED', 401],
  PAYMENT_REQUIRED: ['PAYMENT_REQUIRED', 402],
  PAYMENT_FAILED: ['PAYMENT_REQUIRED', 402],
  NOT_ALLOWED: ['FORBIDDEN', 403],
  NOT_FOUND: ['NOT_FOUND', 404],
  SLOT_TAKEN: ['CONFLICT', 409],
  HOLD_EXPIRED: ['CONFLICT', 409],
  EMAIL_TAKEN: ['CONFLICT', 409],
  INVALID_STATE: ['CONFLICT', 409],
  NOT_CANCELLABLE: ['CONFLICT', 409],
  NOT_REFUNDABLE: ['CONFLICT', 409],
  NOT_RESCHEDULABLE: ['CONFLICT', 409],
  ALREADY_REVIEWED: ['CONFLICT', 409],
  ALREADY_LINKED: ['CONFLICT', 409],
  EVENT_FULL: ['CONFLICT', 409],
  IN_PROGRESS: ['CONFLICT', 409],
  SLOT_CLOSED: ['PRECONDITION_FAILED', 412],
  SLOT_PAST: ['PRECONDITION_FAILED', 412],
  TOO_LATE: ['PRECONDITION_FAILED', 412],
  TOO_EARLY: ['PRECONDITION_FAILED', 412],
  TOO_LONG: ['PRECONDITION_FAILED', 412],
  TOO_MANY_HOLDS: ['PRECONDITION_FAILED', 412],
  TOO_MANY_EVENTS: ['PRECONDITION_FAILED', 412],
  NOT_ENOUGH_POINTS: ['PRECONDITION_FAILED', 412],
  RATE_LIMITED: ['TOO_MANY_REQUESTS', 429],
  UNAVAILABLE: ['SERVICE_UNAVAILABLE', 503],
  INTERNAL: ['INTERNAL_SERVER_ERROR', 500],
} as const satisfies Record<string, readonly [code: string, status: number]>

/** Why a call was refused, for programs: stable, and from a closed set. */
export type Reason = keyof typeof REASONS
export type Code = (typeof REASONS)[Reason][0]

/** One field of an input that is not acceptable. `path` is dotted, and empty for the input as a whole. */
export type Issue = { path: string; message: string }

/**
 * An expected refusal. Its message is written for the caller; anything else that is thrown is a bug.
 * The code and the status follow from the reason.
 */
export class AppError extends Error {
  readonly code: Code
  readonly status: number

  constructor(
    readonly reason: Reason,
    message: string,
    options?: ErrorOptions & { issues?: Issue[]; retryAfterSeconds?: number },
  ) {
    // A refusal is an answer and no fault: nobody looks for where it was made, and finding that out takes longer than the call.
    const { stackTraceLimit } = Error
    Error.stackTraceLimit = 0
    super(message, options)
    Error.stackTraceLimit = stackTraceLimit
    this.name = 'AppError'
    ;[this.code, this.status] = REASONS[reason]
    this.issues = options?.issues
    this.retryAfterSeconds = options?.retryAfterSeconds
  }

  readonly issues: Issue[] | undefined
  readonly retryAfterSeconds: number | undefined
}

export const noSuchPath = () => new AppError('NOT_FOUND', 'There is nothing at this address.')

/** An input that makes no sense, said in words of its own, at the field that should be another one. */
export const invalid = (path: string, message: string) =>
  new AppError('VALIDATION', message, { issues: [{ path, message }] })

/** A field of an input that makes no sense beside what else is known; `message` goes on from its name, as in "must be after from". */
export const invalidField = (path: string, message: string) =>
  new AppError('VALIDATION', `${path} ${message}`, { issues: [{ path, message }] })

/** Also for what exists but is not the caller's to see: the two must not be told apart. */
export const notFound = (what: string) => new AppError('NOT_FOUND', `There is no such ${what}.`)

/** The header that says how long to wait, where a refusal, or what caused it, knows. */
export function retryAfterOf(error: unknown): Record<string, string> {
  const refusal = error instanceof Error && !(error instanceof AppError) ? error.cause : error
  if (!(refusal instanceof AppError) || refusal.retryAfterSeconds === undefined) return {}
  return { 'retry-after': String(refusal.retryAfterSeconds) }
}

/** What a caller is told of any failure. */
export type Refusal = { reason: Reason; code: Code; status: number; message: string; issues?: Issue[] }

/** A refusal as tRPC carries it. It has a name, so that the declarations of procedures do not each spell it out. */
export type RefusalSchema = {
  message: string
  code: TRPC_ERROR_CODE_NUMBER
  data: {
    code: Code
    httpStatus: number
    reason: Reason
    /** What to tell the operator of the server. */
    requestId: string | null
    issues?: Issue[]
  }
}

/** What a caller is told. A bug says nothing of itself. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof AppError) {
    const { reason, code, status, message, issues } = error
    return { reason, code, status, message, ...(issues && { issues }) }
  }
  const [code, status] = REASONS.INTERNAL
  return { reason: 'INTERNAL', code, status, message: 'Something went wrong on our side. Please try again.' }
}
