// Drizzle wraps the errors of the driver, so all functions here search the chain of causes.

/** Whether the named constraint was violated. */
export function violates(error: unknown, constraint: string): boolean {
  return causes(error).some((cause) => cause.constraint_name === constraint)
}

/** Whether the database is unreachable, starting, stopping, out of connections or too slow. A later retry may succeed. */
export function isUnavailable(error: unknown): boolean {
  return causes(error).some(
    ({ code }) => typeof code === 'string' && (DRIVER_CODES.has(code) || isServerCode(code)),
  )
}

/** Whether the server refused the credentials or has no such database. A retry cannot succeed. */
export function isTurnedAway(error: unknown): boolean {
  return causes(error).some(({ code }) => typeof code === 'string' && /^(28...|3D000)$/.test(code))
}

/** Whether a deadlock or a serialization failure ended the transaction. An immediate retry may succeed. */
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

/** Classes 08 (connection), 53 (resources) and 57 (operator intervention, timeout), and 25006: the server is now a replica. */
const isServerCode = (code: string) => /^(08|53|57)...$/.test(code) || code === '25006'

type Cause = { code?: unknown; constraint_name?: unknown }

function causes(error: unknown): Cause[] {
  const found: Cause[] = []
  for (let cause = error; cause instanceof Error && found.length < 5; cause = cause.cause)
    found.push(cause as Cause)
  return found
}
