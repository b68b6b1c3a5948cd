import { Cluster, type ClusterOptions, Redis, type RedisOptions } from 'ioredis'
import type { Log } from './logger'

/** What every server of one Redis shares with the others, and whether it is there. */
export type RedisLink = {
  /** For commands. While Redis is away they fail at once rather than wait. */
  commands: Redis | Cluster
  /** True while messages go out and come back. */
  isUp(): boolean
  /** Sends to every server that is connected. False where Redis is away, and then nobody else hears it. */
  send(payload: string): boolean
  /** Hears what is sent, one's own included. */
  onMessage(listener: (payload: string) => void): void
  /** Called when Redis is back: what was sent in between is lost. */
  onRecovered(listener: () => void): void
  /** Asks for an answer; `ok` is false where there is none within two seconds. */
  check(): Promise<{ ok: boolean; latencyMs: number }>
  close(): Promise<void>
}

export type RedisTimes = { heartbeatMs: number; deadAfterMs: number }
const TIMES: RedisTimes = { heartbeatMs: 1000, deadAfterMs: 3000 }

/**
 * Connects to Redis, or to a cluster where several addresses are given, separated by commas. Never fails and never waits: a
 * Redis that is away is asked again and again. That it is there is known by a heartbeat, which goes the whole way that a
 * message goes, so a network that swallows everything while the connection stays open is noticed too.
 */
export function connectRedis(urls: string, log: Log, times: RedisTimes = TIMES): RedisLink {
  const { commands, openSubscriber, channels } = openConnections(urls)
  const [channel, heartbeat] = channels
  const sharded = commands instanceof Cluster
  let up = false
  let everUp = false
  let heardAt = performance.now()
  let closed = false
  const messageListeners: ((payload: string) => void)[] = []
  const recoveredListeners: (() => void)[] = []

  const publish = (to: string, payload: string) =>
    (sharded ? commands.spublish(to, payload) : commands.publish(to, payload)).catch(() => undefined)

  // Without a listener the first error would end the process; what matters is told by the heartbeat.
  commands.on('error', () => undefined)
  let subscriber = listen()

  function listen(): Redis | Cluster {
    const listening = openSubscriber()
    listening.on('error', () => undefined)
    listening.on(sharded ? 'smessage' : 'message', (to: string, payload: string) => {
      if (to === heartbeat) hear()
      else for (const listener of messageListeners) listener(payload)
    })
    listening.on('ready', beat)
    // ioredis subscribes again by itself once it is connected again.
    void (sharded ? listening.ssubscribe(...channels) : listening.subscribe(...channels)).catch(
      () => undefined,
    )
    return listening
  }

  function hear(): void {
    heardAt = performance.now()
    if (up || closed) return
    up = true
    log[everUp ? 'warn' : 'info'](everUp ? 'Redis is back' : 'Redis is connected')
    if (everUp) for (const listener of recoveredListeners) listener()
    everUp = true
  }

  function beat(): void {
    void publish(heartbeat, 'beat')
    if (performance.now() - heardAt < times.deadAfterMs) return
    lose('Redis does not answer; this server goes on alone until it does')
    // A connection that is open and dead would stay so for many minutes.
    heardAt = performance.now()
    reconnect(commands)
    if (sharded) {
      // One that had lost the node of its channels never finds them again.
      subscriber.disconnect()
      subscriber = listen()
    } else reconnect(subscriber)
  }

  function lose(message: string): void {
    if (up) log.error(message)
    up = false
  }

  const timer = setInterval(beat, times.heartbeatMs)
  const watched = commands instanceof Cluster ? [] : [commands, subscriber]
  for (const connection of watched) {
    connection.on('close', () => {
      if (!closed) lose('the connection to Redis was lost; this server goes on alone until it is back')
    })
  }

  return {
    commands,
    isUp: () => up,
    send(payload) {
      if (!up) return false
      void publish(channel, payload)
      return true
    },
    onMessage: (listener) => void messageListeners.push(listener),
    onRecovered: (listener) => void recoveredListeners.push(listener),
    async check() {
      const started = performance.now()
      const ok = await Promise.race([
        commands.ping().then(
          () => up,
          () => false,
        ),
        Bun.sleep(2000).then(() => false),
      ])
      return { ok, latencyMs: Math.round((performance.now() - started) * 100) / 100 }
    },
    async close() {
      closed = true
      up = false
      clearInterval(timer)
      commands.disconnect()
      subscriber.disconnect()
    },
  }
}

const OPTIONS = {
  enableAutoPipelining: true,
  enableOfflineQueue: false,
  // What was on its way when the connection broke may have been done: only the caller knows whether to ask again.
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
        // Each is a pause while the cluster has lost a node, which a caller waits for.
        maxRedirections: 3,
        ...options,
      })
    return {
      commands: open({ enableOfflineQueue: false }),
      openSubscriber: () => open({ shardedSubscribers: true }),
      channels: channelsOf(''),
    }
  }
  // Messages know nothing of Redis's numbered databases: deployments that share one are told apart by the name.
  const database = new URL(first).pathname.slice(1) || '0'
  return {
    commands: new Redis(first, { ...OPTIONS, connectionName: 'coworkspace' }),
    // It must queue the subscription until it is connected, and has no commands that could take too long.
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

/** The one channel of all messages, and one that only this server listens to; on a cluster both live on one node. */
const channelsOf = (suffix: string): [string, string] => [
  `{coworkspace${suffix}}:messages`,
  `{coworkspace${suffix}}:heartbeat:${Bun.randomUUIDv7()}`,
]

/** A cluster's own `disconnect` waits for ever for a node to which there is no connection yet: each node is told for itself. */
function reconnect(connection: Redis | Cluster): void {
  for (const node of connection instanceof Cluster ? connection.nodes() : [connection]) {
    if (node.status === 'ready' || node.status === 'connect') node.disconnect(true)
  }
}
