import { z } from 'zod'
import type { EventAttendeeRow } from '../db/schema/event-attendees'
import type { EventRow } from '../db/schema/events'
import { iso, type Millis } from '../lib/time'
import { Currency, Id, InstantOut } from './common'
import { CancellationSchema } from './spaces'

export const VisibilitySchema = z
  .enum(['public', 'members'])
  .meta({ description: 'members: only who is signed in sees it.' })

export const EventSchema = z
  .object({
    id: Id,
    title: z.string(),
    text: z.string(),
    locationId: Id,
    spaceId: Id.nullable(),
    organiserId: Id.nullable().meta({ description: 'Who made it and may change it.' }),
    startsAt: InstantOut,
    endsAt: InstantOut,
    capacity: z.int().nullable().meta({ description: 'null: any number of people.' }),
    priceMinor: z.int(),
    currency: Currency,
    cancellation: CancellationSchema.meta({
      description: 'What of the price goes back to who leaves; frozen when the place is had.',
    }),
    visibility: VisibilitySchema,
    attending: z.int(),
    held: z.int().meta({ description: 'Places that are being paid for; they are taken too.' }),
    waiting: z.int(),
    mine: z.enum(['attending', 'held', 'waiting']).nullable().meta({
      description: '`held`: the place is mine once its booking is paid, before its hold ends.',
    }),
    bookingId: Id.nullable().meta({
      description: 'By which my own place is paid for, where it has a price.',
    }),
  })
  .meta({ id: 'Event' })
export type Event = z.infer<typeof EventSchema>

/** An event as it is read for one person, or for nobody in particular. */
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
    /** Grows with each who comes. */
    id: z.string(),
    person: z
      .object({ id: Id, name: z.string() })
      .nullable()
      .meta({ description: 'null: somebody who does not wish to be named.' }),
    status: z.enum(['attending', 'held', 'waiting']),
    since: InstantOut,
  })
  .meta({ id: 'Attendee' })

/** A place in the order in which they came. */
export const AttendeeCursor = z.string().regex(/^\d{1,15}$/, 'must be the nextCursor of an answer')

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
