import { z } from 'zod'
import { iso, type Millis } from '../lib/time'
import { Id, InstantOut, listOf } from './common'

export const CheckInSchema = z
  .object({
    id: Id,
    locationId: Id,
    person: z
      .object({ id: Id, name: z.string() })
      .nullable()
      .meta({ description: 'null: somebody who does not wish to be named.' }),
    since: InstantOut,
    note: z.string().nullable(),
  })
  .meta({ id: 'CheckIn' })
export type CheckIn = z.infer<typeof CheckInSchema>

export const PresentSchema = listOf(CheckInSchema).extend({
  mine: CheckInSchema.nullable().meta({ description: 'Where whoever asks is checked in, if anywhere.' }),
})

export const PastCheckInSchema = z.object({
  locationId: Id,
  since: InstantOut,
  until: InstantOut.nullable(),
  note: z.string().nullable(),
})
export type PastCheckIn = z.infer<typeof PastCheckInSchema>

/** Somebody who is at a location, with as much of the person as may have to be left out. */
export type PresentRow = {
  id: string
  locationId: string
  since: Date | Millis
  note: string | null
  userId: string
  name: string
  hidden: boolean
}

export const checkInView = (row: PresentRow, named: boolean): CheckIn => ({
  id: row.id,
  locationId: row.locationId,
  person: named ? { id: row.userId, name: row.name } : null,
  since: iso(row.since),
  note: named ? row.note : null,
})

export const DoorCodeSchema = z
  .object({
    locationId: Id,
    code: z.string().meta({
      description: 'Opaque; what `checkIns.checkIn` takes as `code`. It takes what the image says as well.',
    }),
    nextAt: InstantOut.meta({
      description: 'When the next code begins; this one is taken for a minute more.',
    }),
    svg: z.string().meta({
      description:
        'A QR image: of the page that checks in with the code, where the server knows its own address; else of the code.',
    }),
  })
  .meta({ id: 'DoorCode' })
export type DoorCode = z.infer<typeof DoorCodeSchema>
