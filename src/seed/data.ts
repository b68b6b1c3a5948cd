/** The demo data itself. Ids are made up but fixed, so that links and scripts keep working from one reset to the next. */

/** Fixed ids, counted from a number: of the form of version 7, older than any that a server makes. */
export function fixedIds(from: number): () => string {
  let next = from
  return () => `01980000-0000-7000-8000-${(next++).toString(16).padStart(12, '0')}`
}

const seedId = fixedIds(1)

/** Of the password `coworkspace-demo`. */
export const DEMO_PASSWORD_HASH =
  '$argon2id$v=19$m=65536,t=2,p=1$kXdvjCTg2VRkOh//XQS3QJXqQqM/aKnyXYjVoW5QU9w$z+YIR31fwUjcZC/5ueF7S/VAEg8sydWEr0ca8Lo8yvg'

const person = (
  role: 'customer' | 'specialist' | 'admin',
  email: string,
  name: string,
  language: 'en' | 'it' | 'fr' = 'en',
) => ({
  id: seedId(),
  role,
  email,
  name,
  language,
})

export const PEOPLE = [
  person('admin', 'admin@example.com', 'Alma Admin'),
  person('specialist', 'specialist@example.com', 'Sam Specialist'),
  person('customer', 'customer@example.com', 'Carla Customer'),
  person('customer', 'ada@example.com', 'Ada Lovelace'),
  person('customer', 'bruno@example.com', 'Bruno Rossi', 'it'),
  person('customer', 'chloe@example.com', 'Chloé Martin', 'fr'),
] as const

/** Something to spend for whoever tries it. */
export const POINTS = PEOPLE.filter(({ role }) => role === 'customer').map(({ id }) => ({
  userId: id,
  points: 300,
  kind: 'correction' as const,
  source: `correction:${id}`,
  reason: 'Welcome',
}))

const everyDay = (days: number[], opensAt: string, closesAt: string) =>
  days.map((weekday) => ({ weekday, opensAt, closesAt }))

export const LOCATIONS = [
  {
    id: seedId(),
    name: 'Officina Navigli',
    address: 'Ripa di Porta Ticinese 1',
    city: 'Milano',
    timeZone: 'Europe/Rome',
    hours: [...everyDay([1, 2, 3, 4, 5], '08:00', '20:00'), ...everyDay([6, 7], '09:00', '18:00')],
  },
  {
    id: seedId(),
    name: 'Harbor House',
    address: '12 Water Street',
    city: 'New York',
    timeZone: 'America/New_York',
    hours: [...everyDay([1, 2, 3, 4, 5, 6], '07:00', '22:00'), ...everyDay([7], '10:00', '02:00')],
  },
]

const [milano = { id: '' }, newYork = { id: '' }] = LOCATIONS

const space = <Kind extends 'desk' | 'meeting_room' | 'private_office' | 'event_hall' | 'phone_booth'>(
  locationId: string,
  kind: Kind,
  name: string,
  settings: {
    capacity?: number
    units?: number
    slotMinutes?: number
    bufferMinutes?: number
    priceMinor?: number
    currency?: string
    maxNoticeDays?: number
  },
) => ({
  id: seedId(),
  locationId,
  kind,
  name,
  capacity: 1,
  units: 1,
  slotMinutes: 60,
  bufferMinutes: 0,
  priceMinor: 0,
  currency: 'EUR',
  minNoticeMinutes: 0,
  maxNoticeDays: 90,
  maxSlots: 8,
  ...settings,
})

export const SPACES = [
  space(milano.id, 'desk', 'Open desks', { units: 12, maxNoticeDays: 3650 }),
  space(milano.id, 'meeting_room', 'Sala Leonardo', { capacity: 8, bufferMinutes: 15, priceMinor: 1800 }),
  space(milano.id, 'phone_booth', 'Phone booths', { units: 3, slotMinutes: 30 }),
  space(milano.id, 'private_office', 'Studio Verdi', { capacity: 4, slotMinutes: 240, priceMinor: 6000 }),
  space(newYork.id, 'desk', 'Window desks', { units: 6, priceMinor: 500, currency: 'USD' }),
  space(newYork.id, 'event_hall', 'The Loft', {
    capacity: 80,
    slotMinutes: 120,
    bufferMinutes: 30,
    priceMinor: 25_000,
    currency: 'USD',
  }),
  space(newYork.id, 'meeting_room', 'Pier Room', { capacity: 6, priceMinor: 2400, currency: 'USD' }),
]

const [, sam] = PEOPLE
const [, salaLeonardo] = SPACES

/** Sam advises in a meeting room, and gives massages to whom he says yes. */
export const SPECIALISTS = [
  {
    id: seedId(),
    userId: sam.id,
    locationId: milano.id,
    name: sam.name,
    about: 'Advice for young companies, and a massage after it.',
    maxNoticeDays: 365,
    hours: everyDay([1, 2, 3, 4, 5], '09:00', '17:00'),
    services: [
      {
        id: seedId(),
        name: 'Advice',
        priceMinor: 6000,
        depositMinor: 2000,
        needsRoom: true,
        roomKind: salaLeonardo?.kind,
      },
      { id: seedId(), name: 'Massage', durationMinutes: 45, bufferMinutes: 15, needsApproval: true },
    ],
  },
]
