/** Long tests run small by default and in full with `bun run prove`. */
export const proving = process.env.PROVE === '1'
export const sized = (small: number, full: number): number => (proving ? full : small)

/** The seed of all random tests of this run. Set `TEST_SEED` to repeat a run. */
export const seed = Number(process.env.TEST_SEED ?? Date.now() % 2_147_483_647)

export type Random = {
  /** An integer from 0 to `below - 1`. */
  below(below: number): number
  pick<T>(items: readonly T[]): T
  chance(share: number): boolean
}

/** Deterministic random numbers (mulberry32). Prints the seed, so that a failure can be repeated. */
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
      if (item === undefined) throw new Error('cannot pick from an empty list')
      return item
    },
    chance: (share) => next() < share,
  }
}
