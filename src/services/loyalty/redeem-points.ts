import { eq, sql } from 'drizzle-orm'
import type { Tx } from '../../db/client'
import { type BookingRow, bookings } from '../../db/schema'
import { AppError } from '../../errors'
import { getTier, notEnoughPoints } from './loyalty'

/**
 * Pays a part of what one holds with points, or all of it: `points` of them in all, however often it is asked, and 0 takes
 * them back. Never more are taken than are needed, and fewer where a card could not be charged what would be left. The
 * entries in the ledger are written by the database, which follows the booking.
 * The owner must be locked, so that no two redemptions spend the same points, and so must the calendar.
 * @throws NOT_ENOUGH_POINTS, INVALID_STATE where points pay for nothing in this currency
 */
export async function spendPoints(tx: Tx, row: BookingRow, points: number): Promise<BookingRow> {
  const standing = await getTier(tx, row.userId)
  const there = standing.points + row.redeemedPoints
  if (points > there && points > row.redeemedPoints) throw notEnoughPoints(there)
  const fitting = points === 0 ? NONE : fitPoints(row, points, await termsOf(tx, row.currency))
  if (fitting.redeemedPoints === row.redeemedPoints) return row
  const [changed] = await tx.update(bookings).set(fitting).where(eq(bookings.id, row.id)).returning()
  if (!changed) throw new Error('the booking is gone')
  return changed
}

const NONE = { redeemedPoints: 0, pointsMinor: 0 }

/** What a point is worth, and the least that a card can be charged, in minor units. */
type Terms = { pointMinor: number; leastMinor: number }

/**
 * How many points pay for a hold, and which part of its price. The last one may be worth less than the others. Where
 * something is left, it is paid by card: so it is not less than a card can be charged, and a deposit, which leaves its
 * card for the balance, is never paid by points alone.
 */
function fitPoints(row: BookingRow, points: number, { pointMinor, leastMinor }: Terms) {
  const paid = row.paidMinor - row.refundedMinor
  const whole = row.priceMinor - paid
  if (points * pointMinor >= whole)
    return { redeemedPoints: Math.ceil(whole / pointMinor), pointsMinor: whole }
  const room = Math.max(0, (row.depositMinor || row.priceMinor) - paid - leastMinor)
  const redeemedPoints = Math.min(points, Math.floor(room / pointMinor))
  return { redeemedPoints, pointsMinor: redeemedPoints * pointMinor }
}

async function termsOf(tx: Tx, currency: string): Promise<Terms> {
  const [terms] = await tx.execute<{ pointMinor: number | null; leastMinor: number | null }>(
    sql`SELECT point_minor AS "pointMinor", least_minor AS "leastMinor" FROM loyalty_currency(${currency})`,
  )
  const { pointMinor, leastMinor } = terms ?? {}
  if (!pointMinor || !leastMinor)
    throw new AppError('INVALID_STATE', `Prices in ${currency} cannot be paid with points.`)
  return { pointMinor, leastMinor }
}
