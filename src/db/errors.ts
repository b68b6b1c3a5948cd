/** The only place that knows the codes of PostgreSQL and of its driver. Drizzle wraps what the driver throws. */

/** True where `error` says that the named constraint was violated. */
export function violates(error: unknown, constraint: string): boolean {
  return causes(error).some((cause) => cause.constraint_name === constraint)
}

/** The database cannot be reached, is starting or stopping, has no connection left or took too long; asking again later may help. */
export function isUnavailable(error: unknown): boolean {
  return causes(error).some(
    ({ code }) => typeof code === 'string' && (DRIVER_CODES.has(code) || isServerCode(code)),
  )
}

/** The database answers, and has no such database or does not let this person in: asking again will not help. */
export function isTurnedAway(error: unknown): boolean {
  return causes(error).some(({ code }) => typeof code === 'string' && /^(28...|3D000)$/.test(code))
}

/** Two transactions waited for each other, or the database ended this one for a reason that will not come again. */
export function isRetryable(error: unknown): boolean {
  return causes(error).some(({ code }) => code === '40P01' || code === '40001')
}

const DRIVER_CODES = new Set([
  'CONNECTION_CLOSED',
  'CONNECTION_ENDED',
  'CONNECTION_DESTROYED',
  'CONNECT_TIMEOUT',
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'EPIPE',
  'ETIMEDOUT',
  'ENOENT',
])

/** Classes 08 (connection), 53 (resources) and 57 (operator, or time that ran out), and 25006: a server that became a replica. */
const isServerCode = (code: string) => /^(08|53|57)...$/.test(code) || code === '25006'

type Cause = { code?: unknown; constraint_name?: unknown }

function causes(error: unknown): Cause[] {
  const found: Cause[] = []
  for (let cause = error; cause instanceof Error && found.length < 5; cause = cause.cause)
    found.push(cause as Cause)
  return found
}
