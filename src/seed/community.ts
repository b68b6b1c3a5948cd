import type { Tx } from '../db/client'
import { bookings, checkIns, eventAttendees, events } from '../db/schema'
import { range } from '../db/sql'
import { addDays, dateAt, instantOf, MINUTE, type Millis } from '../lib/time'
import { fixedIds, LOCATIONS, PEOPLE, SPACES } from './data'

const [milano, newYork] = LOCATIONS
const nextId = fixedIds(100_000)

type SeedEvent = {
  id: string
  location: (typeof LOCATIONS)[number] | undefined
  organizer: (typeof PEOPLE)[number]
  /** In the order of sign-up. Those beyond the capacity are on the waitlist. */
  guests: (typeof PEOPLE)[number][]
  title: string
  text: string
  /** Days after seeding; `from` and `to` are local times. */
  inDays: number
  from: string
  to: string
  capacity: number | null
  visibility: 'public' | 'members'
  space?: (typeof SPACES)[number] | undefined
}

const [admin, sam, carla, ada, bruno, chloe] = PEOPLE

/** Late enough not to overlap the demo bookings. */
export const EVENTS: SeedEvent[] = [
  {
    id: nextId(),
    location: milano,
    organizer: bruno,
    guests: [ada, chloe],
    title: 'Colazione insieme',
    text: 'Coffee and cornetti in the kitchen before work.',
    inDays: 5,
    from: '08:30',
    to: '09:30',
    capacity: 20,
    visibility: 'public',
  },
  {
    id: nextId(),
    location: milano,
    organizer: ada,
    guests: [sam, carla, chloe],
    title: 'Book club',
    text: 'One book a month, discussed over tea. Please read it to the end.',
    inDays: 8,
    from: '18:00',
    to: '19:30',
    capacity: 3,
    visibility: 'members',
  },
  {
    id: nextId(),
    location: newYork,
    organizer: admin,
    guests: [sam, ada, carla],
    title: 'Demo night',
    text: 'Show your work in five minutes. Drinks and feedback afterwards.',
    inDays: 10,
    from: '18:00',
    to: '20:00',
    capacity: 80,
    visibility: 'public',
    space: SPACES.find(({ kind }) => kind === 'event_hall'),
  },
]

const PRESENT = [
  { user: ada, location: milano, note: 'At the long table' },
  { user: bruno, location: milano, note: null },
  { user: chloe, location: milano, note: 'In calls until noon' },
  { user: carla, location: newYork, note: null },
  { user: sam, location: newYork, note: 'Happy to talk about your pitch' },
]

/** Inserts five check-ins and three events, one of them full and one in an event hall. */
export async function seedCommunity(tx: Tx, now: Millis): Promise<void> {
  const stays = PRESENT.flatMap(({ user, location, note }, index) =>
    location
      ? [
          {
            id: fixedIds(101_000 + index)(),
            userId: user.id,
            locationId: location.id,
            way: 'hand' as const,
            note,
            since: new Date(now - index * 7 * MINUTE),
          },
        ]
      : [],
  )
  await tx.insert(checkIns).values(stays)
  for (const event of EVENTS) await seedEvent(tx, event, now)
}

async function seedEvent(tx: Tx, event: SeedEvent, now: Millis): Promise<void> {
  const { id, location, organizer, guests, capacity, space, title, text, visibility } = event
  if (!location) throw new Error(`no location for ${title}`)
  const date = addDays(dateAt(now, location.timeZone), event.inDays)
  const from = instantOf(date, event.from, location.timeZone)
  const to = instantOf(date, event.to, location.timeZone)
  const time = { startsAt: new Date(from), endsAt: new Date(to) }
  const venue = { locationId: location.id, spaceId: space?.id ?? null }
  await tx
    .insert(events)
    .values({ id, ...venue, ...time, title, text, visibility, capacity, creatorId: organizer.id })
  await tx.insert(eventAttendees).values(
    [organizer, ...guests].map((attendee, index) => ({
      eventId: id,
      userId: attendee.id,
      status: capacity !== null && index >= capacity ? ('waiting' as const) : ('attending' as const),
    })),
  )
  if (!space) return
  await tx.insert(bookings).values({
    id: fixedIds(102_000)(),
    kind: 'event',
    eventId: id,
    userId: organizer.id,
    status: 'confirmed',
    ...venue,
    unit: 1,
    ...time,
    firstStartsAt: time.startsAt,
    claimed: range({ from, to: to + space.bufferMinutes * MINUTE }),
    priceMinor: 0,
    currency: space.currency,
    cancellation: [],
  })
}
