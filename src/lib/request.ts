import { AsyncLocalStorage } from 'node:async_hooks'
import { AppError } from '../errors'

const ids = new WeakMap<Request, string>()
const current = new AsyncLocalStorage<string>()

/** The caller's own id where it is a sane one, else one of ours; the same for the whole request. */
export function requestIdOf(request: Request): string {
  const known = ids.get(request)
  if (known) return known
  const sent = request.headers.get('x-request-id')
  const id = sent && /^[\w.:-]{1,100}$/.test(sent) ? sent : Bun.randomUUIDv7()
  ids.set(request, id)
  return id
}

/** Runs with the id of a request at hand, for what is refused before there is a context that could carry it. */
export const withRequestId = <T>(request: Request, run: () => T): T => current.run(requestIdOf(request), run)

export const currentRequestId = (): string | undefined => current.getStore()

/** The largest body of a request that is read, in bytes. */
export const MAX_BODY_BYTES = 1 << 20

/** @throws VALIDATION where a body is said to be larger than what is read, before any of it is */
export function refuseLongBody(request: Request): void {
  if (Number(request.headers.get('content-length')) > MAX_BODY_BYTES) throw bodyTooLarge()
}

let goodHost = ''

/**
 * The Host is a part of an address, and whoever reads one that makes no sense would fail. Nearly all name the same one, so
 * that it is not looked at anew. @throws VALIDATION
 */
export function refuseBadHost({ url, headers }: Request): void {
  const host = headers.get('host') ?? ''
  if (host === goodHost && host !== '') return
  if (!URL.canParse(url)) throw new AppError('VALIDATION', 'The Host header is not the name of a server.')
  goodHost = host
}

/** The body as text. One that is cut on its way is no failure of ours. @throws VALIDATION, also where it is too large */
export const readBodyText = async (request: Request): Promise<string> =>
  hasUnknownLength(request)
    ? new TextDecoder().decode(await readBody(request))
    : request.text().catch(unreadable)

/** Whether a body comes in pieces, of which only the last one tells how long it was. */
export const hasUnknownLength = ({ headers }: Request): boolean => headers.has('transfer-encoding')

/** A body that comes in pieces, read no further than to where it is too large. @throws VALIDATION */
export async function readBody({ body }: Request): Promise<Uint8Array<ArrayBuffer>> {
  const read = new Bun.ArrayBufferSink()
  read.start({ asUint8Array: true })
  let bytes = 0
  try {
    // Leaving the loop ends the stream.
    for await (const piece of body ?? []) {
      bytes += piece.byteLength
      if (bytes > MAX_BODY_BYTES) throw bodyTooLarge()
      read.write(piece)
    }
  } catch (error) {
    if (error instanceof AppError) throw error
    return unreadable()
  }
  return read.end() as Uint8Array<ArrayBuffer>
}

function unreadable(): never {
  throw new AppError('VALIDATION', 'The body could not be read.')
}

const bodyTooLarge = () => new AppError('VALIDATION', `A body has ${MAX_BODY_BYTES} bytes at the most.`)

/** The address of a feed or a screen is its secret, and no log is to know it, however it is spelt: a doubled slash is served as well. */
export const loggedPath = (path: string): string =>
  path.replace(/^(\/+api\/+(?:calendar|door-screens)\/+).+/i, '$1…')
