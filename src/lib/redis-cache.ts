import type { Log } from './logger'
import type { RedisLink } from './redis'
import { MINUTE } from './time'

export type Found = { value: object | undefined; stamp: string }

export type SharedCache = {
  find(key: string, tag: string): Promise<Found | null>
  /** Loads a value and stores it under the stamp. If another server is loading it already, waits for that value. */
  load(key: string, found: Found, maxAgeMs: number, load: () => Promise<object>): Promise<object>
  /** Once this resolves, no server returns a value loaded before. Never fails. */
  forget(tags: string[]): Promise<void>
}

const PREFIX = 'coworkspace:cache:'
const EPOCH = `${PREFIX}epoch`
/** If a stamp expires or is evicted, the next one differs and values are loaded again. */
const STAMP_MS = 120 * MINUTE
const LOADING_MS = 10_000
const POLL_MS = 20

/**
 * A cache in Redis for all servers. Each value is stored with the stamp that its tag had before loading, and is valid while
 * the tag has that stamp. A value read before a change is therefore never used after it, even if it is written later.
 */
export function createSharedCache({ commands, isUp, onRecovered }: RedisLink, log: Log): SharedCache {
  // Invalidations were lost while Redis was down, so every older value is invalid.
  onRecovered(() => void forgetAll())

  async function forgetAll(): Promise<void> {
    await commands.set(EPOCH, newStamp(), 'PX', STAMP_MS).catch(() => {
      // If Redis is down, onRecovered runs this again.
      if (isUp()) setTimeout(forgetAll, 200).unref()
    })
  }

  async function stampOf(name: string): Promise<string> {
    const fresh = newStamp()
    if (await commands.set(name, fresh, 'PX', STAMP_MS, 'NX')) return fresh
    return (await commands.get(name)) ?? fresh
  }

  async function find(key: string, tag: string): Promise<Found | null> {
    try {
      const names = [PREFIX + key, tagName(tag), EPOCH]
      const [text, ofTag, epoch] = await Promise.all(names.map((name) => commands.get(name)))
      const stamp = `${epoch ?? (await stampOf(EPOCH))}/${ofTag ?? (await stampOf(tagName(tag)))}`
      return { stamp, value: valueFor(stamp, text) }
    } catch (error) {
      log.debug({ error, key }, 'cache read from Redis failed')
      return null
    }
  }

  async function load(
    key: string,
    { stamp }: Found,
    maxAgeMs: number,
    run: () => Promise<object>,
  ): Promise<object> {
    const lock = `${PREFIX}loading:${key}:${stamp}`
    const isMine = await commands.set(lock, '1', 'PX', LOADING_MS, 'NX').catch(() => 'OK')
    const loaded = isMine ? undefined : await waitFor(key, stamp, lock)
    if (loaded) return loaded
    try {
      const value = await run()
      await commands
        .set(PREFIX + key, JSON.stringify({ stamp, value }), 'PX', maxAgeMs)
        .catch((error) => log.debug({ error, key }, 'cache write to Redis failed'))
      return value
    } finally {
      if (isMine) void commands.del(lock).catch(() => undefined)
    }
  }

  async function waitFor(key: string, stamp: string, lock: string): Promise<object | undefined> {
    const end = performance.now() + LOADING_MS
    while (performance.now() < end) {
      const isLoading = await commands.get(lock).catch(() => null)
      const value = valueFor(stamp, await commands.get(PREFIX + key).catch(() => null))
      if (value) return value
      if (!isLoading) return undefined
      await Bun.sleep(POLL_MS)
    }
    return undefined
  }

  return {
    find,
    load,
    async forget(tags) {
      const set = (tag: string) => commands.set(tagName(tag), newStamp(), 'PX', STAMP_MS)
      await Promise.all(tags.map(set)).catch((error) => {
        log.debug({ error, tags }, 'cache invalidation in Redis failed')
        return forgetAll()
      })
    },
  }
}

function valueFor(stamp: string, text: string | null | undefined): object | undefined {
  const stored: { stamp: string; value: object } | undefined = text ? JSON.parse(text) : undefined
  return stored?.stamp === stamp ? stored.value : undefined
}

const newStamp = () => Bun.randomUUIDv7()
const tagName = (tag: string) => `${PREFIX}tag:${tag}`
