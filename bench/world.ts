import { drizzle } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { startEmbeddedDatabase } from '../src/db/embedded'
import { migrateDatabase } from '../src/db/migrate'
import { locations, openingHours, spaces, users } from '../src/db/schema'
import { createTokens } from '../src/lib/access-tokens'
import { createLog } from '../src/lib/logger'

export const JWT_SECRET = 'a-secret-of-the-benchmark-0123456789'
export const DATES = Array.from({ length: 28 }, (_, day) => `2027-02-${String(day + 1).padStart(2, '0')}`)

export type World = {
  databaseUrl: string
  sql: postgres.Sql
  spaceIds: string[]
  tokens: string[]
  stop(): Promise<void>
}

/** Creates a location with 200 rooms, one third of its slots in February 2027 booked, and 64 users with access tokens. */
export async function createWorld(folder: string): Promise<World> {
  const log = createLog({ level: 'silent', terminal: false })
  const given = process.env.DATABASE_URL
  const embedded = given ? undefined : await startEmbeddedDatabase(folder, log)
  const databaseUrl = given ?? embedded?.url ?? ''
  await migrateDatabase(databaseUrl)
  const sql = postgres(databaseUrl, { max: 4, onnotice() {}, connection: { TimeZone: 'UTC' } })
  const db = drizzle(sql)
  const accounts = await db
    .insert(users)
    .values(
      Array.from({ length: 64 }, (_, n) => ({
        email: `p${n}-${Bun.randomUUIDv7()}@example.com`,
        name: `P${n}`,
      })),
    )
    .returning()
  const [location] = await db.insert(locations).values({ name: 'Bench', timeZone: 'UTC' }).returning()
  const locationId = location?.id ?? ''
  const week = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({
    weekday,
    opensAt: '08:00',
    closesAt: '20:00',
    locationId,
  }))
  await db.insert(openingHours).values(week)
  const rooms = await db
    .insert(spaces)
    .values(
      Array.from({ length: 200 }, (_, n) => ({
        locationId,
        name: `Room ${n}`,
        kind: 'meeting_room' as const,
        slotMinutes: 60,
        maxNoticeDays: 3650,
      })),
    )
    .returning()
  await fill(sql, locationId, accounts[0]?.id ?? '')
  const signer = createTokens(JWT_SECRET)
  return {
    databaseUrl,
    sql,
    spaceIds: rooms.map(({ id }) => id),
    tokens: await Promise.all(accounts.map(({ id }) => signer.sign({ id, role: 'customer' }))),
    async stop() {
      await sql.end()
      await embedded?.stop()
    },
  }
}

async function fill(sql: postgres.Sql, locationId: string, userId: string): Promise<void> {
  await sql`
    INSERT INTO bookings (id, user_id, location_id, space_id, unit, status, starts_at, ends_at, claimed, first_starts_at,
      price_minor, currency, cancellation)
    SELECT gen_random_uuid(), ${userId}, ${locationId}, s.id, 1, 'confirmed', t, t + interval '1 hour',
      tstzrange(t, t + interval '1 hour'), t, 0, 'EUR', '[]'
    FROM spaces s, generate_series('2027-02-01T08:00Z'::timestamptz, '2027-02-28T19:00Z', interval '3 hours') AS t
    WHERE s.location_id = ${locationId} AND extract(hour FROM t) BETWEEN 8 AND 19`
  await sql`ANALYZE`
}
