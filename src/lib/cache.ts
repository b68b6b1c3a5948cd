import { createLocalCache, type Loaded, type LocalOptions } from './local-cache'
import type { Log } from './logger'
import type { Metrics } from './metrics'
import type { RedisLink } from './redis'
import { createSharedCache } from './redis-cache'
import { MINUTE } from './time'

export type Cache = {
  /** Whether local values are as new as the database, also for a caller who may just have changed it on another server. */
  isExactFor(signedIn: boolean): boolean
  local<T extends object>(key: string, options: LocalOptions, load: () => Promise<Loaded<T>>): Promise<T>
  /** As `local`, and also in Redis for all servers: for values that are expensive or rarely change. */
  shared<T extends object>(key: string, options: SharedOptions, load: () => Promise<T>): Promise<T>
  /** A check whether `value` is still the valid local value of a key; undefined if it is not now. */
  freshnessOf(key: string, value: object): (() => boolean) | undefined
  /**
   * Invalidates tags on all servers. Call it after the commit and before the response. Other servers' local values may be
   * returned a moment longer, but not by an `exact` read.
   */
  drop(...tags: SharedTag[]): Promise<void>
  forget(tag: string): void
  forgetAll(): void
}

export type SharedTag = 'services' | 'specialists' | `user:${string}`
type SharedOptions = {
  maxAgeMs: number
  /** Tag that invalidates the entry early. Untagged entries only expire. */
  tag?: SharedTag | undefined
  /** Skips the local copy, for a caller who may just have made a change on another server. */
  exact?: boolean
}

const LOCAL_COPY_MS = MINUTE / 2

type Parts = {
  redis: RedisLink | null
  on: boolean
  metrics: Metrics
  log: Log
  invalidateEverywhere: (tags: string[]) => void
}

/**
 * Caches responses that are the same for all callers who may see them; authorization happens outside.
 *
 * Without Redis it is exact, because every change passes this process. With Redis, other servers learn of a change a moment
 * later, so callers who may have made it read from the database or by the stamps in Redis. While Redis is down, nothing is
 * cached.
 *
 * bentocache (1.6.1 with ioredis 6, two processes) was tried and rejected: a value read before a `delete` and written after
 * it stayed until it expired, reads on another process right after a `delete` could return the old value, and without Redis
 * a `delete` did not return while the other process continued with its copies.
 */
export function createCache({ redis, on, metrics, log, invalidateEverywhere }: Parts): Cache {
  const local = createLocalCache(() => metrics.countCacheRead('near'))
  const redisCache = redis && createSharedCache(redis, log)
  const redisLoads = new Map<string, Promise<object>>()
  const isUsable = () => on && (redis === null || redis.isUp())

  const counted =
    <T>(load: () => Promise<T>) =>
    () => {
      metrics.countCacheRead('missed')
      return load()
    }

  async function readRedis<T extends object>(
    key: string,
    { tag, maxAgeMs }: Pick<SharedOptions, 'tag' | 'maxAgeMs'>,
    load: () => Promise<T>,
  ): Promise<T> {
    const found = await redisCache?.find(key, tag ?? 'aged')
    if (found?.value) {
      metrics.countCacheRead('far')
      return found.value as T
    }
    if (!redisCache || !found) return load()
    const flight = `${key} ${found.stamp}`
    const promise = redisLoads.getOrInsertComputed(flight, () =>
      redisCache.load(key, found, maxAgeMs, load).finally(() => redisLoads.delete(flight)),
    )
    return promise as Promise<T>
  }

  return {
    isExactFor: (signedIn) => isUsable() && (redis === null || !signedIn),
    async local(key, options, load) {
      if (!isUsable()) return (await counted(load)()).value
      return local.read(key, options, counted(load))
    },
    async shared(key, { maxAgeMs, tag, exact = false }, load) {
      if (!isUsable()) return load()
      const read = () => readRedis(key, { tag, maxAgeMs }, counted(load))
      if (redisCache && exact) return read()
      const copyMs = redisCache ? Math.min(maxAgeMs, LOCAL_COPY_MS) : maxAgeMs
      return local.read(key, { tag: tag ?? key, maxAgeMs: copyMs }, async () => ({ value: await read() }))
    },
    async drop(...tags) {
      await redisCache?.forget(tags)
      invalidateEverywhere(tags)
    },
    freshnessOf(key, value) {
      const isFresh = local.freshnessOf(key, value)
      return isFresh && (() => isFresh() && isUsable())
    },
    forget: local.forget,
    forgetAll: local.forgetAll,
  }
}
