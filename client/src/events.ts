import type { TRPCClient, TRPCClientErrorLike } from '@trpc/client'
import type { AppRouter, BoardMessage, LocationMessage } from './api'
import { type Connection, type ConnectionEvents, keyOf } from './connection'
import { reasonOf } from './errors'

type Realtime = TRPCClient<AppRouter>['realtime']
type Stream = { unsubscribe(): void }

/** Opens one stream of server-sent events per subject, for networks that block WebSockets. */
export function connectEvents(realtime: Realtime, events: ConnectionEvents): Connection {
  const streams = new Map<string, Stream>()
  let over = false

  function end(): void {
    if (over) return
    over = true
    for (const stream of streams.values()) stream.unsubscribe()
    events.onEnd()
  }

  queueMicrotask(() => {
    if (!over) events.onReady()
  })

  return {
    via: 'events',
    ask(subject) {
      const key = keyOf(subject)
      streams.get(key)?.unsubscribe()
      const handlers = {
        onData({ data }: { data: BoardMessage | LocationMessage }) {
          if (!over) events.onMessage(data)
        },
        onError(error: TRPCClientErrorLike<AppRouter>) {
          if (streams.get(key) !== stream || over) return
          const reason = reasonOf(error)
          if (reason === undefined) return end()
          streams.delete(key)
          events.onRefused(subject, { reason, message: error.message })
        },
        onConnectionStateChange({ error }: { error: unknown }) {
          if (error && streams.get(key) === stream) end()
        },
        onComplete() {
          if (streams.get(key) === stream) end()
        },
      }
      const stream: Stream =
        'locationId' in subject
          ? realtime.watchLocation.subscribe(subject, handlers)
          : realtime.watch.subscribe(subject, handlers)
      streams.set(key, stream)
    },
    leave(subject) {
      streams.get(keyOf(subject))?.unsubscribe()
      streams.delete(keyOf(subject))
    },
    close: end,
  }
}
