import { eq, inArray } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import type { SignedInContext } from '../../context'
import type { Db } from '../../db/client'
import { bookings, events, locations, services, spaces, specialists, users } from '../../db/schema'
import { rolesInBooking } from './transitions'

/** What a booking is called: names of now, also of what is offered no more. */
export type BookingNames = {
  space: string | null
  /** At which it is a place. */
  event: string | null
  service: string | null
  specialist: string | null
  location: string
  timeZone: string
  customer: string
}

/** The names of bookings, by their ids. Those that are not the actor's to see are left out. */
export async function nameBookings(ctx: SignedInContext, ids: string[]): Promise<Map<string, BookingNames>> {
  if (ids.length === 0) return new Map()
  const rows = await selectNamed(ctx.db).where(inArray(bookings.id, ids))
  const seen = rows.filter(({ booking }) => rolesInBooking(ctx.actor, booking).length > 0)
  return new Map(seen.map(({ booking, address: _, ...names }) => [booking.id, names]))
}

/** Bookings with what they are called, and where that is. */
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
