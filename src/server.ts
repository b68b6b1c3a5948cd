import type { Server } from 'bun'
import { createApp } from './app'
import { type Cache, createCache } from './cache'
import type { Deps } from './context'
import { startJobs } from './cron'
import { connectDatabase } from './db/client'
import { type EmbeddedDatabase, startEmbeddedDatabase } from './db/embedded'
import { migrateDatabase } from './db/migrate'
import { ConfigurationError, type Env } from './env'
import { createLimits } from './limits'
import type { Log } from './log'
import { addReadings, createMetrics } from './metrics'
import { createWatchedBoards, type WatchedBoards } from './realtime/boards'
import { type Bus, createLocalBus, createSharedBus } from './realtime/bus'
import { topicOf } from './realtime/events'

import { createBoardFeeds } from './realtime/feeds'
import { type Connections, createConnections } from './realtime/socket'

import { connectRedis, type RedisLink } from './redis'
import { seedDatabase } from './seed'
import { countConnections } from './services/health'
import { createTokens } from './tokens'

export type RunningServer = { url: string; deps: Deps; stop(): Promise<void> }

/**
 * Starts a whole server: database, schema, seed, doors, jobs. What was started is stopped in reverse, also where a later
 * step fails.
 * @throws {ConfigurationError} where the configuration or the machine does not allow it
 */
export async function startServer(
  env: Env,
  log: Log,
  { jobs = true }: { jobs?: boolean } = {},
): Promise<RunningServer> {
  const releasers: (() => Promise<unknown>)[] = []
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= unwind(releasers, log)
    return stopped
  }
  try {
    const embedded: EmbeddedDatabase | undefined = env.DATABASE_URL
      ? undefined
      : await startEmbeddedDatabase(env.DATA_DIR, log)
    if (embedded) releasers.push(embedded.stop)
    const databaseUrl = env.DATABASE_URL ?? embedded?.url ?? ''
    await migrateDatabase(databaseUrl)
    const client = connectDatabase(databaseUrl, { connections: env.DATABASE_POOL })
    releasers.push(client.close)

    const replica = env.DATABASE_REPLICA_URL
      ? connectDatabase(env.DATABASE_REPLICA_URL, { connections: env.DATABASE_POOL })
      : undefined
    if (replica) releasers.push(replica.close)

    const redis = env.REDIS_URL ? connectRedis(env.REDIS_URL, log) : null
    if (redis) releasers.push(redis.close)
    const bus = redis ? createSharedBus(redis, log) : createLocalBus()
    const boards = createWatchedBoards({ db: client.db, log, deliver: bus.deliver })
    const feeds = createBoardFeeds({ db: client.db, log, bus, boards })
    shareBoards(bus, boards, redis)
    const metrics = createMetrics()
    const cache = createCache({ redis, on: env.CACHE === 'on', metrics, log })
    forgetWhatChanged(bus, cache, redis)
    const deps: Deps = {
      db: client.db,
      env,
      log,
      tokens: createTokens(env.JWT_SECRET),
      publish: bus.publish,
      refreshBoards: (spaceIds) => bus.signal({ refreshBoards: spaceIds }),
      watchBoard: feeds.watch,
      redis,
      metrics,
      cache,
      replica: replica?.db ?? client.db,
      limits: createLimits(redis, env.RATE_LIMITS === 'on'),
      realtimeStats: () => ({
        ...connections.stats(),
        eventStreams: feeds.watchers(),
        watchedSpaces: boards.spaces(),
        watchedBoards: boards.boards(),
        messagesOut: bus.counts().published,
      }),
    }
    const connections = createConnections(deps, boards)
    addReadings(metrics, {
      realtime: deps.realtimeStats,
      bus: bus.counts,
      redisUp: redis?.isUp,
      poolSize: env.DATABASE_POOL,
      connections: () => countConnections(deps),
    })
    if (env.SEED === 'demo') await seedDatabase(deps)

    const app = createApp(deps, connections, env.PUBLIC_URL ?? '')
    const server = listen(app, env)
    bus.attach(server, connections.noteUnread)
    releasers.push(() => closeDoors(server, connections))
    if (jobs) releasers.push(startJobs(deps, boards).stop)
    return { url: `http://${env.HOST}:${server.port}`, deps, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Boards are read again on the server that has their watchers; after Redis was away, all that were missed are noticed. */
function shareBoards(bus: Bus, boards: WatchedBoards, redis: RedisLink | null): void {
  bus.onSignal((signal) => {
    if ('refreshBoards' in signal) boards.refresh(signal.refreshBoards)
  })
  redis?.onRecovered(() => void boards.tick())
}

/** Whatever is told of a space, here or on another server, ends what is kept of it. */
function forgetWhatChanged(bus: Bus, cache: Cache, redis: RedisLink | null): void {
  bus.onPublished(cache.forget)
  bus.onSignal((signal) => {
    if ('refreshBoards' in signal) for (const id of signal.refreshBoards) cache.forget(topicOf.space(id))
  })
  redis?.onRecovered(cache.forgetAll)
}

function listen(app: ReturnType<typeof createApp>, env: Env) {
  try {
    app.listen({ port: env.PORT, hostname: env.HOST })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
      throw new ConfigurationError(
        `Port ${env.PORT} is taken. Choose another one with PORT, for example: PORT=${env.PORT + 1} npx bun start`,
      )
    }
    throw new ConfigurationError(`HOST ${env.HOST}, PORT ${env.PORT}: the server cannot listen there.`, {
      cause: error,
    })
  }
  if (!app.server) throw new Error('the server does not listen')
  return app.server
}

/** What a request that is being answered, or a stream, may still take when the server stops. */
const STOP_SECONDS = 10

/** No new connections, a goodbye to every socket, an answer to whoever waits for one; then whatever is left is cut. */
async function closeDoors(server: Server<unknown>, connections: Connections): Promise<void> {
  const answered = server.stop()
  await connections.close()
  await Promise.race([answered, Bun.sleep(STOP_SECONDS * 1000)])
  await server.stop(true)
}

async function unwind(releasers: (() => Promise<unknown>)[], log: Log): Promise<void> {
  for (const release of releasers.reverse()) {
    await release().catch((error) => log.warn({ error }, 'something did not stop as it should'))
  }
}
