import { LRUCache } from 'lru-cache'
import type { Log } from './log'
import type { Metrics } from './metrics'
import type { RedisLink } from './redis'
import { MINUTE } from './time'

/** A value, and for how long the clock alone leaves it true. */
export type Loaded<T> = { value: T; trueForMs?: number }

type Entry = { value: object; tag: string; loadedAt: number }
type Loading = { tag: string; startedAt: number; promise: Promise<object> }

export type Cache = {
  /** Whether what is kept here is as new as the database, for somebody who may just have changed it. */
  isExactFor(person: boolean): boolean
  /**
   * Keeps what `load` gives, in this process, until it is forgotten or too old. Many who ask at once make one query. What
   * was being loaded when its tag was forgotten is given to those who asked before, and to nobody after.
   */
  near<T extends object>(
    key: string,
    options: { tag: string; maxAgeMs: number },
    load: () => Promise<Loaded<T>>,
  ): Promise<T>
  /** As `near`, and also in Redis, for what is dear to make and may be as old as `maxAgeMs` for everybody. */
  far<T extends object>(key: string, options: { maxAgeMs: number }, load: () => Promise<T>): Promise<T>
  forget(tag: string): void
  forgetAll(): void
}

const NEAR_ENTRIES = 5000
/** What Redis has, a process keeps for so long, so that servers do not differ for longer. */
const NEAR_COPY_MS = MINUTE / 2

type Parts = { redis: RedisLink | null; on: boolean; metrics: Metrics; log: Log }

/**
 * The one cache. Authorisation is never inside: what is kept is the same for everybody who may ask for it.
 * Without Redis it is exact, since every change passes this process. With Redis other servers hear of a change a moment later,
 * so who is signed in, and may have made it, is answered from the database; and while Redis is away nothing kept here is used.
 */
export function createCache({ redis, on, metrics, log }: Parts): Cache {
  const entries = new LRUCache<string, Entry>({ max: NEAR_ENTRIES, ttl: MINUTE, ttlResolution: 0 })
  const loading = new Map<string, Loading>()
  // Counts what was forgotten. A value is good if it began to be loaded after its tag was last forgotten.
  let clock = 0
  let floor = 0
  const forgotten = new LRUCache<string, number>({
    max: NEAR_ENTRIES,
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
    const promise = load().then(({ value, trueForMs }) => {
      const ttl = Math.floor(Math.min(maxAgeMs, trueForMs ?? maxAgeMs))
      if (ttl > 0 && isGood({ tag, at: startedAt }))
        entries.set(key, { value, tag, loadedAt: startedAt }, { ttl })
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

  async function readFar<T extends object>(key: string): Promise<T | undefined> {
    const text = await redis?.commands.get(`coworkspace:cache:${key}`).catch(() => null)
    if (!text) return undefined
    metrics.countCacheRead('far')
    return JSON.parse(text)
  }

  function writeFar(key: string, value: object, maxAgeMs: number): void {
    if (!redis?.isUp()) return
    redis.commands
      .set(`coworkspace:cache:${key}`, JSON.stringify(value), 'PX', maxAgeMs)
      .catch((error) => log.debug({ error, key }, 'Redis did not keep a value'))
  }

  return {
    isExactFor: (person) => isUsable() && (redis === null || !person),
    async near(key, options, load) {
      return near(key, options, () => {
        metrics.countCacheRead('missed')
        return load()
      })
    },
    async far(key, { maxAgeMs }, load) {
      const options = { tag: key, maxAgeMs: redis ? Math.min(maxAgeMs, NEAR_COPY_MS) : maxAgeMs }
      return near(key, options, async () => {
        const kept = redis?.isUp() && (await readFar<Awaited<ReturnType<typeof load>>>(key))
        if (kept) return { value: kept }
        metrics.countCacheRead('missed')
        const value = await load()
        writeFar(key, value, maxAgeMs)
        return { value }
      })
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
