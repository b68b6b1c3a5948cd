import pino from 'pino'
import pretty from 'pino-pretty'

export type Log = pino.Logger

/** Names of fields whose values are secrets, wherever in a line they stand. */
const SECRET_FIELDS = [
  'password',
  'passwordHash',
  'token',
  'accessToken',
  'refreshToken',
  'authorization',
  'cookie',
  'secret',
]

/** One line of JSON for each event, or coloured text where a person looks at a terminal. */
export function createLog({
  level,
  terminal,
  destination = pino.destination({ fd: 1, sync: false }),
}: {
  level: string
  terminal: boolean
  destination?: pino.DestinationStream
}): Log {
  return pino(
    {
      level,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
        censor: '[secret]',
      },
      serializers: { error: describeError },
    },
    terminal ? pretty({ colorize: true, sync: true, ignore: 'pid,hostname' }) : destination,
  )
}

/**
 * An error and its causes. Only the stack and what names a failure are kept: a database driver hangs the query and its
 * parameters on its errors, and those can hold a password's hash or a person's data.
 */
function describeError(error: unknown): unknown {
  if (!(error instanceof Error)) return { message: String(error) }
  const { code, constraint_name } = error as { code?: unknown; constraint_name?: unknown }
  const message = withoutParameters(error.message)
  return {
    type: error.name,
    message,
    stack: stackOf(error, message),
    ...(code !== undefined && { code }),
    ...(constraint_name !== undefined && { constraint: constraint_name }),
    ...(error.cause !== undefined && { cause: describeError(error.cause) }),
  }
}

/** Drizzle puts `params: …` behind a failed query: all values, over as many lines as they have. */
const withoutParameters = (text: string) => text.replace(/\nparams: [\s\S]*$/, '\nparams: [not logged]')

/** Where it happened. The message stands in front of it whole, and a value in it may look like a line of a stack. */
function stackOf({ stack = '', message }: Error, cleaned: string): string {
  const at = stack.indexOf(message)
  return withoutParameters(
    at < 0
      ? stack
      : `${stack.slice(0, at)}${cleaned.replace(/\nparams: .*$/, '')}${stack.slice(at + message.length)}`,
  )
}
