import { sql } from 'drizzle-orm'
import type { Db, Tx } from '../../db/client'
import { type BookingRow, bookings } from '../../db/schema'
import { range, uuidArray } from '../../db/sql'
import { iso, type Period } from '../../lib/time'
import type { CalendarKey } from '../../schemas/slots'
import { calendarsOf } from '../calendar/change-calendars'
import { type Quote, timeRefusal } from './quote'

/** A free unit of a space, a specialist, or both, with the period to claim. */
export type Allocation = { spaceId: string | null; unit: number | null; claimed: string }

/**
 * Chooses the best free unit for a quote. The calendars should be locked.
 * @param except the booking to reschedule, whose own claim is ignored
 * @throws SLOT_TAKEN
 */
export async function chooseUnit(tx: Tx, quote: Quote, except: string): Promise<Allocation> {
  const [allocation] = await tx.execute<{
    spaceId: string | null
    unit: number | null
    claimed: string | null
  }>(
    sql`SELECT space_id AS "spaceId", unit, claimed::text FROM free_place(${uuidArray(quote.spaces)}, ${quote.specialistId}::uuid,
      ${iso(quote.time.from)}::timestamptz, ${iso(quote.time.to)}::timestamptz, ${quote.bufferMinutes}::integer, ${except}::uuid)`,
  )
  if (!allocation?.claimed) throw timeRefusal('SLOT_TAKEN')
  return { ...allocation, claimed: allocation.claimed }
}

type StaleHold = Pick<BookingRow, 'id' | 'spaceId' | 'specialistId'>

/** Finds the stale holds in the way of a claim, and the calendars that expiring them changes. */
export async function findStale(
  db: Db,
  keys: CalendarKey[],
  claimed: string | Period,
  except: string | null,
): Promise<{ ids: string[]; calendars: CalendarKey[] }> {
  const specialist = keys.find(({ specialistId }) => specialistId)?.specialistId ?? null
  const rows = await db.execute<StaleHold>(
    sql`SELECT id, space_id AS "spaceId", specialist_id AS "specialistId"
      FROM stale_in_the_way(${uuidArray(keys.flatMap(({ spaceId }) => spaceId ?? []))}, ${specialist}::uuid,
        ${typeof claimed === 'string' ? claimed : range(claimed)}::tstzrange, ${except}::uuid)`,
  )
  return { ids: rows.map(({ id }) => id), calendars: rows.flatMap(calendarsOf) }
}

/** Expires stale holds. All of their calendars must be locked. */
export async function expireHolds(tx: Tx, ids: string[]): Promise<BookingRow[]> {
  if (ids.length === 0) return []
  return tx
    .update(bookings)
    .set({ status: 'expired' })
    .where(sql`${bookings.id} = ANY(${uuidArray(ids)}) AND ${bookings.status} = 'held'`)
    .returning()
}
