import { sql } from 'drizzle-orm'
import type { Db, Tx } from '../../db/client'
import { type BookingRow, bookings } from '../../db/schema'
import { range, uuidArray } from '../../db/sql'
import { iso, type Period } from '../../lib/time'
import type { CalendarKey } from '../../schemas/slots'
import { calendarsOf } from '../calendar/change-calendars'
import { type Quote, timeRefusal } from './quote'

/** One of the places of a plan that can be had, by what the database holds now; its calendars should be locked. */
export type Allocation = { spaceId: string | null; unit: number | null; claimed: string }

/** @param except a booking that would leave its place. @throws SLOT_TAKEN */
export async function chooseUnit(tx: Tx, plan: Quote, except: string): Promise<Allocation> {
  const [place] = await tx.execute<{ spaceId: string | null; unit: number | null; claimed: string | null }>(
    sql`SELECT space_id AS "spaceId", unit, claimed::text FROM free_place(${uuidArray(plan.spaces)}, ${plan.specialistId}::uuid,
      ${iso(plan.time.from)}::timestamptz, ${iso(plan.time.to)}::timestamptz, ${plan.bufferMinutes}::integer, ${except}::uuid)`,
  )
  if (!place?.claimed) throw timeRefusal('SLOT_TAKEN')
  return { ...place, claimed: place.claimed }
}

type Stale = Pick<BookingRow, 'id' | 'spaceId' | 'specialistId'>

/** The holds past their end that stand in the way of a claim, and the calendars that ending them would change. */
export async function findStale(
  db: Db,
  keys: CalendarKey[],
  claimed: string | Period,
  except: string | null,
): Promise<{ ids: string[]; calendars: CalendarKey[] }> {
  const specialist = keys.find(({ specialistId }) => specialistId)?.specialistId ?? null
  const rows = await db.execute<Stale>(
    sql`SELECT id, space_id AS "spaceId", specialist_id AS "specialistId"
      FROM stale_in_the_way(${uuidArray(keys.flatMap(({ spaceId }) => spaceId ?? []))}, ${specialist}::uuid,
        ${typeof claimed === 'string' ? claimed : range(claimed)}::tstzrange, ${except}::uuid)`,
  )
  return { ids: rows.map(({ id }) => id), calendars: rows.flatMap(calendarsOf) }
}

/** Ends stale holds. The calendars of all must be locked. */
export async function expireHolds(tx: Tx, ids: string[]): Promise<BookingRow[]> {
  if (ids.length === 0) return []
  return tx
    .update(bookings)
    .set({ status: 'expired' })
    .where(sql`${bookings.id} = ANY(${uuidArray(ids)}) AND ${bookings.status} = 'held'`)
    .returning()
}
