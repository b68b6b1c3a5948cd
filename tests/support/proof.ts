/** What takes minutes runs small by default and in full as `bun run prove`. */
export const proving = process.env.PROVE === '1'
export const sized = (small: number, full: number): number => (proving ? full : small)

/** What every random test of this run begins from; `TEST_SEED` repeats a run. */
export const seed = Number(process.env.TEST_SEED ?? Date.now() % 2_147_483_647)

export type Random = {
  /** A whole number from 0 to `below - 1`. */
  below(below: number): number
  pick<T>(items: readonly T[]): T
  chance(share: number): boolean
}

/** Numbers that are the same for the same seed (mulberry32). Says the seed, so that a failure can be had again. */
export function randomFrom(name: string, from: number = seed): Random {
  process.stdout.write(`${name}: TEST_SEED=${from}\n`)
  let state = from >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
  const below = (limit: number) => Math.floor(next() * limit)
  return {
    below,
    pick(items) {
      const item = items[below(items.length)]
      if (item === undefined) throw new Error('there is nothing to choose from')
      return item
    },
    chance: (share) => next() < share,
  }
}
