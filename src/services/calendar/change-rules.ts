import { sql } from 'drizzle-orm'
import type { Deps } from '../../context'
import type { Tx } from '../../db/client'
import { bookings, spaces, specialists } from '../../db/schema'
import { uuidArray } from '../../db/sql'
import { AppError } from '../../errors'
import { type CalendarKey, calendarId } from '../../schemas/slots'
import { type CalendarLocks, withCalendarLocks } from './change-calendars'

/**
 * Changes booking rules, such as hours, prices, services or closures. Raises the version and the rules version of each affected
 * calendar, so that a claim based on the old rules is quoted again, and refreshes whole boards after the commit.
 * @param lockAffected locks the owner of the rules and returns the affected calendars
 */
export async function changeRules<T>(
  deps: Pick<Deps, 'db' | 'publish' | 'refreshBoards' | 'cache'>,
  lockAffected: (tx: Tx) => Promise<CalendarKey[]>,
  change: (tx: Tx, keys: CalendarKey[]) => Promise<T>,
): Promise<T> {
  let keys: CalendarKey[] = []
  const locks: CalendarLocks = {
    calendars: async (tx: Tx) => {
      keys = await lockAffected(tx)
      return keys
    },
  }
  const result = await withCalendarLocks(deps, locks, async (tx) => {
    const changed = await change(tx, keys)
    for (const [table, ids] of [
      [spaces, keys.flatMap(({ spaceId }) => spaceId ?? [])],
      [specialists, keys.flatMap(({ specialistId }) => specialistId ?? [])],
    ] as const) {
      if (ids.length === 0) continue
      await tx
        .update(table)
        .set({ version: sql`${table.version} + 1`, rulesVersion: sql`${table.rulesVersion} + 1` })
        .where(sql`${table.id} = ANY(${uuidArray(ids)})`)
    }
    return { result: changed, touched: [], bookings: [] }
  })
  if (keys.some(({ specialistId }) => specialistId)) await deps.cache.drop('services', 'specialists')
  deps.refreshBoards(keys.map(calendarId))
  return result
}

export const onAnyOf = (keys: CalendarKey[]) => {
  const ids = uuidArray(keys.map(calendarId))
  return sql`(${bookings.spaceId} = ANY(${ids}) OR ${bookings.specialistId} = ANY(${ids}))`
}

/** @throws INVALID_STATE if a unit above `aboveUnit` has an active hold or a booking that has not ended */
export async function refuseWithClaims(tx: Tx, keys: CalendarKey[], aboveUnit = 0): Promise<void> {
  if (keys.length === 0) return
  const [claim] = await tx
    .select({ id: bookings.id })
    .from(bookings)
    .where(
      sql`${onAnyOf(keys)} AND ${bookings.status} IN ('held', 'pending', 'confirmed')
        AND coalesce(${bookings.unit}, 1) > ${aboveUnit} AND upper(${bookings.claimed}) > clock_timestamp()
        AND (${bookings.status} <> 'held' OR ${bookings.holdExpiresAt} > clock_timestamp())`,
    )
    .limit(1)
  if (claim)
    throw new AppError('INVALID_STATE', 'There are active holds or bookings here. Cancel them first.')
}
