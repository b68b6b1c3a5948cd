import type { Log } from './logger'
import type { RedisLink } from './redis'
import { MINUTE } from './time'

/** What is known of a key: its value, where one is kept that is still true, and the stamp that one loaded now would bear. */
export type Found = { value: object | undefined; stamp: string }

export type SharedCache = {
  /** Null where Redis has no answer, and nothing kept may be used. */
  find(key: string, tag: string): Promise<Found | null>
  /**
   * Runs `load` and keeps what it gives under the stamp that was found. Where another server is at it already, its answer is
   * waited for instead.
   */
  load(key: string, found: Found, maxAgeMs: number, load: () => Promise<object>): Promise<object>
  /** Whoever asks after this resolves, on whichever server, gets nothing that was loaded before. Never fails. */
  forget(tags: string[]): Promise<void>
}

const PREFIX = 'coworkspace:cache:'
const EPOCH = `${PREFIX}epoch`
/** A stamp that was lost, because it was old or Redis needed the room, makes values be loaded again: the next one is another. */
const STAMP_MS = 120 * MINUTE
const LOADING_MS = 10_000
const POLL_MS = 20

/**
 * What all servers keep together, in Redis. Each value bears the stamp its tag had before it was loaded, and is true for as
 * long as the tag still has that stamp: so what was read before a change and written after it is never taken for true, and
 * whoever asks after a change sees it, wherever he asks. A message to each server could promise neither, as it comes later.
 */
export function createSharedCache({ commands, isUp, onRecovered }: RedisLink, log: Log): SharedCache {
  // What changed while Redis was away was told to nobody: nothing from before is true any more.
  onRecovered(() => void forgetAll())

  async function forgetAll(): Promise<void> {
    await commands.set(EPOCH, newStamp(), 'PX', STAMP_MS).catch(() => {
      // Where Redis is away for good, its return asks again.
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
      return { stamp, value: keyFor(stamp, text) }
    } catch (error) {
      log.debug({ error, key }, 'Redis did not say what it keeps')
      return null
    }
  }

  async function load(
    key: string,
    { stamp }: Found,
    maxAgeMs: number,
    run: () => Promise<object>,
  ): Promise<object> {
    const turn = `${PREFIX}loading:${key}:${stamp}`
    const isMine = await commands.set(turn, '1', 'PX', LOADING_MS, 'NX').catch(() => 'OK')
    const other = isMine ? undefined : await waitFor(key, stamp, turn)
    if (other) return other
    try {
      const value = await run()
      await commands
        .set(PREFIX + key, JSON.stringify({ stamp, value }), 'PX', maxAgeMs)
        .catch((error) => log.debug({ error, key }, 'Redis did not keep a value'))
      return value
    } finally {
      if (isMine) void commands.del(turn).catch(() => undefined)
    }
  }

  /** What another server is loading under this stamp; undefined where it gave up. */
  async function waitFor(key: string, stamp: string, turn: string): Promise<object | undefined> {
    const end = performance.now() + LOADING_MS
    while (performance.now() < end) {
      const isLoading = await commands.get(turn).catch(() => null)
      const value = keyFor(stamp, await commands.get(PREFIX + key).catch(() => null))
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
        log.debug({ error, tags }, 'Redis was not told of a change')
        return forgetAll()
      })
    },
  }
}

/** A value as it is kept, where it was loaded under this stamp. */
function keyFor(stamp: string, text: string | null | undefined): object | undefined {
  const kept: { stamp: string; value: object } | undefined = text ? JSON.parse(text) : undefined
  return kept?.stamp === stamp ? kept.value : undefined
}

const newStamp = () => Bun.randomUUIDv7()
const tagName = (tag: string) => `${PREFIX}tag:${tag}`
