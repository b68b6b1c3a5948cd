import { LRUCache } from 'lru-cache'
import { MINUTE } from './time'

/** A value, and how long it stays correct without any change. */
export type Loaded<T> = { value: T; freshForMs?: number }
export type LocalOptions = { tag: string; maxAgeMs: number }

type Entry = { value: object; tag: string; loadedAt: number; goodUntil: number }
type Loading = { tag: string; startedAt: number; promise: Promise<object> }

export type LocalCache = {
  read<T extends object>(key: string, options: LocalOptions, load: () => Promise<Loaded<T>>): Promise<T>
  freshnessOf(key: string, value: object): (() => boolean) | undefined
  forget(tag: string): void
  forgetAll(): void
}

const MAX_ENTRIES = 5000

/**
 * A cache in this process. Its clock counts invalidations: a value is valid if its load began after the last invalidation of
 * its tag. A load that an invalidation overtakes is returned to its callers but not stored.
 */
export function createLocalCache(onHit: () => void): LocalCache {
  const entries = new LRUCache<string, Entry>({ max: MAX_ENTRIES, ttl: MINUTE, ttlResolution: 0 })
  const loading = new Map<string, Loading>()
  let clock = 0
  let floor = 0
  const forgotten = new LRUCache<string, number>({
    max: MAX_ENTRIES,
    // Values of an evicted tag must count as invalidated.
    dispose: (at, _tag, reason) => {
      if (reason === 'evict') floor = Math.max(floor, at)
    },
  })
  const isGood = (tag: string, at: number) => at >= Math.max(floor, forgotten.peek(tag) ?? 0)

  async function start<T extends object>(
    key: string,
    { tag, maxAgeMs }: LocalOptions,
    load: () => Promise<Loaded<T>>,
  ): Promise<T> {
    const startedAt = clock
    const promise = load().then(({ value, freshForMs }) => {
      const ttl = Math.floor(Math.min(maxAgeMs, freshForMs ?? maxAgeMs))
      if (ttl > 0 && isGood(tag, startedAt))
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

  return {
    async read<T extends object>(key: string, options: LocalOptions, load: () => Promise<Loaded<T>>) {
      const entry = entries.get(key)
      if (entry && isGood(entry.tag, entry.loadedAt)) {
        onHit()
        return entry.value as T
      }
      const other = loading.get(key)
      if (other && isGood(other.tag, other.startedAt)) return other.promise as Promise<T>
      return start(key, options, load)
    },
    freshnessOf(key, value) {
      const entry = entries.peek(key)
      if (entry?.value !== value) return undefined
      const { tag, loadedAt, goodUntil } = entry
      return () => performance.now() < goodUntil && isGood(tag, loadedAt)
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
