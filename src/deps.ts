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
export type OpenedDeps = {
  deps: Deps
  boards: BoardWatchers
  feeds: BoardStreams
  locationFeeds: LocationStreams
  locations: LocationWatchers
  connections: Connections
  bus: Bus
  redis: RedisLink | null
  release: Release
}

/**
 * Everything that services work with, over a database whose schema is up to date: what a server has before it opens its
 * doors, and all that a command needs. Nothing listens and no job runs.
 * @param options.sandbox what stands in for Stripe where no key is set; `telegramSandbox` for Telegram
 */
export async function openDeps(
  env: Env,
  log: Log,
  databaseUrl: string,
  {
    sandbox,
    telegramSandbox,
    ...pool
  }: {
    connections?: number
    statementSeconds?: number
    sandbox?: Sandbox | undefined
    telegramSandbox?: TelegramSandboxLink | undefined
  } = {},
): Promise<OpenedDeps> {
  const releasers: Release[] = []
  const client = connectDatabase(databaseUrl, { connections: env.DATABASE_POOL, ...pool })
  releasers.push(client.close)

  const replica = env.DATABASE_REPLICA_URL
    ? connectDatabase(env.DATABASE_REPLICA_URL, { connections: env.DATABASE_POOL })
    : undefined
  if (replica) releasers.push(replica.close)

  // Loaded only where there is one: a start is faster without.
  const redis = env.REDIS_URL ? (await import('./lib/redis')).connectRedis(env.REDIS_URL, log) : null
  if (redis) releasers.push(redis.close)
  const bus = redis ? createSharedBus(redis, log) : createLocalBus()
  const boards = createBoardWatchers({ db: client.db, log, deliver: bus.deliver })
  const feeds = createBoardStreams({ db: client.db, log, bus, boards })
  const locations = createLocationWatchers({ db: client.db, deliver: bus.deliver })
  const locationFeeds = createLocationStreams({ db: client.db, bus, locations })
  shareBoards(bus, { boards, locations }, redis)
  const metrics = createMetrics()
  const cache = createCache({
    redis,
    on: env.CACHE === 'on',
    metrics,
    log,
    invalidateEverywhere: (tags) => bus.signal({ forget: tags }),
  })
  invalidateChanged(bus, cache, redis)
  const mailer = createMailer(env)
  if (mailer) releasers.push(async () => mailer.close())
  const deps: Deps = {
    db: client.db,
    env,
    log,
    tokens: createTokens(env.JWT_SECRET),
    stripe: createStripeAccount(env, sandbox),
    telegram: createTelegramBot(env, telegramSandbox),
    publish: bus.publish,
    refreshBoards: (calendarIds) => bus.signal({ refreshBoards: calendarIds }),
    disconnectUser: (personGone) => bus.signal({ personGone }),
    watchBoard: feeds.watch,
    watchLocation: locationFeeds.watch,
    redis,
    mailer,
    metrics,
    cache,
    replica: replica?.db ?? client.db,
    limits: createRateLimits(redis, env.RATE_LIMITS === 'on'),
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

  const release = () => stopAll(releasers, log)
  return { deps, boards, feeds, locationFeeds, locations, connections, bus, redis, release }
}

/**
 * Boards are read again on the server that has their watchers, also where a room is taken that a service might take; after
 * Redis was away, all that were missed are noticed.
 */
function shareBoards(
  bus: Bus,
  { boards, locations }: Pick<OpenedDeps, 'boards' | 'locations'>,
  redis: RedisLink | null,
): void {
  bus.onSignal(({ refreshBoards }) => refreshBoards && boards.refresh(refreshBoards))
  bus.onPublished(boards.roomChanged)
  redis?.onRecovered(() => void Promise.all([boards.tick(), locations.tick()]))
}

/** Whatever is told of a calendar, here or on another server, ends what is kept of it. */
function invalidateChanged(bus: Bus, cache: Cache, redis: RedisLink | null): void {
  bus.onPublished(cache.forget)
  bus.onSignal(({ forget = [], refreshBoards = [] }) => {
    forget.forEach(cache.forget)
    for (const id of refreshBoards)
      for (const key of [{ spaceId: id }, { specialistId: id }]) cache.forget(topicOf.calendar(key))
  })
  redis?.onRecovered(cache.forgetAll)
}

/** Stops what was started, the last first; what does not stop is said and hinders nothing else. */
export async function stopAll(releasers: (() => Promise<unknown>)[], log: Log): Promise<void> {
  for (const release of releasers.reverse()) {
    await release().catch((error) => log.warn({ error }, 'something did not stop as it should'))
  }
}
