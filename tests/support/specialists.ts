import { sql } from 'drizzle-orm'
import postgres from 'postgres'
import { systemContext } from '../../src/context'
import type { Hours } from '../../src/schemas/spaces'
import type { RunningServer } from '../../src/server'
import { createLocation } from '../../src/services/locations/locations'
import { allDay, clientOf, makePerson, type TestClient, until } from './world'

type ServiceSettings = Partial<Parameters<TestClient['services']['create']['mutate']>[0]>
type Settings = {
  timeZone?: string
  locationId?: string
  hours?: Hours
  minNoticeMinutes?: number
  service?: ServiceSettings
}

/** Creates a specialist with one service; by default always available, for an hour and free of charge. */
export async function makeSpecialist(server: RunningServer, settings: Settings = {}) {
  const { timeZone = 'UTC', hours = allDay, minNoticeMinutes, service: offered } = settings
  const locationId =
    settings.locationId ??
    (await createLocation(systemContext(server.deps, 'clock'), { name: 'House', timeZone, hours: allDay })).id
  const person = await makePerson(server, 'specialist')
  const client = clientOf(server, person)
  const specialist = await client.specialists.create.mutate({
    locationId,
    hours,
    maxNoticeDays: 3650,
    ...(minNoticeMinutes !== undefined && { minNoticeMinutes }),
  })
  const service = await client.services.create.mutate({
    name: 'Session',
    ...offered,
    specialistId: specialist.id,
  })
  return { person, client, specialist, service, locationId }
}

/** Shifts a booking into the past. */
export async function letPass({ deps }: RunningServer, bookingId: string): Promise<void> {
  await deps.db.execute(sql`
    UPDATE bookings SET
      starts_at = starts_at - age, ends_at = ends_at - age, first_starts_at = first_starts_at - age,
      claimed = tstzrange(lower(claimed) - age, upper(claimed) - age)
    FROM (SELECT upper(claimed) - clock_timestamp() + random() * interval '300 days' AS age FROM bookings WHERE id = ${bookingId}) AS past
    WHERE id = ${bookingId}`)
}

/**
 * Stops a server and returns the number of deadlocks in its database, including those of retried transactions. PostgreSQL
 * counts some only when a connection ends.
 */
export async function stopAndCountDeadlocks(server: RunningServer): Promise<number> {
  await server.stop()
  const client = postgres(server.deps.env.DATABASE_URL ?? '', { max: 1 })
  try {
    await until(async () => {
      const [others] = await client`
        SELECT count(*)::integer AS left FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`
      return others?.left === 0
    })
    const [counted] =
      await client`SELECT deadlocks::integer FROM pg_stat_database WHERE datname = current_database()`
    return counted?.deadlocks
  } finally {
    await client.end()
  }
}
