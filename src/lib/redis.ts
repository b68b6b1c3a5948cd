import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis'
import type { Log } from './logger'
import { withTimeout } from './with-timeout'

export type RedisLink = {
  /** Commands fail at once while Redis is down. */
  commands: Redis | Cluster
  isUp(): boolean
  /** Sends a payload to all connected servers. Returns false if Redis is down: the payload is lost. */
  send(payload: string): boolean
  onMessage(listener: (payload: string) => void): void
  /** Called when Redis is back. Payloads sent in the meantime are lost. */
  onRecovered(listener: () => void): void
  check(): Promise<{ ok: boolean; latencyMs: number }>
  close(): Promise<void>
}

export type RedisTimes = { heartbeatMs: number; deadAfterMs: number }
const TIMES: RedisTimes = { heartbeatMs: 1000, deadAfterMs: 3000 }
const CHECK_MS = 2000

/**
 * Connects to Redis, or to a cluster if `urls` lists several addresses, separated by commas. Returns at once and reconnects
 * forever. A heartbeat takes the same path as messages, so it also detects a connection that is open but dead.
 */
export function connectRedis(urls: string, log: Log, times: RedisTimes = TIMES): RedisLink {
  const { commands, openSubscriber, channels } = openConnections(urls)
  const [channel, heartbeat] = channels
  const sharded = commands instanceof Cluster
  const state = createState(log)
  let beatAt = performance.now()
  const messageListeners: ((payload: string) => void)[] = []

  const publish = (to: string, payload: string) =>
    (sharded ? commands.spublish(to, payload) : commands.publish(to, payload)).catch(() => undefined)

  // An error without a listener would end the process. The heartbeat detects every failure that matters.
  commands.on('error', () => undefined)
  let subscriber = listen()

  function listen(): Redis | Cluster {
    const listening = openSubscriber()
    listening.on('error', () => undefined)
    listening.on(sharded ? 'smessage' : 'message', (to: string, payload: string) => {
      if (to === heartbeat) {
        beatAt = performance.now()
        state.setUp()
      } else for (const listener of messageListeners) listener(payload)
    })
    listening.on('ready', beat)
    // ioredis subscribes again by itself after a reconnect.
    void (sharded ? listening.ssubscribe(...channels) : listening.subscribe(...channels)).catch(
      () => undefined,
    )
    return listening
  }

  function beat(): void {
    void publish(heartbeat, 'beat')
    if (performance.now() - beatAt < times.deadAfterMs) return
    state.setDown('Redis is not responding; this server continues alone')
    beatAt = performance.now()
    reconnect(commands)
    if (sharded) {
      // A cluster subscriber that lost the node of its channels never finds them again.
      subscriber.disconnect()
      subscriber = listen()
    } else reconnect(subscriber)
  }

  const timer = setInterval(beat, times.heartbeatMs)
  const watched = commands instanceof Cluster ? [] : [commands, subscriber]
  for (const connection of watched) {
    connection.on('close', () => state.setDown('Redis connection lost; this server continues alone'))
  }

  return {
    commands,
    isUp: state.isUp,
    send(payload) {
      if (!state.isUp()) return false
      void publish(channel, payload)
      return true
    },
    onMessage: (listener) => void messageListeners.push(listener),
    onRecovered: state.onRecovered,
    async check() {
      const started = performance.now()
      const pinged = commands.ping().then(state.isUp, () => false)
      const ok = await withTimeout(pinged, CHECK_MS, () => false)
      return { ok, latencyMs: Math.round((performance.now() - started) * 100) / 100 }
    },
    async close() {
      state.close()
      clearInterval(timer)
      commands.disconnect()
      subscriber.disconnect()
    },
  }
}

function createState(log: Log) {
  let up = false
  let everUp = false
  let closed = false
  const recoveredListeners: (() => void)[] = []
  return {
    isUp: () => up,
    setUp(): void {
      if (up || closed) return
      up = true
      log[everUp ? 'warn' : 'info'](everUp ? 'Redis is back' : 'Redis is connected')
      if (everUp) for (const listener of recoveredListeners) listener()
      everUp = true
    },
    setDown(message: string): void {
      if (up) log.error(message)
      up = false
    },
    onRecovered: (listener: () => void) => void recoveredListeners.push(listener),
    close(): void {
      closed = true
      up = false
    },
  }
}

const OPTIONS = {
  enableAutoPipelining: true,
  enableOfflineQueue: false,
  // A command may have run before the connection broke. Only the caller knows whether it can be repeated.
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  connectTimeout: 2000,
  commandTimeout: 1000,
  disconnectTimeout: 500,
  retryStrategy: (attempt: number) => Math.min(attempt * 100, 1000),
} satisfies RedisOptions

function openConnections(urls: string) {
  const nodes = urls.split(',').map((url) => url.trim())
  const [first = ''] = nodes
  if (nodes.length > 1) {
    const open = (options: ClusterOptions) =>
      new Cluster(nodes, {
        redisOptions: { ...OPTIONS, connectionName: 'coworkspace' },
        clusterRetryStrategy: OPTIONS.retryStrategy,
        maxRedirections: 3,
        ...options,
      })
    return {
      commands: open({ enableOfflineQueue: false }),
      openSubscriber: () => open({ shardedSubscribers: true }),
      channels: channelsOf(''),
    }
  }
  // Pub/sub ignores Redis's numbered databases, so the channel names separate deployments on one Redis.
  const database = new URL(first).pathname.slice(1) || '0'
  return {
    commands: new Redis(first, { ...OPTIONS, connectionName: 'coworkspace' }),
    openSubscriber: () =>
      new Redis(first, {
        ...OPTIONS,
        enableOfflineQueue: true,
        maxRetriesPerRequest: null,
        commandTimeout: undefined,
        connectionName: 'coworkspace subscriber',
      }),
    channels: channelsOf(`:${database}`),
  }
}

/** The channel of all messages and a heartbeat channel of this server. The braces keep both on one cluster node. */
const channelsOf = (suffix: string): [string, string] => [
  `{coworkspace${suffix}}:messages`,
  `{coworkspace${suffix}}:heartbeat:${Bun.randomUUIDv7()}`,
]

/** Disconnects node by node: a cluster's own `disconnect` waits forever for a node that is not yet connected. */
function reconnect(connection: Redis | Cluster): void {
  for (const node of connection instanceof Cluster ? connection.nodes() : [connection]) {
    if (node.status === 'ready' || node.status === 'connect') node.disconnect(true)
  }
}
