import { eq, inArray } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import type { SignedInContext } from '../../context'
import type { Db } from '../../db/client'
import { bookings, events, locations, services, spaces, specialists, users } from '../../db/schema'
import { rolesInBooking } from './transitions'

/** Current display names, also of removed spaces, services and specialists. */
export type BookingNames = {
  space: string | null
  event: string | null
  service: string | null
  specialist: string | null
  location: string
  timeZone: string
  customer: string
}

/** Returns the display names by booking id, without bookings that the caller may not see. */
export async function nameBookings(ctx: SignedInContext, ids: string[]): Promise<Map<string, BookingNames>> {
  if (ids.length === 0) return new Map()
  const rows = await selectNamed(ctx.db).where(inArray(bookings.id, ids))
  const visible = rows.filter(({ booking }) => rolesInBooking(ctx.actor, booking).length > 0)
  return new Map(visible.map(({ booking, address: _, ...names }) => [booking.id, names]))
}

export function selectNamed(db: Db) {
  const customer = alias(users, 'customer')
  return db
    .select({
      booking: bookings,
      space: spaces.name,
      event: events.title,
      service: services.name,
      specialist: specialists.name,
      location: locations.name,
      address: locations.address,
      timeZone: locations.timeZone,
      customer: customer.name,
    })
    .from(bookings)
    .innerJoin(locations, eq(locations.id, bookings.locationId))
    .innerJoin(customer, eq(customer.id, bookings.userId))
    .leftJoin(spaces, eq(spaces.id, bookings.spaceId))
    .leftJoin(events, eq(events.id, bookings.attendsEventId))
    .leftJoin(services, eq(services.id, bookings.serviceId))
    .leftJoin(specialists, eq(specialists.id, bookings.specialistId))
}
