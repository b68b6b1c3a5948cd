import { z } from 'zod'
import type { EventRow } from '../db/schema/events'
import { iso, type Millis } from '../time'
import { Currency, Id, InstantOut } from './common'

export const VisibilityShape = z
  .enum(['public', 'members'])
  .meta({ description: 'members: only who is signed in sees it.' })

export const EventShape = z
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
    visibility: VisibilityShape,
    attending: z.int(),
    waiting: z.int(),
    mine: z.enum(['attending', 'waiting']).nullable(),
  })
  .meta({ id: 'Event' })
export type Event = z.infer<typeof EventShape>

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
  | 'visibility'
  | 'attending'
  | 'waiting'
> & { startsAt: Date | Millis; endsAt: Date | Millis; mine: Event['mine'] }

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
  visibility: row.visibility,
  attending: row.attending,
  waiting: row.waiting,
  mine: row.mine,
})
