import { sql } from 'drizzle-orm'
import type { Deps } from '../../context'
import type { Tx } from '../../db/client'
import { bookings, spaces, specialists } from '../../db/schema'
import { uuidArray } from '../../db/sql'
import { AppError } from '../../errors'
import { type CalendarKey, calendarId } from '../../schemas/slots'
import { withCalendarLocks } from './change-calendars'

/**
 * Changes the rules by which times can be had (hours, prices, services, closures, zones). Both versions of every calendar
 * concerned rise under its lock, so a claim that was decided by the old rules is decided again; after the commit whoever
 * watches one of them gets the whole board.
 * @param concerned locks what owns the rules and names the calendars that follow them
 */
export async function changeRules<T>(
  deps: Pick<Deps, 'db' | 'publish' | 'refreshBoards' | 'cache'>,
  concerned: (tx: Tx) => Promise<CalendarKey[]>,
  change: (tx: Tx, keys: CalendarKey[]) => Promise<T>,
): Promise<T> {
  let keys: CalendarKey[] = []
  const locks = {
    calendars: async (tx: Tx) => {
      keys = await concerned(tx)
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

/** That a booking claims one of the calendars. */
export const onAnyOf = (keys: CalendarKey[]) => {
  const ids = uuidArray(keys.map(calendarId))
  return sql`(${bookings.spaceId} = ANY(${ids}) OR ${bookings.specialistId} = ANY(${ids}))`
}

/** @throws INVALID_STATE where somebody holds or has booked a time on one of the calendars that is not over yet */
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
  if (claim) throw new AppError('INVALID_STATE', 'People hold or have booked times here. Cancel those first.')
}
