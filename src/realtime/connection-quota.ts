import type { Env } from '../env'
import { AppError } from '../errors'
import type { Verified } from '../lib/access-tokens'

export type Opening = { address: string; verified: Verified | null }

/** The operating system needs about this long to notice that a client is gone. */
const RETRY_SECONDS = 10

export type ConnectionQuota = {
  /** @throws RATE_LIMITED if the address or the user has its maximum of open sockets */
  check(opening: Opening): void
  enter(opening: Opening): void
  leave(opening: Opening): void
  /**
   * Counts an open socket under a new opening, after it has signed in.
   * @throws RATE_LIMITED as `check` does, and leaves the counts as they were
   */
  replace(from: Opening, to: Opening): void
}

export function createConnectionQuota(env: Env): ConnectionQuota {
  const open = new Map<string, number>()

  const countersOf = ({ address, verified }: Opening) => [
    { key: `address ${address}`, max: env.SOCKETS_PER_ADDRESS },
    ...(verified ? [{ key: `user ${verified.user.id}`, max: env.SOCKETS_PER_PERSON }] : []),
  ]

  function check(opening: Opening, current?: Opening): void {
    if (env.RATE_LIMITS === 'off') return
    const own = new Set(current && countersOf(current).map(({ key }) => key))
    for (const { key, max } of countersOf(opening)) {
      if (!own.has(key) && (open.get(key) ?? 0) >= max)
        throw new AppError('RATE_LIMITED', `You have ${max} open sockets, the maximum. Close one first.`, {
          retryAfterSeconds: RETRY_SECONDS,
        })
    }
  }

  function add(opening: Opening, count: 1 | -1): void {
    for (const { key } of countersOf(opening)) {
      const left = (open.get(key) ?? 0) + count
      if (left > 0) open.set(key, left)
      else open.delete(key)
    }
  }

  return {
    check: (opening) => check(opening),
    enter: (opening) => add(opening, 1),
    leave: (opening) => add(opening, -1),
    replace(from, to) {
      check(to, from)
      add(from, -1)
      add(to, 1)
    },
  }
}
