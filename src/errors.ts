import type { TRPC_ERROR_CODE_NUMBER } from '@trpc/server'

/** All reasons of refusals, with their tRPC code and HTTP status. */
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

/** Reason of a refusal, for programs. The set is stable. */
export type Reason = keyof typeof REASONS
export type Code = (typeof REASONS)[Reason][0]

/** An invalid field. `path` is dotted, and empty for the input as a whole. */
export type Issue = { path: string; message: string }

/** An expected refusal, with a message for the caller. Any other error is a bug. */
export class AppError extends Error {
  readonly code: Code
  readonly status: number

  constructor(
    readonly reason: Reason,
    message: string,
    options?: ErrorOptions & { issues?: Issue[]; retryAfterSeconds?: number },
  ) {
    // Refusals need no stack, and capturing one can take longer than the call.
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

export const noSuchPath = () => new AppError('NOT_FOUND', 'This path does not exist.')

/** Refuses a field with a complete sentence. */
export const invalid = (path: string, message: string) =>
  new AppError('VALIDATION', message, { issues: [{ path, message }] })

/** Refuses a field. `message` continues its name, as in "must be after from". */
export const invalidField = (path: string, message: string) =>
  new AppError('VALIDATION', `${path} ${message}`, { issues: [{ path, message }] })

/** Also for resources that the caller must not see, so that the two cases cannot be distinguished. */
export const notFound = (resource: string) => new AppError('NOT_FOUND', `This ${resource} does not exist.`)

/** The `retry-after` header of a refusal or its cause, if it has one. */
export function retryAfterOf(error: unknown): Record<string, string> {
  const refusal = error instanceof Error && !(error instanceof AppError) ? error.cause : error
  if (!(refusal instanceof AppError) || refusal.retryAfterSeconds === undefined) return {}
  return { 'retry-after': String(refusal.retryAfterSeconds) }
}

/** The public part of an error. */
export type Refusal = { reason: Reason; code: Code; status: number; message: string; issues?: Issue[] }

/** A refusal in tRPC's format. Named so that the declarations of procedures stay short. */
export type RefusalSchema = {
  message: string
  code: TRPC_ERROR_CODE_NUMBER
  data: {
    code: Code
    httpStatus: number
    reason: Reason
    /** Finds the request in the server log. */
    requestId: string | null
    issues?: Issue[]
  }
}

/** Returns the public part of an error, which reveals nothing about a bug. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof AppError) {
    const { reason, code, status, message, issues } = error
    return { reason, code, status, message, ...(issues && { issues }) }
  }
  const [code, status] = REASONS.INTERNAL
  return { reason: 'INTERNAL', code, status, message: 'Something went wrong on our side. Try again.' }
}
