import pino from 'pino'

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
  'clientSecret',
  'client_secret',
]

/** What a log file holds at the most, and how many of them are kept. */
const FILE_SIZE = '50m'
const FILES_KEPT = 14

/**
 * Opens a log file that is begun anew each day, and when it is full; the oldest are deleted. Its number and the end of its
 * name are added: `coworkspace` becomes `coworkspace.1.log`.
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
  // A disk that is full must not end the server: what can still be said is said on the terminal.
  stream.on('error', (error: Error) =>
    process.stderr.write(`The log file cannot be written: ${error.message}\n`),
  )
  return stream
}

const BUFFERED_CHARACTERS = 32_768

/** Lines are written some kilobytes at a time, and after a quarter of a second at the latest; all of them at the end. */
function bufferedOutput(): pino.DestinationStream {
  // Bytes, because text would be gone through twice: for its length, and to be written.
  const output = pino.destination({ fd: 1, sync: false, contentMode: 'buffer' })
  let waiting = ''
  const flush = () => {
    if (waiting === '') return
    output.write(Buffer.from(waiting) as unknown as string)
    waiting = ''
  }
  setInterval(flush, 250).unref()
  process.on('exit', () => {
    flush()
    output.flushSync()
  })
  return {
    write(line) {
      waiting += line
      if (waiting.length > BUFFERED_CHARACTERS) flush()
    },
  }
}

/** Coloured lines for a terminal. What makes them is loaded beside the rest of a start; lines that come before it wait. */
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

/** The time of a line; many are written within one millisecond, and writing it out takes as long as half a line. */
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

/** One line of JSON for each event, or coloured text where a person looks at a terminal; also into a file where given. */
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

export type RequestLine = {
  requestId: string
  method: string
  path: string
  status: number
  ms: number | undefined
}

const INFO = 30

/**
 * Writes the line of a request, as `log.info` would. There is one for each request, and nothing in it may be a secret: put
 * together by hand it takes a fraction of what making an object of it, and looking into that, would take.
 */
export function createRequestLog(log: Log): (line: RequestLine) => void {
  const parts = log as unknown as Record<symbol, unknown>
  const bindings = parts[pino.symbols.chindingsSym] as string
  const stream = parts[pino.symbols.streamSym] as pino.DestinationStream & { lastLevel?: number }
  const time = createClock()
  return ({ requestId, method, path, status, ms }) => {
    if (!log.isLevelEnabled('info')) return
    // A stream that divides lines among others asks it of which level the line is.
    stream.lastLevel = INFO
    stream.write(
      `{"level":${INFO}${time()}${bindings},"requestId":"${requestId}","method":"${method}","path":${JSON.stringify(path)},"status":${status},"ms":${ms ?? 0},"msg":"request"}\n`,
    )
  }
}
