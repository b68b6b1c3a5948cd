import type { ClientMessage, Reason } from './api'
import type { Session } from './session'

/** An access token is renewed this long before it expires, so that the socket stays open. */
const RENEW_BEFORE_MS = 60_000
const MIN_WAIT_MS = 1000
const MAX_WAIT_MS = 2 ** 31 - 1

export const AUTHENTICATE = 'authenticate'

type Options = {
  session: Session
  send(message: ClientMessage): void
  isOver(): boolean
  /** A new token was sent on an open socket. */
  onRenewed(): void
}

export type SocketAuthentication = {
  start(): Promise<void>
  accepted(expiresAt: string): void
  refused(reason: Reason): Promise<void>
  renew(): Promise<boolean>
  stop(): void
}

/** Keeps one socket authenticated: sends the token, renews it before it expires, and replaces a refused one once. */
export function createSocketAuthentication(options: Options): SocketAuthentication {
  const { session, send, isOver, onRenewed } = options
  let token: string | undefined
  let isTokenNew = false
  let renewal: ReturnType<typeof setTimeout> | undefined

  async function start(): Promise<void> {
    token = await session.token().catch(() => undefined)
    if (token !== undefined) send({ type: 'authenticate', token, requestId: AUTHENTICATE })
  }

  async function startAgain(): Promise<void> {
    if (isOver()) return
    await start()
    onRenewed()
  }

  return {
    start,
    accepted(expiresAt) {
      isTokenNew = false
      const wait = Date.parse(expiresAt) - Date.now() - RENEW_BEFORE_MS
      clearTimeout(renewal)
      renewal = setTimeout(
        async () => (await session.renew(token)) && startAgain(),
        Math.min(Math.max(wait, MIN_WAIT_MS), MAX_WAIT_MS),
      )
    },
    async refused(reason) {
      if (!(await session.refused(token, reason, isTokenNew))) return
      isTokenNew = true
      await startAgain()
    },
    renew: () => session.renew(token),
    stop: () => clearTimeout(renewal),
  }
}
