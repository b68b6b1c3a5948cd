import { backoffMs, type Delay } from './backoff'
import type { Connection, ConnectionEvents } from './connection'

export type Connect = (events: ConnectionEvents) => Connection

type Handlers = {
  /** `watch` for boards and locations, `listen` for personal messages only, undefined if no connection is needed. */
  purpose(): 'watch' | 'listen' | undefined
  onReady(via: Connection['via']): void
  onMessage: ConnectionEvents['onMessage']
  onRefused: ConnectionEvents['onRefused']
  onLost(): void
}

export type LiveConnection = {
  /** Opens a connection if one is needed and neither open nor scheduled. */
  connect(): void
  disconnect(): void
  isReady(): boolean
  via(): Connection['via'] | null
  ask: Connection['ask']
  leave: Connection['leave']
  /** Reports that data arrived, so that the next reconnect starts with the preferred transport. */
  confirm(): void
  /** Counts a failure. @returns how long to wait before the next attempt, in milliseconds */
  countFailure(): number
}

/**
 * Keeps one connection open for as long as it is needed. If a transport delivers nothing, the next attempt uses the next
 * transport; after a connection that worked, attempts start again with the first.
 * @param transports in order of preference
 */
export function createLiveConnection(
  transports: Connect[],
  reconnect: Delay,
  handlers: Handlers,
): LiveConnection {
  let connection: Connection | undefined
  let ready = false
  let confirmed = false
  let failures = 0
  let turn = 0
  let retry: ReturnType<typeof setTimeout> | undefined

  function connect(): void {
    const purpose = handlers.purpose()
    if (connection || retry || !purpose) return
    // Event streams carry no personal messages, so listeners alone keep trying the socket.
    const open = transports[purpose === 'watch' ? turn % transports.length : 0]
    if (!open) return
    const opened = open({
      onReady() {
        if (connection !== opened) return
        ready = true
        handlers.onReady(opened.via)
      },
      onMessage: (message) => connection === opened && handlers.onMessage(message),
      onRefused: (subject, error) => connection === opened && handlers.onRefused(subject, error),
      onEnd: (retryInMs) => connection === opened && reconnectLater(retryInMs),
    })
    connection = opened
  }

  function reconnectLater(retryInMs = 0): void {
    connection = undefined
    ready = false
    turn = confirmed ? 0 : turn + 1
    confirmed = false
    const backoff = countFailure()
    handlers.onLost()
    const reopen = () => {
      retry = undefined
      connect()
    }
    retry = setTimeout(reopen, retryInMs * (0.5 + Math.random() / 2) + backoff)
  }

  function countFailure(): number {
    failures += 1
    return backoffMs(failures, reconnect)
  }

  return {
    connect,
    disconnect() {
      clearTimeout(retry)
      retry = undefined
      ready = false
      const closing = connection
      connection = undefined
      closing?.close()
    },
    isReady: () => ready,
    via: () => connection?.via ?? null,
    ask: (subject) => connection?.ask(subject),
    leave: (subject, isLast) => connection?.leave(subject, isLast),
    confirm() {
      failures = 0
      confirmed = true
    },
    countFailure,
  }
}
