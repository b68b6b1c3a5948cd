/** Counts fixed UUIDs of version 7 from a number, so links and scripts survive a reset. They sort before all real ids. */
export function fixedIds(from: number): () => string {
  let next = from
  return () => `01980000-0000-7000-8000-${(next++).toString(16).padStart(12, '0')}`
}

const seedId = fixedIds(1)

/** Hash of the password `coworkspace-demo`. */
export const DEMO_PASSWORD_HASH =
  '$argon2id$v=19$m=65536,t=2,p=1$kXdvjCTg2VRkOh//XQS3QJXqQqM/aKnyXYjVoW5QU9w$z+YIR31fwUjcZC/5ueF7S/VAEg8sydWEr0ca8Lo8yvg'

const user = (
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
  user('admin', 'admin@example.com', 'Alma Ricci'),
  user('specialist', 'specialist@example.com', 'Sam Taylor'),
  user('customer', 'customer@example.com', 'Carla Neri'),
  user('customer', 'ada@example.com', 'Ada Novak'),
  user('customer', 'bruno@example.com', 'Bruno Rossi', 'it'),
  user('customer', 'chloe@example.com', 'Chloé Martin', 'fr'),
] as const

export const POINTS = PEOPLE.filter(({ role }) => role === 'customer').map(({ id }) => ({
  userId: id,
  points: 300,
  kind: 'correction' as const,
  source: `correction:${id}`,
  reason: 'Welcome bonus',
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

export const SPECIALISTS = [
  {
    id: seedId(),
    userId: sam.id,
    locationId: milano.id,
    name: sam.name,
    about: 'Business coach for founders and freelancers, after ten years in product teams.',
    maxNoticeDays: 365,
    hours: everyDay([1, 2, 3, 4, 5], '09:00', '17:00'),
    services: [
      {
        id: seedId(),
        name: 'Business coaching',
        priceMinor: 6000,
        depositMinor: 2000,
        needsRoom: true,
        roomKind: salaLeonardo?.kind,
      },
      { id: seedId(), name: 'Pitch review', durationMinutes: 45, bufferMinutes: 15, needsApproval: true },
    ],
  },
]

/** Each is written for the first completed booking of its space. */
export const REVIEWS = [
  {
    space: 'Phone booths',
    rating: 4,
    comment: 'Quiet and easy to book between two meetings. A little warm in summer.',
  },
  {
    space: 'Studio Verdi',
    rating: 5,
    comment: 'Bright office with a door that closes. We finished our proposal in one day.',
  },
  { space: 'Window desks', rating: 5, comment: 'Fast Wi-Fi, good chairs, and the harbor right outside.' },
  { space: 'The Loft', rating: 5, comment: 'Room for eighty guests, and the sound system simply worked.' },
  { space: 'Pier Room', rating: 4, comment: 'Large screen and a whiteboard. The room was ready on time.' },
]
