import { and, eq } from 'drizzle-orm'
import type { Deps } from '../context'
import type { Tx } from '../db/client'
import {
  bookings,
  locations,
  loyaltyEntries,
  openingHours,
  reviews,
  services,
  spaces,
  specialists,
  users,
} from '../db/schema'
import { range } from '../db/sql'
import { addDays, dateAt, MINUTE, type Millis, type Period } from '../lib/time'
import { slotsOfDate } from '../services/calendar/availability'
import { seedCommunity } from './community'
import { DEMO_PASSWORD_HASH, fixedIds, LOCATIONS, PEOPLE, POINTS, REVIEWS, SPACES, SPECIALISTS } from './data'

/** Advisory lock: of servers that start at the same time, one seeds. */
const SEED_LOCK = 7_261_054_919
/** The repeating pattern of taken slots. */
const TAKEN = [false, true, true, false, false, true, false, false, true, false]
const DAYS_AROUND = 3

/**
 * Inserts the demo data: two locations in two time zones, spaces of every kind, users of every role, and bookings, reviews,
 * check-ins and events around the present day. Does nothing if it was inserted before.
 */
export async function seedDatabase({ db }: Pick<Deps, 'db'>): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.execute(`SELECT pg_advisory_xact_lock(${SEED_LOCK})`)
    const [seeded] = await tx.select({ id: users.id }).from(users).where(eq(users.id, PEOPLE[0].id))
    if (seeded) return
    const nextId = fixedIds(1000)
    await tx.insert(users).values(PEOPLE.map((user) => ({ ...user, passwordHash: DEMO_PASSWORD_HASH })))
    await tx.insert(locations).values(LOCATIONS.map(({ hours: _, ...location }) => location))
    await tx
      .insert(openingHours)
      .values(
        LOCATIONS.flatMap(({ id, hours }) =>
          hours.map((opening) => ({ ...opening, id: nextId(), locationId: id })),
        ),
      )
    // Spaces are older than their bookings, otherwise analytics would report a wrong occupancy.
    const createdAt = new Date(Date.now() - (DAYS_AROUND + 1) * 1440 * MINUTE)
    await tx.insert(spaces).values(SPACES.map((space) => ({ ...space, createdAt })))
    await seedSpecialists(tx, nextId)
    for (const space of SPACES) await seedBookings(tx, space, Date.now(), nextId)
    await seedCommunity(tx, Date.now())
    await tx.insert(loyaltyEntries).values(POINTS.map((entry) => ({ ...entry, id: nextId() })))
    await seedReviews(tx, nextId)
  })
}

async function seedSpecialists(tx: Tx, nextId: () => string): Promise<void> {
  for (const { hours, services: offered, ...specialist } of SPECIALISTS) {
    await tx.insert(specialists).values(specialist)
    await tx
      .insert(openingHours)
      .values(hours.map((opening) => ({ ...opening, id: nextId(), specialistId: specialist.id })))
    await tx.insert(services).values(offered.map((service) => ({ ...service, specialistId: specialist.id })))
  }
}

type SeedSpace = (typeof SPACES)[number]

async function seedBookings(tx: Tx, space: SeedSpace, now: Millis, nextId: () => string): Promise<void> {
  const location = LOCATIONS.find(({ id }) => id === space.locationId)
  if (!location) throw new Error(`no location for ${space.name}`)
  const rules = {
    ...space,
    spaceId: space.id,
    timeZone: location.timeZone,
    hours: location.hours,
    closures: [],
    version: 1,
    rulesVersion: 1,
  }
  const today = dateAt(now, location.timeZone)
  const rows = []
  for (let offset = -DAYS_AROUND; offset <= DAYS_AROUND; offset++) {
    const date = addDays(today, offset)
    for (let unit = 1; unit <= Math.min(space.units, 4); unit++) {
      const slots = slotsOfDate(rules, date)
      // A buffer reaches into the next slot, so only every other slot can be taken.
      const step = space.bufferMinutes > 0 ? 2 : 1
      for (let index = 0; index < slots.length; index += step) {
        const slot = slots[index]
        if (slot && TAKEN[(index * 7 + unit * 3 + offset + 10) % TAKEN.length])
          rows.push(bookingRow(space, unit, slot, now, nextId()))
      }
    }
  }
  if (rows.length > 0) await tx.insert(bookings).values(rows)
}

function bookingRow(space: SeedSpace, unit: number, { from, to }: Period, now: Millis, id: string) {
  const customers = PEOPLE.filter(({ role }) => role === 'customer')
  const customer = customers[(Math.floor(from / (space.slotMinutes * MINUTE)) + unit) % customers.length]
  if (!customer) throw new Error('no customer in the demo data')
  const claimed = { from, to: to + space.bufferMinutes * MINUTE }
  return {
    id,
    userId: customer.id,
    status: claimed.to <= now ? ('completed' as const) : ('confirmed' as const),
    locationId: space.locationId,
    spaceId: space.id,
    unit,
    startsAt: new Date(from),
    endsAt: new Date(to),
    firstStartsAt: new Date(from),
    claimed: range(claimed),
    // Free of charge: a price would need matching payments.
    priceMinor: 0,
    currency: space.currency,
    cancellation: [{ hoursBefore: 24, refundPercent: 100 }],
    // Older than any real booking, so that new ones come first in every list.
    createdAt: new Date(from - 7 * 1440 * MINUTE),
    bookedAt: new Date(from - 7 * 1440 * MINUTE),
  }
}

async function seedReviews(tx: Tx, nextId: () => string): Promise<void> {
  for (const { space: name, ...review } of REVIEWS) {
    const space = SPACES.find((one) => one.name === name)
    if (!space) throw new Error(`no space ${name}`)
    const [visit] = await tx
      .select({ bookingId: bookings.id, userId: bookings.userId, spaceId: bookings.spaceId })
      .from(bookings)
      .where(and(eq(bookings.spaceId, space.id), eq(bookings.status, 'completed')))
      .orderBy(bookings.id)
      .limit(1)
    if (visit) await tx.insert(reviews).values({ id: nextId(), ...visit, ...review })
  }
}
