import { type SQL, sql } from 'drizzle-orm'
import { bookings } from '../../db/schema'

/** 200 slots of a day each, the most that the settings of a space allow. */
const MAX_LENGTH = sql`interval '200 days'`

// Literally the predicate of the index `bookings_long`, which finds the few bookings beyond a day.
const isLong = sql`b.ends_at - b.starts_at > interval '1 day'`

/**
 * A lower bound on the start of every booking that ends after `instant`, for an index that is ordered by start. Without it,
 * a query for a period reads all earlier bookings.
 */
export const earliestStart = (instant: SQL): SQL => sql`least(${instant} - interval '1 day', (
  SELECT min(b.starts_at) FROM bookings b WHERE ${isLong} AND b.ends_at > ${instant}
    AND b.starts_at BETWEEN ${instant} - ${MAX_LENGTH} AND ${instant} - interval '1 day'))`

/** An upper bound on the end of every booking that starts by `instant`, for an index that is ordered by end. */
export const latestEnd = (instant: SQL): SQL => sql`greatest(${instant} + interval '1 day', (
  SELECT max(b.ends_at) FROM bookings b WHERE ${isLong} AND b.ends_at > ${instant}
    AND b.starts_at BETWEEN ${instant} - ${MAX_LENGTH} AND ${instant}))`

/** Matches bookings that end after `instant`. */
export const endsAfter = (instant: Date): SQL => {
  const at = sql`${instant.toISOString()}::timestamptz`
  return sql`${bookings.endsAt} > ${at} AND ${bookings.startsAt} >= ${earliestStart(at)}`
}
