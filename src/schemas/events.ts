import { z } from 'zod'
import type { EventAttendeeRow } from '../db/schema/event-attendees'
import type { EventRow } from '../db/schema/events'
import { iso, type Millis } from '../lib/time'
import { Currency, Id, InstantOut } from './common'
import { CancellationSchema } from './spaces'

export const VisibilitySchema = z
  .enum(['public', 'members'])
  .meta({ description: '`members`: visible only to signed-in users.' })

export const EventSchema = z
  .object({
    id: Id,
    title: z.string(),
    text: z.string(),
    locationId: Id,
    spaceId: Id.nullable(),
    organiserId: Id.nullable().meta({ description: 'The user who created the event and can change it.' }),
    startsAt: InstantOut,
    endsAt: InstantOut,
    capacity: z.int().nullable().meta({ description: 'Number of seats; null for no limit.' }),
    priceMinor: z.int().meta({ description: 'Price of a seat, in minor units.' }),
    currency: Currency,
    cancellation: CancellationSchema.meta({
      description: 'Refund for a seat that is given up. Each seat keeps the policy of its booking.',
    }),
    visibility: VisibilitySchema,
    attending: z.int().meta({ description: 'Confirmed seats.' }),
    held: z.int().meta({ description: 'Seats held for payment; they count towards the capacity.' }),
    waiting: z.int().meta({ description: 'Users on the waiting list.' }),
    mine: z.enum(['attending', 'held', 'waiting']).nullable().meta({
      description: 'State of the caller. `held`: the seat must be paid before its hold expires.',
    }),
    bookingId: Id.nullable().meta({
      description: "Booking with which the caller's seat is paid, if it has a price.",
    }),
  })
  .meta({ id: 'Event' })
export type Event = z.infer<typeof EventSchema>

/** `mine` and `bookingId` are those of the reader, if any. */
export type ComingRow = Pick<
  EventRow,
  | 'id'
  | 'title'
  | 'text'
  | 'locationId'
  | 'spaceId'
  | 'creatorId'
  | 'capacity'
  | 'priceMinor'
  | 'currency'
  | 'cancellation'
  | 'visibility'
  | 'attending'
  | 'held'
  | 'waiting'
> & { startsAt: Date | Millis; endsAt: Date | Millis; mine: Event['mine']; bookingId: string | null }

export const eventView = (row: ComingRow): Event => ({
  id: row.id,
  title: row.title,
  text: row.text,
  locationId: row.locationId,
  spaceId: row.spaceId,
  organiserId: row.creatorId,
  startsAt: iso(row.startsAt),
  endsAt: iso(row.endsAt),
  capacity: row.capacity,
  priceMinor: row.priceMinor,
  currency: row.currency,
  cancellation: row.cancellation,
  visibility: row.visibility,
  attending: row.attending,
  held: row.held,
  waiting: row.waiting,
  mine: row.mine,
  bookingId: row.bookingId,
})

export const AttendeeSchema = z
  .object({
    id: z.string().meta({ description: 'Position in the order of joining.' }),
    person: z
      .object({ id: Id, name: z.string() })
      .nullable()
      .meta({ description: 'null if the user is hidden.' }),
    status: z.enum(['attending', 'held', 'waiting']),
    since: InstantOut,
  })
  .meta({ id: 'Attendee' })

export const AttendeeCursor = z
  .string()
  .regex(/^\d{1,15}$/, 'must be a nextCursor from a response')
  .meta({ description: '`nextCursor` of the previous page.' })

type AttendeeListed = Pick<EventAttendeeRow, 'status' | 'userId'> & {
  id: string
  since: Date
  name: string
  hidden: boolean
}

export const attendeeView = ({ id, status, since, userId, name, hidden }: AttendeeListed) => ({
  id,
  person: hidden ? null : { id: userId, name },
  status,
  since: iso(since),
})
