import type { UserActor } from '../actor'
import type { Env } from '../env'
import { AppError } from '../errors'

/** A socket counts for its address and, once signed in, for its user. */
export type Owner = { address: string; user: UserActor | null }

/** The operating system needs about this long to notice that a client is gone. */
const RETRY_SECONDS = 10

export type ConnectionQuota = {
  /** @throws RATE_LIMITED if the address or the user has its maximum of open sockets */
  check(owner: Owner): void
  enter(owner: Owner): void
  leave(owner: Owner): void
  /**
   * Counts an open socket for a new owner, after it has signed in.
   * @throws RATE_LIMITED as `check` does, and leaves the counts as they were
   */
  replace(from: Owner, to: Owner): void
}

export function createConnectionQuota(env: Env): ConnectionQuota {
  const open = new Map<string, number>()

  const countersOf = ({ address, user }: Owner) => [
    { key: `address ${address}`, max: env.SOCKETS_PER_ADDRESS },
    ...(user ? [{ key: `user ${user.id}`, max: env.SOCKETS_PER_PERSON }] : []),
  ]

  function check(owner: Owner, current?: Owner): void {
    if (env.RATE_LIMITS === 'off') return
    const own = new Set(current && countersOf(current).map(({ key }) => key))
    for (const { key, max } of countersOf(owner)) {
      if (!own.has(key) && (open.get(key) ?? 0) >= max)
        throw new AppError('RATE_LIMITED', `You have ${max} open sockets, the maximum. Close one first.`, {
          retryAfterSeconds: RETRY_SECONDS,
        })
    }
  }

  function add(owner: Owner, count: 1 | -1): void {
    for (const { key } of countersOf(owner)) {
      const left = (open.get(key) ?? 0) + count
      if (left > 0) open.set(key, left)
      else open.delete(key)
    }
  }

  return {
    check: (owner) => check(owner),
    enter: (owner) => add(owner, 1),
    leave: (owner) => add(owner, -1),
    replace(from, to) {
      check(to, from)
      add(from, -1)
      add(to, 1)
    },
  }
}
