import { sql } from 'drizzle-orm'
import type { Deps } from '../../context'
import type { Db } from '../../db/client'
import { bookings } from '../../db/schema'
import { notify } from '../notifications/notify'
import { latestEnd } from './overlaps'

const BATCH = 500

/**
 * Reminds both sides a day and an hour before the start. A booking made later than that is skipped; a rescheduled one is
 * reminded of again. Safe to run on any number of servers at once.
 * @returns the number of reminders
 */
export async function remindOfBookings({ db }: Pick<Deps, 'db'>): Promise<number> {
  return (await remind(db, 'reminder_day', '24 hours')) + (await remind(db, 'reminder_hour', '1 hour'))
}

async function remind(db: Db, kind: 'reminder_day' | 'reminder_hour', before: string): Promise<number> {
  const source = sql<string>`${bookings.id} || '@' || extract(epoch FROM ${bookings.startsAt})::bigint`
  const latest = sql`(statement_timestamp() + ${before}::interval)`
  const due = await db
    .select({
      userId: bookings.userId,
      specialistUserId: bookings.specialistUserId,
      bookingId: bookings.id,
      source,
    })
    .from(bookings)
    .where(
      sql`${bookings.kind} = 'booking' AND ${bookings.status} = 'confirmed' AND ${bookings.startsAt} > statement_timestamp()
        AND ${bookings.startsAt} <= ${latest}
        AND ${bookings.endsAt} > statement_timestamp() AND ${bookings.endsAt} <= ${latestEnd(latest)}
        AND ${bookings.createdAt} < ${bookings.startsAt} - ${before}::interval
        AND NOT EXISTS (SELECT FROM notifications n WHERE n.user_id = ${bookings.userId} AND n.kind = ${kind} AND n.source = ${source})`,
    )
    .limit(BATCH)
  return notify(
    db,
    ...due.flatMap(({ userId, specialistUserId, bookingId, source }) =>
      [...new Set([userId, specialistUserId])].flatMap((id) =>
        id ? [{ userId: id, kind, bookingId, source }] : [],
      ),
    ),
  )
}
