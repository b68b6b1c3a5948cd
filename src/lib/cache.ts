import { LRUCache } from 'lru-cache'
import type { Log } from './logger'
import type { Metrics } from './metrics'
import type { RedisLink } from './redis'
import { createSharedCache } from './redis-cache'
import { MINUTE } from './time'

/** A value, and for how long the clock alone leaves it true. */
export type Loaded<T> = { value: T; freshForMs?: number }

type Entry = { value: object; tag: string; loadedAt: number; goodUntil: number }
type Loading = { tag: string; startedAt: number; promise: Promise<object> }

export type Cache = {
  /** Whether what is kept here is as new as the database, for somebody who may just have changed it. */
  isExactFor(person: boolean): boolean
  /**
   * Keeps what `load` gives, in this process, until it is forgotten or too old. Many who ask at once make one query. What
   * was being loaded when its tag was forgotten is given to those who asked before, and to nobody after.
   */
  local<T extends object>(
    key: string,
    options: { tag: string; maxAgeMs: number },
    load: () => Promise<Loaded<T>>,
  ): Promise<T>
  /** As `near`, and also in Redis, for all servers: what is dear to make, or the same for a long time. */
  shared<T extends object>(key: string, options: SharedOptions, load: () => Promise<T>): Promise<T>
  /** What tells, at any later time, whether this value is still what is kept near under a key; undefined where it is not now. */
  freshnessOf(key: string, value: object): (() => boolean) | undefined
  /**
   * After the commit of a change, and before it is answered: from then on nobody, on whichever server, gets what was read
   * before it. Guests elsewhere may for a moment, until they are told.
   */
  drop(...tags: SharedTag[]): Promise<void>
  /** What this process keeps under a tag. */
  forget(tag: string): void
  forgetAll(): void
}

/** What a change of these ends. */
export type SharedTag = 'services' | 'specialists' | `user:${string}`
type SharedOptions = {
  maxAgeMs: number
  /** By which a change ends it before its time; without one it grows old for everybody. */
  tag?: SharedTag | undefined
  /** For somebody who may just have made such a change on another server. */
  exact?: boolean
}

const LOCAL_ENTRIES = 5000
/** What Redis has, a process keeps for so long, so that servers do not differ for longer. */
const LOCAL_COPY_MS = MINUTE / 2

type Parts = {
  redis: RedisLink | null
  on: boolean
  metrics: Metrics
  log: Log
  /** Tells every server, this one too, to forget what it keeps under these tags. */
  invalidateEverywhere: (tags: string[]) => void
}

/**
 * The one cache. Authorisation is never inside: what is kept is the same for everybody who may ask for it.
 * Without Redis it is exact, since every change passes this process. With Redis other servers hear of a change a moment later,
 * so who is signed in, and may have made it, is answered from the database, or from Redis by the stamps that changes renew
 * there; and while Redis is away nothing kept here is used.
 *
 * It is not bentocache, which was tried (1.6.1 on ioredis 6, two processes): what its factory read before a `delete` and wrote
 * after it stayed for its whole time on both; a read on the other process straight after a `delete` was now and then the old
 * value; and with Redis gone a `delete` did not return while the other process went on with what it had.
 */
export function createCache({ redis, on, metrics, log, invalidateEverywhere }: Parts): Cache {
  const shared = redis && createSharedCache(redis, log)
  const sharedLoads = new Map<string, Promise<object>>()
  const entries = new LRUCache<string, Entry>({ max: LOCAL_ENTRIES, ttl: MINUTE, ttlResolution: 0 })
  const loading = new Map<string, Loading>()
  // Counts what was forgotten. A value is good if it began to be loaded after its tag was last forgotten.
  let clock = 0
  let floor = 0
  const forgotten = new LRUCache<string, number>({
    max: LOCAL_ENTRIES,
    // A tag that is no longer remembered counts as forgotten just then.
    dispose: (at, _tag, reason) => {
      if (reason === 'evict') floor = Math.max(floor, at)
    },
  })
  const isGood = ({ tag, at }: { tag: string; at: number }) => at >= Math.max(floor, forgotten.peek(tag) ?? 0)
  const isUsable = () => on && (redis === null || redis.isUp())

  async function start<T extends object>(
    key: string,
    { tag, maxAgeMs }: { tag: string; maxAgeMs: number },
    load: () => Promise<Loaded<T>>,
  ): Promise<T> {
    const startedAt = clock
    const promise = load().then(({ value, freshForMs }) => {
      const ttl = Math.floor(Math.min(maxAgeMs, freshForMs ?? maxAgeMs))
      if (ttl > 0 && isGood({ tag, at: startedAt }))
        entries.set(key, { value, tag, loadedAt: startedAt, goodUntil: performance.now() + ttl }, { ttl })
      return value
    })
    const entry = { tag, startedAt, promise }
    loading.set(key, entry)
    try {
      return await promise
    } finally {
      if (loading.get(key) === entry) loading.delete(key)
    }
  }

  async function near<T extends object>(
    key: string,
    options: { tag: string; maxAgeMs: number },
    load: () => Promise<Loaded<T>>,
  ): Promise<T> {
    if (!isUsable()) return (await load()).value
    const entry = entries.get(key)
    if (entry && isGood({ tag: entry.tag, at: entry.loadedAt })) {
      metrics.countCacheRead('near')
      return entry.value as T
    }
    const other = loading.get(key)
    if (other && isGood({ tag: other.tag, at: other.startedAt })) return other.promise as Promise<T>
    return start(key, options, load)
  }

  /** From Redis, or anew: once for all who ask this process while the same stamp is true. */
  async function readShared<T extends object>(
    key: string,
    { tag, maxAgeMs }: Pick<SharedOptions, 'tag' | 'maxAgeMs'>,
    load: () => Promise<T>,
  ): Promise<T> {
    const found = await shared?.find(key, tag ?? 'aged')
    if (found?.value) {
      metrics.countCacheRead('far')
      return found.value as T
    }
    if (!shared || !found) return load()
    const flight = `${key} ${found.stamp}`
    const promise = sharedLoads.getOrInsertComputed(flight, () =>
      shared.load(key, found, maxAgeMs, load).finally(() => sharedLoads.delete(flight)),
    )
    return promise as Promise<T>
  }

  return {
    isExactFor: (person) => isUsable() && (redis === null || !person),
    async local(key, options, load) {
      return near(key, options, () => {
        metrics.countCacheRead('missed')
        return load()
      })
    },
    async shared(key, { maxAgeMs, tag, exact = false }, load) {
      const loadAnew = () => {
        metrics.countCacheRead('missed')
        return load()
      }
      if (!isUsable()) return load()
      const read = () => readShared(key, { tag, maxAgeMs }, loadAnew)
      if (shared && exact) return read()
      const copyMs = shared ? Math.min(maxAgeMs, LOCAL_COPY_MS) : maxAgeMs
      return near(key, { tag: tag ?? key, maxAgeMs: copyMs }, async () => ({ value: await read() }))
    },
    async drop(...tags) {
      await shared?.forget(tags)
      invalidateEverywhere(tags)
    },
    freshnessOf(key, value) {
      const entry = entries.peek(key)
      if (entry?.value !== value) return undefined
      const { tag, loadedAt: at, goodUntil } = entry
      return () => performance.now() < goodUntil && isGood({ tag, at }) && isUsable()
    },
    forget(tag) {
      clock += 1
      forgotten.set(tag, clock)
    },
    forgetAll() {
      clock += 1
      floor = clock
      entries.clear()
    },
  }
}
