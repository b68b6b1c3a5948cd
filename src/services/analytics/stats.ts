import { sql } from 'drizzle-orm'
import type { Context } from '../../context'

export type Stats = {
  people: number
  admins: number
  locations: number
  spaces: number
  units: number
  bookings: Record<string, number>
  startingWithinAWeek: number
  databaseMegabytes: number
}

/** Counts everything in one statement, so that the numbers are consistent. */
export async function readStats({ db }: Pick<Context, 'db'>): Promise<Stats> {
  const [row] = await db.execute<Stats>(sql`SELECT
    (SELECT count(*)::int FROM users WHERE deleted_at IS NULL) AS people,
    (SELECT count(*)::int FROM users WHERE deleted_at IS NULL AND role = 'admin') AS admins,
    (SELECT count(*)::int FROM locations WHERE removed_at IS NULL) AS locations,
    (SELECT count(*)::int FROM spaces WHERE removed_at IS NULL) AS spaces,
    (SELECT coalesce(sum(units), 0)::int FROM spaces WHERE removed_at IS NULL) AS units,
    (SELECT coalesce(json_object_agg(status, number), '{}')
      FROM (SELECT status, count(*)::int AS number FROM bookings GROUP BY status ORDER BY status) AS counted) AS bookings,
    (SELECT count(*)::int FROM bookings
      WHERE status IN ('pending', 'confirmed') AND starts_at BETWEEN now() AND now() + interval '7 days') AS "startingWithinAWeek",
    (SELECT round(pg_database_size(current_database()) / 1e6)::int) AS "databaseMegabytes"`)
  if (!row) throw new Error('stats query returned no row')
  return row
}
