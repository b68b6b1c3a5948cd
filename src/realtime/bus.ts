import type { Server } from 'bun'
import type { Publish } from '../context'
import type { Log } from '../lib/logger'
import type { RedisLink } from '../lib/redis'
import type { ServerMessage, Topic } from '../schemas/socket-messages'

/**
 * What servers tell each other beside the messages of sockets: boards to be read again, tags of the cache to be forgotten, and
 * a person whose account is gone.
 */
export type Signal = { refreshBoards?: string[]; forget?: string[]; personGone?: string }

/** How messages travel to those who listen. */
export type Bus = {
  /** To everyone who listens, on whichever server. */
  publish: Publish
  /** To those who listen to this server. */
  deliver: Publish
  /** Hears the messages of a topic in this process. @returns what ends it */
  subscribe(topic: Topic, listener: (message: ServerMessage) => void): () => void
  /** Tells every server, this one first. */
  signal(signal: Signal): void
  onSignal(listener: (signal: Signal) => void): void
  /** Hears of which topics something was published, here or on another server, before anybody else does. */
  onPublished(listener: (topic: string) => void): void
  /** @param onBackpressure hears that somebody who listens did not take a message at once */
  attach(server: Server<unknown>, onBackpressure?: () => void): void
  /** How many messages were published here, came from other servers, and could not be told to them. */
  counts(): { published: number; received: number; undelivered: number }
}

type Message = Parameters<Publish>[1]
/** What is to be said, made now where it was not yet; undefined where it turns out to be nothing. */
export const messageOf = (message: Message): ServerMessage | undefined =>
  typeof message === 'function' ? message() : message
const textOf = (message: Message): string | undefined => JSON.stringify(messageOf(message))

/** In one process: straight to Bun's own publish, serialised once. */
export function createLocalBus(): Bus & { pass(topic: string, text: string): void } {
  let server: Server<unknown> | undefined
  let onBackpressure: (() => void) | undefined
  let published = 0
  const listeners = new Map<string, Set<(message: ServerMessage) => void>>()
  const signalListeners: ((signal: Signal) => void)[] = []
  const publishedListeners: ((topic: string) => void)[] = []

  /** To the sockets and the listeners of this process. */
  function deliverText(topic: string, text: string): void {
    if (server?.publish(topic, text) === -1) onBackpressure?.()
    const heard = listeners.get(topic)
    if (!heard) return
    const message: ServerMessage = JSON.parse(text)
    for (const listener of heard) listener(message)
  }

  const isHeard = (topic: string) => listeners.has(topic) || (server?.subscriberCount(topic) ?? 0) > 0

  function deliver(topic: Topic, message: Message): void {
    published += 1
    const text = isHeard(topic) ? textOf(message) : undefined
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
      const heard = listeners.getOrInsertComputed(topic, () => new Set())
      heard.add(listener)
      return () => {
        heard.delete(listener)
        if (heard.size === 0) listeners.delete(topic)
      }
    },
    signal(signal) {
      for (const listener of signalListeners) listener(signal)
    },
    onSignal: (listener) => void signalListeners.push(listener),
    onPublished: (listener) => void publishedListeners.push(listener),
    attach(listening, tell) {
      server = listening
      onBackpressure = tell
    },
    counts: () => ({ published, received: 0, undelivered: 0 }),
  }
}

/** The name under which a signal travels between the topics. */
const SIGNAL = 'signal'

/**
 * With Redis: to this server's own listeners at once, and to every other server's through Redis. What happens in one tick
 * travels together. While Redis is away the own sockets are served all the same; the others heal by the versions.
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
    // Neither topics nor JSON have line breaks of their own, so lines are enough to tell them apart.
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
        log.error({ error, topic }, 'a message of another server could not be delivered')
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
