import type { Env } from '../env'
import { AppError } from '../errors'
import type { Verified } from '../lib/access-tokens'

/** What the upgrade found out about a request, for the socket that it becomes. */
export type Opening = { address: string; verified: Verified | null }

/** After so long somebody who has too many sockets may try again: the system notices those that are gone no sooner. */
const RETRY_SECONDS = 10

export type ConnectionQuota = {
  /**
   * @param former what the same socket counts as already
   * @throws RATE_LIMITED where this address, or this person, has as many sockets as it may have
   */
  check(opening: Opening, former?: Opening): void
  enter(opening: Opening): void
  leave(opening: Opening): void
}

/** Counts the open sockets of this process by address and by person, and turns away those who have enough. */
export function createConnectionQuota(env: Env): ConnectionQuota {
  const open = new Map<string, number>()

  const seatsOf = ({ address, verified }: Opening) => [
    { key: `address ${address}`, most: env.SOCKETS_PER_ADDRESS },
    ...(verified ? [{ key: `person ${verified.person.id}`, most: env.SOCKETS_PER_PERSON }] : []),
  ]

  function add(opening: Opening, count: 1 | -1): void {
    for (const { key } of seatsOf(opening)) {
      const left = (open.get(key) ?? 0) + count
      if (left > 0) open.set(key, left)
      else open.delete(key)
    }
  }

  return {
    check(opening, former) {
      if (env.RATE_LIMITS === 'off') return
      const own = new Set(former && seatsOf(former).map(({ key }) => key))
      for (const { key, most } of seatsOf(opening)) {
        if (!own.has(key) && (open.get(key) ?? 0) >= most)
          throw new AppError('RATE_LIMITED', `You have ${most} sockets open, which is the most. Close one.`, {
            retryAfterSeconds: RETRY_SECONDS,
          })
      }
    },
    enter: (opening) => add(opening, 1),
    leave: (opening) => add(opening, -1),
  }
}
