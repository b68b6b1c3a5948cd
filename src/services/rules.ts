import { and, inArray, sql } from 'drizzle-orm'
import type { Deps } from '../context'
import type { Tx } from '../db/client'
import { bookings, spaces } from '../db/schema'
import { AppError } from '../errors'
import { changeCalendars, uuidArray } from './calendar'

/**
 * Changes the rules by which times can be had (hours, prices, closures, zones). Both versions of every calendar
 * concerned rise under its lock, so a claim that was decided by the old rules is decided again; after the commit whoever
 * watches one of them gets the whole board.
 * @param concerned locks what owns the rules and names the calendars that follow them
 */
export async function changeRules<T>(
  deps: Pick<Deps, 'db' | 'publish' | 'refreshBoards'>,
  concerned: (tx: Tx) => Promise<string[]>,
  change: (tx: Tx, spaceIds: string[]) => Promise<T>,
): Promise<T> {
  let spaceIds: string[] = []
  const locks = {
    spaces: async (tx: Tx) => {
      spaceIds = await concerned(tx)
      return spaceIds
    },
  }
  const result = await changeCalendars(deps, locks, async (tx) => {
    const changed = await change(tx, spaceIds)
    if (spaceIds.length > 0) {
      await tx
        .update(spaces)
        .set({ version: sql`${spaces.version} + 1`, rulesVersion: sql`${spaces.rulesVersion} + 1` })
        .where(sql`${spaces.id} = ANY(${uuidArray(spaceIds)})`)
    }
    return { result: changed, touched: [], bookings: [] }
  })
  deps.refreshBoards(spaceIds)
  return result
}

/** @throws INVALID_STATE where somebody holds or has booked a time in one of the spaces that is not over yet */
export async function refuseWithClaims(tx: Tx, spaceIds: string[], aboveUnit = 0): Promise<void> {
  if (spaceIds.length === 0) return
  const [claim] = await tx
    .select({ id: bookings.id })
    .from(bookings)
    .where(
      and(
        inArray(bookings.spaceId, spaceIds),
        sql`${bookings.status} IN ('held', 'pending', 'confirmed') AND ${bookings.unit} > ${aboveUnit}
          AND upper(${bookings.claimed}) > clock_timestamp()
          AND (${bookings.status} <> 'held' OR ${bookings.holdExpiresAt} > clock_timestamp())`,
      ),
    )
    .limit(1)
  if (claim) throw new AppError('INVALID_STATE', 'People hold or have booked times here. Cancel those first.')
}
