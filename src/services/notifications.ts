import { sql } from 'drizzle-orm'
import type { Deps } from '../context'
import type { Db } from '../db/client'
import { bookings, notifications } from '../db/schema'

export type NoticeKind =
  | 'payment_returned'
  | 'refund_failed'
  | 'balance_declined'
  | 'booking_declined'
  | 'reminder_day'
  | 'reminder_hour'

type Notice = {
  userId: string
  kind: NoticeKind
  bookingId: string
  /** What it is about: of one kind and source there is one notice, however often it is given. */
  source: string
  amountMinor?: number
  currency?: string
}

/** Writes down what a person is to be told, by the transaction that makes it true. */
export async function notify(tx: Db, notice: Notice): Promise<void> {
  await tx.insert(notifications).values(notice).onConflictDoNothing()
}

/**
 * Notices of what begins within a day, and within an hour. Whoever booked later than that is not reminded of what they
 * have just done; a booking that was moved is another time, and is told again.
 */
export async function remindOfBookings({ db }: Pick<Deps, 'db'>): Promise<number> {
  return (await remind(db, 'reminder_day', '24 hours')) + (await remind(db, 'reminder_hour', '1 hour'))
}

async function remind(db: Db, kind: NoticeKind, before: string): Promise<number> {
  const source = sql<string>`${bookings.id} || '@' || extract(epoch FROM ${bookings.startsAt})::bigint`
  const due = await db
    .select({ userId: bookings.userId, bookingId: bookings.id, source })
    .from(bookings)
    .where(
      sql`${bookings.kind} = 'booking' AND ${bookings.status} = 'confirmed' AND ${bookings.endsAt} > clock_timestamp() AND ${bookings.startsAt} > clock_timestamp()
        AND ${bookings.startsAt} <= clock_timestamp() + ${before}::interval
        AND ${bookings.createdAt} < ${bookings.startsAt} - ${before}::interval
        AND NOT EXISTS (SELECT FROM notifications n WHERE n.kind = ${kind} AND n.source = ${source})`,
    )
    .limit(500)
  if (due.length === 0) return 0
  const told = await db
    .insert(notifications)
    .values(due.map((notice) => ({ ...notice, kind })))
    .onConflictDoNothing()
    .returning({ id: notifications.id })
  return told.length
}
