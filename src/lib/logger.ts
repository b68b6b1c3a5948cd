import pino from 'pino'

export type Log = pino.Logger

const SECRET_FIELDS = [
  'password',
  'passwordHash',
  'token',
  'accessToken',
  'refreshToken',
  'authorization',
  'cookie',
  'secret',
  'clientSecret',
  'client_secret',
]

const FILE_SIZE = '50m'
const FILES_KEPT = 14

/**
 * Opens a log file that rotates daily and at FILE_SIZE. The oldest files beyond FILES_KEPT are deleted.
 * @param file the path without number and extension: `coworkspace` becomes `coworkspace.1.log`
 */
export async function openLogFile(file: string): Promise<pino.DestinationStream> {
  const { default: roll } = await import('pino-roll')
  const stream = await roll({
    file,
    size: FILE_SIZE,
    frequency: 'daily',
    mkdir: true,
    limit: { count: FILES_KEPT, removeOtherLogFiles: true },
  })
  // A full disk must not stop the server.
  stream.on('error', (error: Error) => process.stderr.write(`log file write failed: ${error.message}\n`))
  return stream
}

/** Buffers lines for stdout for up to 250 ms. pino flushes the buffer when the process exits. */
const bufferedOutput = () => pino.destination({ dest: 1, sync: false, minLength: 4096, periodicFlush: 250 })

function terminalOutput(): pino.DestinationStream {
  let output: pino.DestinationStream | undefined
  let waiting: string[] = []
  import('pino-pretty').then(({ default: pretty }) => {
    output = pretty({ colorize: true, sync: true, singleLine: true, ignore: 'pid,hostname' })
    for (const line of waiting) output.write(line)
    waiting = []
  })
  process.on('exit', () => process.stdout.write(waiting.join('')))
  return {
    write(line) {
      if (output) output.write(line)
      else waiting.push(line)
    },
  }
}

/** Formats the time once per millisecond: formatting it takes half the time of a line. */
function createClock(): () => string {
  let at = 0
  let text = ''
  return () => {
    const now = Date.now()
    if (now !== at) {
      at = now
      text = `,"time":"${new Date(now).toISOString()}"`
    }
    return text
  }
}

export function createLog({
  level,
  terminal,
  file,
  destination,
}: {
  level: string
  terminal: boolean
  file?: pino.DestinationStream | undefined
  destination?: pino.DestinationStream
}): Log {
  const output = terminal ? terminalOutput() : (destination ?? bufferedOutput())
  return pino(
    {
      level,
      base: undefined,
      timestamp: createClock(),
      redact: {
        paths: SECRET_FIELDS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]),
        censor: '[secret]',
      },
      serializers: { error: describeError },
    },
    file
      ? pino.multistream([
          { level: 'trace', stream: output },
          { level: 'trace', stream: file },
        ])
      : output,
  )
}

/**
 * Serializes an error and its causes without other properties: the database driver adds the query's parameters, which can be
 * personal data or a password hash.
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

/** Drizzle appends `params: …` with all values to the message of a failed query. Values may contain line breaks. */
const withoutParameters = (text: string) => text.replace(/\nparams: [\s\S]*$/, '\nparams: [not logged]')

/** The stack begins with the message, and a parameter in it may look like a stack line. */
function stackOf({ stack = '', message }: Error, cleaned: string): string {
  const at = stack.indexOf(message)
  return withoutParameters(
    at < 0
      ? stack
      : `${stack.slice(0, at)}${cleaned.replace(/\nparams: .*$/, '')}${stack.slice(at + message.length)}`,
  )
}

export type RequestLine = {
  requestId: string
  method: string
  path: string
  status: number
  ms: number | undefined
}

const INFO = 30

/**
 * Writes request lines as `log.info` would, but much faster: it builds the text directly and redacts nothing. Only `path` is
 * escaped, and no field may hold a secret.
 */
export function createRequestLog(log: Log): (line: RequestLine) => void {
  const parts = log as unknown as Record<symbol, unknown>
  const bindings = parts[pino.symbols.chindingsSym] as string
  const stream = parts[pino.symbols.streamSym] as pino.DestinationStream & { lastLevel?: number }
  const time = createClock()
  return ({ requestId, method, path, status, ms }) => {
    if (!log.isLevelEnabled('info')) return
    // pino.multistream reads the level of a line here.
    stream.lastLevel = INFO
    stream.write(
      `{"level":${INFO}${time()}${bindings},"requestId":"${requestId}","method":"${method}","path":${JSON.stringify(path)},"status":${status},"ms":${ms ?? 0},"msg":"request"}\n`,
    )
  }
}
