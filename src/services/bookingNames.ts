import { eq, inArray } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import type { SignedInContext } from '../context'
import { bookings, locations, services, spaces, specialists, users } from '../db/schema'
import { capacitiesOf } from './moves'

/** What a booking is called: names of now, also of what is offered no more. */
export type BookingNames = {
  space: string | null
  service: string | null
  specialist: string | null
  location: string
  timeZone: string
  customer: string
}

/** The names of bookings, by their ids. Those that are not the actor's to see are left out. */
export async function nameBookings(ctx: SignedInContext, ids: string[]): Promise<Map<string, BookingNames>> {
  if (ids.length === 0) return new Map()
  const customer = alias(users, 'customer')
  const rows = await ctx.db
    .select({
      booking: bookings,
      space: spaces.name,
      service: services.name,
      specialist: specialists.name,
      location: locations.name,
      timeZone: locations.timeZone,
      customer: customer.name,
    })
    .from(bookings)
    .innerJoin(locations, eq(locations.id, bookings.locationId))
    .innerJoin(customer, eq(customer.id, bookings.userId))
    .leftJoin(spaces, eq(spaces.id, bookings.spaceId))
    .leftJoin(services, eq(services.id, bookings.serviceId))
    .leftJoin(specialists, eq(specialists.id, bookings.specialistId))
    .where(inArray(bookings.id, ids))
  const seen = rows.filter(({ booking }) => capacitiesOf(ctx.actor, booking).length > 0)
  return new Map(seen.map(({ booking, ...names }) => [booking.id, names]))
}
