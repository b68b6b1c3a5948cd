import { AsyncLocalStorage } from 'node:async_hooks'
import { AppError } from '../errors'

const ids = new WeakMap<Request, string>()
const current = new AsyncLocalStorage<string>()

/** The caller's `X-Request-Id` if it is valid, otherwise a new id. Constant for a request. */
export function requestIdOf(request: Request): string {
  const known = ids.get(request)
  if (known) return known
  const sent = request.headers.get('x-request-id')
  const id = sent && /^[\w.:-]{1,100}$/.test(sent) ? sent : Bun.randomUUIDv7()
  ids.set(request, id)
  return id
}

/** Makes the id available as `currentRequestId`, for refusals before a context exists. */
export const withRequestId = <T>(request: Request, run: () => T): T => current.run(requestIdOf(request), run)

export const currentRequestId = (): string | undefined => current.getStore()

export const MAX_BODY_BYTES = 1 << 20

/** @throws VALIDATION */
export function refuseLongBody(request: Request): void {
  if (Number(request.headers.get('content-length')) > MAX_BODY_BYTES) throw bodyTooLarge()
}

let validHost = ''

/**
 * Refuses a Host header that makes the request's URL invalid. Remembers the last valid host, because nearly all requests
 * have the same one.
 * @throws VALIDATION
 */
export function refuseBadHost({ url, headers }: Request): void {
  const host = headers.get('host') ?? ''
  if (host === validHost && host !== '') return
  if (!URL.canParse(url)) throw new AppError('VALIDATION', 'The Host header is not a valid host name.')
  validHost = host
}

/** @throws VALIDATION */
export const readBodyText = async (request: Request): Promise<string> =>
  hasUnknownLength(request)
    ? new TextDecoder().decode(await readBody(request))
    : request.text().catch(unreadable)

export const hasUnknownLength = ({ headers }: Request): boolean => headers.has('transfer-encoding')

/** Reads a chunked body, at most MAX_BODY_BYTES of it. @throws VALIDATION if it is too large or incomplete */
export async function readBody({ body }: Request): Promise<Uint8Array<ArrayBuffer>> {
  const read = new Bun.ArrayBufferSink()
  read.start({ asUint8Array: true })
  let bytes = 0
  try {
    for await (const chunk of body ?? []) {
      bytes += chunk.byteLength
      if (bytes > MAX_BODY_BYTES) throw bodyTooLarge()
      read.write(chunk)
    }
  } catch (error) {
    if (error instanceof AppError) throw error
    return unreadable()
  }
  return read.end() as Uint8Array<ArrayBuffer>
}

function unreadable(): never {
  throw new AppError('VALIDATION', 'The request body could not be read.')
}

const bodyTooLarge = () =>
  new AppError('VALIDATION', `A request body can have at most ${MAX_BODY_BYTES} bytes.`)

/** Hides the secret in the paths of feeds and door screens. Doubled slashes are matched because the server accepts them. */
export const loggedPath = (path: string): string =>
  path.replace(/^(\/+api\/+(?:calendar|door-screens)\/+).+/i, '$1…')
