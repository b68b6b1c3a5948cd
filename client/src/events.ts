import type { TRPCClient } from '@trpc/client'
import type { AppRouter } from './api'
import { type Connection, type ConnectionEvents, keyOf } from './connection'
import { reasonOf } from './errors'

type Watch = TRPCClient<AppRouter>['realtime']['watch']
type Stream = { unsubscribe(): void }

/** One stream of server-sent events for each board: for where WebSockets do not get through. */
export function connectEvents(watch: Watch, events: ConnectionEvents): Connection {
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
    ask(day) {
      const key = keyOf(day)
      streams.get(key)?.unsubscribe()
      const stream = watch.subscribe(day, {
        onData: ({ data }) => {
          if (!over) events.onMessage(data)
        },
        onError(error) {
          if (streams.get(key) !== stream || over) return
          const reason = reasonOf(error)
          if (reason === undefined) return end()
          streams.delete(key)
          events.onRefused(day, { reason, message: error.message })
        },
        onConnectionStateChange({ error }) {
          if (error && streams.get(key) === stream) end()
        },
        onComplete() {
          if (streams.get(key) === stream) end()
        },
      })
      streams.set(key, stream)
    },
    leave(day) {
      const stream = streams.get(keyOf(day))
      streams.delete(keyOf(day))
      stream?.unsubscribe()
    },
    close: end,
  }
}
