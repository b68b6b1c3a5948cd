import type { Server } from 'bun'
import type { Publish } from '../context'
import type { Log } from '../lib/logger'
import type { RedisLink } from '../lib/redis'
import type { ServerMessage, Topic } from '../schemas/socket-messages'

/**
 * Sent between servers, never to clients: calendars whose boards must be read again, cache tags to invalidate, and a user
 * to disconnect.
 */
export type Signal = { refreshBoards?: string[]; forget?: string[]; personGone?: string }

/** `publish` and `signal` reach all servers, `deliver` only the subscribers on this one. */
export type Bus = {
  publish: Publish
  deliver: Publish
  subscribe(topic: Topic, listener: (message: ServerMessage) => void): () => void
  signal(signal: Signal): void
  onSignal(listener: (signal: Signal) => void): void
  /** Listens to the topics of all publications, on any server, before their subscribers get them. */
  onPublished(listener: (topic: string) => void): void
  attach(server: Server<unknown>, onBackpressure?: () => void): void
  counts(): { published: number; received: number; undelivered: number }
}

type Message = Parameters<Publish>[1]
/** Renders a lazy message; undefined if there is nothing to send. */
export const messageOf = (message: Message): ServerMessage | undefined =>
  typeof message === 'function' ? message() : message
const textOf = (message: Message): string | undefined => JSON.stringify(messageOf(message))

/** Delivers within this process, through Bun's own publish. Serializes each message once, and only if it has a subscriber. */
export function createLocalBus(): Bus & { pass(topic: string, text: string): void } {
  let server: Server<unknown> | undefined
  let onBackpressure: (() => void) | undefined
  let published = 0
  const listeners = new Map<string, Set<(message: ServerMessage) => void>>()
  const signalListeners: ((signal: Signal) => void)[] = []
  const publishedListeners: ((topic: string) => void)[] = []

  function deliverText(topic: string, text: string): void {
    if (server?.publish(topic, text) === -1) onBackpressure?.()
    const subscribed = listeners.get(topic)
    if (!subscribed) return
    const message: ServerMessage = JSON.parse(text)
    for (const listener of subscribed) listener(message)
  }

  const hasSubscribers = (topic: string) => listeners.has(topic) || (server?.subscriberCount(topic) ?? 0) > 0

  function deliver(topic: Topic, message: Message): void {
    published += 1
    const text = hasSubscribers(topic) ? textOf(message) : undefined
    if (text !== undefined) deliverText(topic, text)
  }

  function pass(topic: string, text: string): void {
    for (const listener of publishedListeners) listener(topic)
    deliverText(topic, text)
  }

  return {
    pass,
    deliver,
    publish(topic, message) {
      for (const listener of publishedListeners) listener(topic)
      deliver(topic, message)
    },
    subscribe(topic, listener) {
      const subscribed = listeners.getOrInsertComputed(topic, () => new Set())
      subscribed.add(listener)
      return () => {
        subscribed.delete(listener)
        if (subscribed.size === 0) listeners.delete(topic)
      }
    },
    signal(signal) {
      for (const listener of signalListeners) listener(signal)
    },
    onSignal: (listener) => void signalListeners.push(listener),
    onPublished: (listener) => void publishedListeners.push(listener),
    attach(listening, listener) {
      server = listening
      onBackpressure = listener
    },
    counts: () => ({ published, received: 0, undelivered: 0 }),
  }
}

const SIGNAL = 'signal'

/**
 * Delivers within this process at once and to other servers through Redis, one batch per tick. While Redis is down, only
 * this process's subscribers get messages; clients of other servers notice the gap by the versions.
 */
export function createSharedBus(redis: RedisLink, log: Log): Bus {
  const local = createLocalBus()
  const origin = Bun.randomUUIDv7()
  let outgoing: string[] = []
  let published = 0
  let received = 0
  let undelivered = 0

  function send(topic: string, text: string): void {
    if (outgoing.length === 0) queueMicrotask(flush)
    // Neither topics nor JSON contain line breaks, so lines separate them.
    outgoing.push(topic, text)
  }

  function flush(): void {
    const lines = outgoing
    outgoing = []
    if (!redis.send(`${origin}\n${lines.join('\n')}`)) undelivered += lines.length / 2
  }

  redis.onMessage((payload) => {
    const [from, ...lines] = payload.split('\n')
    if (from === origin) return
    for (let index = 0; index + 1 < lines.length; index += 2) {
      const [topic = '', text = ''] = lines.slice(index, index + 2)
      received += 1
      try {
        if (topic === SIGNAL) local.signal(JSON.parse(text))
        else local.pass(topic, text)
      } catch (error) {
        log.error({ error, topic }, 'delivering a message from another server failed')
      }
    }
  })

  return {
    ...local,
    publish(topic, message) {
      published += 1
      const text = textOf(message)
      if (text === undefined) return
      local.pass(topic, text)
      send(topic, text)
    },
    signal(signal) {
      local.signal(signal)
      send(SIGNAL, JSON.stringify(signal))
    },
    counts: () => ({ published: published + local.counts().published, received, undelivered }),
  }
}
