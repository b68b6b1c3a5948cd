import type { Deps } from './context'
import { connectDatabase } from './db/client'
import type { Env } from './env'
import { createTokens } from './lib/access-tokens'
import { type Cache, createCache } from './lib/cache'
import type { Log } from './lib/logger'
import { createMailer } from './lib/mailer'
import { addReadings, createMetrics } from './lib/metrics'
import { createRateLimits } from './lib/rate-limits'
import type { RedisLink } from './lib/redis'
import { createStripeAccount, type Sandbox } from './lib/stripe'
import { createTelegramBot, type TelegramSandboxLink } from './lib/telegram'
import { type BoardStreams, createBoardStreams } from './realtime/board-streams'
import { type BoardWatchers, createBoardWatchers } from './realtime/board-watchers'
import { type Bus, createLocalBus, createSharedBus } from './realtime/bus'
import { type Connections, createConnections } from './realtime/connections'
import { createLocationStreams, type LocationStreams } from './realtime/location-streams'
import { createLocationWatchers, type LocationWatchers } from './realtime/location-watchers'
import { topicOf } from './schemas/socket-messages'
import { countPaymentProblems } from './services/payments/payment-health'
import { countConnections } from './services/shared/health'

type Release = () => Promise<unknown>

type Realtime = {
  bus: Bus
  boards: BoardWatchers
  feeds: BoardStreams
  locations: LocationWatchers
  locationFeeds: LocationStreams
}

export type OpenedDeps = Realtime & {
  deps: Deps
  connections: Connections
  redis: RedisLink | null
  /** Closes everything in reverse order. */
  release: Release
}

type OpenOptions = {
  connections?: number
  statementSeconds?: number
  /** Replaces Stripe if no key is set. */
  sandbox?: Sandbox | undefined
  /** Replaces Telegram if no bot token is set. */
  telegramSandbox?: TelegramSandboxLink | undefined
}

/**
 * Opens everything that services work with, on a database whose schema is up to date. Enough for a command: nothing listens and
 * no job runs.
 */
export async function openDeps(
  env: Env,
  log: Log,
  databaseUrl: string,
  { sandbox, telegramSandbox, ...pool }: OpenOptions = {},
): Promise<OpenedDeps> {
  const releasers: Release[] = []
  const connect = (url: string, options = {}) => {
    const client = connectDatabase(url, { connections: env.DATABASE_POOL, ...options })
    releasers.push(client.close)
    return client.db
  }
  const db = connect(databaseUrl, pool)
  const replica = env.DATABASE_REPLICA_URL ? connect(env.DATABASE_REPLICA_URL) : db
  // Imported on demand: a start without Redis is faster.
  const redis = env.REDIS_URL ? (await import('./lib/redis')).connectRedis(env.REDIS_URL, log) : null
  if (redis) releasers.push(redis.close)
  const mailer = createMailer(env)
  if (mailer) releasers.push(async () => mailer.close())

  const realtime = openRealtime(db, redis, log)
  const { bus, boards, feeds, locations, locationFeeds } = realtime
  const metrics = createMetrics()
  const cache = createCache({
    redis,
    on: env.CACHE === 'on',
    metrics,
    log,
    invalidateEverywhere: (tags) => bus.signal({ forget: tags }),
  })
  invalidateChanged(bus, cache, redis)
  const deps: Deps = {
    db,
    replica,
    env,
    log,
    redis,
    mailer,
    metrics,
    cache,
    tokens: createTokens(env.JWT_SECRET),
    limits: createRateLimits(redis, env.RATE_LIMITS === 'on'),
    stripe: createStripeAccount(env, sandbox),
    telegram: createTelegramBot(env, telegramSandbox),
    publish: bus.publish,
    refreshBoards: (calendarIds) => bus.signal({ refreshBoards: calendarIds }),
    disconnectUser: (userId) => bus.signal({ personGone: userId }),
    watchBoard: feeds.watch,
    watchLocation: locationFeeds.watch,
    realtimeStats: () => ({
      ...connections.stats(),
      eventStreams: feeds.watchers() + locationFeeds.watchers(),
      watchedSpaces: boards.calendars(),
      watchedBoards: boards.boards(),
      messagesOut: bus.counts().published,
    }),
  }
  const connections = createConnections(deps, { boards, locations })
  bus.onSignal(({ personGone }) => personGone && connections.signOut(personGone))
  addReadings(metrics, {
    realtime: deps.realtimeStats,
    bus: bus.counts,
    redisUp: redis?.isUp,
    poolSize: env.DATABASE_POOL,
    connections: () => countConnections(deps),
    payments: () => countPaymentProblems(deps),
  })
  return { ...realtime, deps, connections, redis, release: () => stopAll(releasers, log) }
}

/** The bus, the watchers that read boards and locations once for all their viewers, and the streams to browsers. */
function openRealtime(db: Deps['db'], redis: RedisLink | null, log: Log): Realtime {
  const bus = redis ? createSharedBus(redis, log) : createLocalBus()
  const boards = createBoardWatchers({ db, log, deliver: bus.deliver })
  const feeds = createBoardStreams({ db, log, bus, boards })
  const locations = createLocationWatchers({ db, deliver: bus.deliver })
  const locationFeeds = createLocationStreams({ db, bus, locations })
  bus.onSignal(({ refreshBoards }) => refreshBoards && boards.refresh(refreshBoards))
  // A service may need a room, so a change of a room's calendar can change the boards of services.
  bus.onPublished(boards.roomChanged)
  // Finds everything that was missed while Redis was away.
  redis?.onRecovered(() => void Promise.all([boards.tick(), locations.tick()]))
  return { bus, boards, feeds, locations, locationFeeds }
}

/** Drops cache entries whose calendar changed, on this server or another one. */
function invalidateChanged(bus: Bus, cache: Cache, redis: RedisLink | null): void {
  bus.onPublished(cache.forget)
  bus.onSignal(({ forget = [], refreshBoards = [] }) => {
    forget.forEach(cache.forget)
    for (const id of refreshBoards)
      for (const key of [{ spaceId: id }, { specialistId: id }]) cache.forget(topicOf.calendar(key))
  })
  redis?.onRecovered(cache.forgetAll)
}

/** Stops everything in reverse order. A failure is logged and does not keep the rest from stopping. */
export async function stopAll(releasers: Release[], log: Log): Promise<void> {
  for (const release of releasers.reverse()) {
    await release().catch((error) => log.warn({ error }, 'stop failed'))
  }
}
