import { eq, sql } from 'drizzle-orm'
import type { Tx } from '../../db/client'
import { type BookingRow, bookings } from '../../db/schema'
import { AppError } from '../../errors'
import { getTier, notEnoughPoints } from './loyalty'

/**
 * Sets how many points pay for a hold; 0 returns them. Uses no more than needed, and fewer if the rest would be too small for
 * a card. A trigger writes the ledger. The owner and the calendar must be locked, or concurrent calls spend the same points.
 * @throws NOT_ENOUGH_POINTS, INVALID_STATE if the currency has no points
 */
export async function spendPoints(tx: Tx, row: BookingRow, points: number): Promise<BookingRow> {
  const { points: balance } = await getTier(tx, row.userId)
  const available = balance + row.redeemedPoints
  if (points > available && points > row.redeemedPoints) throw notEnoughPoints(available)
  const redemption = points === 0 ? NONE : fitPoints(row, points, await termsOf(tx, row.currency))
  if (redemption.redeemedPoints === row.redeemedPoints) return row
  const [changed] = await tx.update(bookings).set(redemption).where(eq(bookings.id, row.id)).returning()
  if (!changed) throw new Error('booking was not updated')
  return changed
}

const NONE = { redeemedPoints: 0, pointsMinor: 0 }

type Terms = { pointMinor: number; leastMinor: number }

/**
 * If points cover everything, the last point may be worth less than the others. Otherwise a card pays the rest, which must
 * not be below the smallest charge. Points never cover a whole deposit, because its card is needed for the balance.
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
    throw new AppError('INVALID_STATE', `Points cannot pay for prices in ${currency}.`)
  return { pointMinor, leastMinor }
}
