import { and, asc, eq, ne, or, sql } from 'drizzle-orm'
import type { SignedInContext } from '../../context'
import type { Tx } from '../../db/client'
import { type BookingRow, bookings, loyaltyEntries, reviews, users } from '../../db/schema'
import type { Millis } from '../../lib/time'
import type { CalendarKey } from '../../schemas/calendar-key'
import { findMe } from '../accounts/accounts'
import { forgetTelegram } from '../accounts/telegram-accounts'
import { applyTransition } from '../bookings/transitions'
import { calendarsOf } from '../calendar/change-calendars'
import { type LocationLocks, withLocationLocks } from '../calendar/change-location'
import { calendarOfSpecialist, retireSpecialist } from '../catalog/specialists'
import { enqueue } from '../jobs/jobs'
import { leaveCommunity, locationsOf, mayComeBack } from './community-data'

/**
 * Deletes the caller's account: cancels holds and bookings and deletes personal data. Bookings with a payment remain, as
 * the law requires, and belong to an anonymous user.
 * @throws INVALID_STATE if others have holds or bookings with the caller as a specialist
 */
export async function deleteMe(ctx: SignedInContext): Promise<{ ok: true }> {
  const { id } = ctx.actor
  const locks: LocationLocks = {
    userId: id,
    locations: (tx: Tx) => locationsOf(tx, id),
    calendars: (tx: Tx) => calendarsOfUser(tx, id),
  }
  await withLocationLocks(ctx, locks, async (tx) => {
    const left = await leaveCommunity(tx, id)
    const { stripeCustomerId: customerId } = await findMe(ctx, tx)
    if (customerId) await enqueue(tx, 'forget-customer', { customerId })
    const [clock] = await tx.execute<{ now: string }>(sql`SELECT epoch_ms(clock_timestamp()) AS now`)
    const claims = await tx
      .select()
      .from(bookings)
      .where(and(ne(bookings.kind, 'event'), activeOf(id)))
      .orderBy(asc(bookings.id))
    const outcomes = []
    for (const row of claims) outcomes.push(await endBooking(tx, ctx, row, Number(clock?.now)))
    await retireSpecialist(tx, id)
    await tx.delete(reviews).where(eq(reviews.userId, id))
    // Keep a booking with a payment: its intent may be paid even after the hold has expired.
    const unpaid = sql`NOT EXISTS (SELECT FROM payments p WHERE p.booking_id = ${bookings.id})`
    await tx.delete(bookings).where(and(eq(bookings.userId, id), eq(bookings.paidMinor, 0), unpaid))
    const remaining = await tx
      .update(bookings)
      .set({ notes: null })
      .where(eq(bookings.userId, id))
      .returning({ id: bookings.id })
    if (remaining.length > 0) await anonymise(tx, id)
    else await tx.delete(users).where(eq(users.id, id))
    const touched = [...left.touched, ...outcomes.flatMap((outcome) => outcome.touched)]
    return { ...left, result: undefined, touched }
  })
  await ctx.cache.drop(`user:${id}`, 'services', 'specialists')
  ctx.disconnectUser(id)
  return { ok: true }
}

const activeOf = (userId: string) =>
  sql`${bookings.userId} = ${userId} AND ${bookings.status} IN ('held', 'pending', 'confirmed')`

/** Cancels a booking with the refund of its policy. If it has begun, it ends without a refund as declined or no-show. */
async function endBooking(tx: Tx, ctx: SignedInContext, row: BookingRow, now: Millis) {
  const begun = row.status !== 'held' && row.startsAt.getTime() <= now
  if (!begun) return applyTransition(tx, ctx.actor, row, 'cancelled', now)
  return applyTransition(
    tx,
    { kind: 'clock' },
    row,
    row.status === 'pending' ? 'declined' : 'no_show',
    now + 1,
  )
}

async function anonymise(tx: Tx, id: string): Promise<void> {
  await forgetTelegram(tx, id)
  await tx.execute(sql`DELETE FROM refresh_tokens WHERE user_id = ${id}`)
  await tx.execute(sql`DELETE FROM idempotency_keys WHERE user_id = ${id}`)
  await tx.execute(sql`DELETE FROM notifications WHERE user_id = ${id}`)
  await tx.execute(sql`DELETE FROM notification_preferences WHERE user_id = ${id}`)
  await tx
    .update(users)
    .set({
      email: null,
      name: 'Deleted user',
      passwordHash: null,
      stripeCustomerId: null,
      role: 'customer',
      deletedAt: sql`now()`,
    })
    .where(eq(users.id, id))
  await tx.delete(loyaltyEntries).where(eq(loyaltyEntries.userId, id))
}

/** Calendars of the user's active and revivable bookings, of reviewed spaces and specialists, and of the user's profile. */
async function calendarsOfUser(tx: Tx, userId: string): Promise<CalendarKey[]> {
  const claimed = await tx
    .selectDistinct({ spaceId: bookings.spaceId, specialistId: bookings.specialistId })
    .from(bookings)
    .where(or(activeOf(userId), mayComeBack(userId)))
  const reviewed = await tx
    .selectDistinct({ spaceId: reviews.spaceId, specialistId: reviews.specialistId })
    .from(reviews)
    .where(eq(reviews.userId, userId))
  return [...[...claimed, ...reviewed].flatMap(calendarsOf), ...(await calendarOfSpecialist(tx, userId))]
}
