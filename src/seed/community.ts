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
  maker: (typeof PEOPLE)[number]
  /** In the order in which they came; beyond the capacity they wait. */
  guests: (typeof PEOPLE)[number][]
  title: string
  text: string
  /** Days from the first start, and local times of that day. */
  inDays: number
  from: string
  to: string
  capacity: number | null
  visibility: 'public' | 'members'
  space?: (typeof SPACES)[number] | undefined
}

const [admin, sam, carla, ada, bruno, chloe] = PEOPLE

/** Far enough ahead that none meets a booking of the demo data. */
export const EVENTS: SeedEvent[] = [
  {
    id: nextId(),
    location: milano,
    maker: bruno,
    guests: [ada, chloe],
    title: 'Colazione insieme',
    text: 'Coffee and cornetti for everyone who is in early.',
    inDays: 5,
    from: '08:30',
    to: '09:30',
    capacity: 20,
    visibility: 'public',
  },
  {
    id: nextId(),
    location: milano,
    maker: ada,
    guests: [sam, carla, chloe],
    title: 'Reading circle: the analytical engine',
    text: 'Four chairs and one book.',
    inDays: 8,
    from: '18:00',
    to: '19:30',
    capacity: 3,
    visibility: 'members',
  },
  {
    id: nextId(),
    location: newYork,
    maker: admin,
    guests: [sam, ada, carla],
    title: 'Demo night',
    text: 'Show what you are working on, five minutes each.',
    inDays: 10,
    from: '18:00',
    to: '20:00',
    capacity: 80,
    visibility: 'public',
    space: SPACES.find(({ kind }) => kind === 'event_hall'),
  },
]

const PRESENT = [
  { person: ada, location: milano, note: 'At the long table' },
  { person: bruno, location: milano, note: null },
  { person: chloe, location: milano, note: 'In calls until noon' },
  { person: carla, location: newYork, note: null },
  { person: sam, location: newYork, note: 'Ask me anything' },
]

/** Five people who are here, and three events: one that is full, and one that has a hall. */
export async function seedCommunity(tx: Tx, now: Millis): Promise<void> {
  const stays = PRESENT.flatMap(({ person, location, note }, index) =>
    location
      ? [
          {
            id: fixedIds(101_000 + index)(),
            userId: person.id,
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
  const { id, location, maker, guests, capacity, space, title, text, visibility } = event
  if (!location) throw new Error(`no location for ${title}`)
  const date = addDays(dateAt(now, location.timeZone), event.inDays)
  const from = instantOf(date, event.from, location.timeZone)
  const to = instantOf(date, event.to, location.timeZone)
  const time = { startsAt: new Date(from), endsAt: new Date(to) }
  const place = { locationId: location.id, spaceId: space?.id ?? null }
  await tx
    .insert(events)
    .values({ id, ...place, ...time, title, text, visibility, capacity, creatorId: maker.id })
  await tx.insert(eventAttendees).values(
    [maker, ...guests].map((person, index) => ({
      eventId: id,
      userId: person.id,
      status: capacity !== null && index >= capacity ? ('waiting' as const) : ('attending' as const),
    })),
  )
  if (!space) return
  await tx.insert(bookings).values({
    id: fixedIds(102_000)(),
    kind: 'event',
    eventId: id,
    userId: maker.id,
    status: 'confirmed',
    ...place,
    unit: 1,
    ...time,
    firstStartsAt: time.startsAt,
    claimed: range({ from, to: to + space.bufferMinutes * MINUTE }),
    priceMinor: 0,
    currency: space.currency,
    cancellation: [],
  })
}
