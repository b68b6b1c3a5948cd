import { CLOSE } from './socket-limits'

/** The longest delay that a timer accepts. */
const MAX_DELAY_MS = 2 ** 31 - 1

/** `expiresAt` is in milliseconds, Infinity without a token. */
type Expiring = { expiresAt: number; socket: { close(code: number, reason: string): void } }

export type TokenExpiry = {
  /** Closes this connection when its token expires. */
  watch(connection: Expiring): void
  stop(): void
}

/** Closes connections when their access tokens expire, with one timer for all of them. */
export function createTokenExpiry(connections: ReadonlySet<Expiring>): TokenExpiry {
  let timer: ReturnType<typeof setTimeout> | undefined
  let dueAt = Number.POSITIVE_INFINITY

  function watch({ expiresAt }: Expiring): void {
    if (expiresAt >= dueAt) return
    dueAt = expiresAt
    clearTimeout(timer)
    timer = setTimeout(closeExpired, Math.min(Math.max(0, dueAt - Date.now()), MAX_DELAY_MS))
    timer.unref()
  }

  function closeExpired(): void {
    dueAt = Number.POSITIVE_INFINITY
    const now = Date.now()
    let next: Expiring | undefined
    for (const connection of [...connections]) {
      const { expiresAt, socket } = connection
      if (expiresAt <= now) socket.close(CLOSE.signedOut, 'the access token has expired')
      else if (!next || expiresAt < next.expiresAt) next = connection
    }
    if (next) watch(next)
  }

  return { watch, stop: () => clearTimeout(timer) }
}
