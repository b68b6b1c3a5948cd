import { AsyncLocalStorage } from 'node:async_hooks'
import { AppError } from './errors'

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

/** The body as text. One that is cut on its way, by the caller or for its length, is no failure of ours. @throws VALIDATION */
export const readBodyText = (request: Request): Promise<string> =>
  request.text().catch(() => {
    throw new AppError('VALIDATION', 'The body could not be read.')
  })
