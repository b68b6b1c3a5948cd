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
      .meta({ description: 'null if the user is hidden.' }),
    since: InstantOut,
    note: z.string().nullable(),
  })
  .meta({ id: 'CheckIn' })
export type CheckIn = z.infer<typeof CheckInSchema>

export const PresentSchema = listOf(CheckInSchema).extend({
  mine: CheckInSchema.nullable().meta({
    description: 'The current check-in of the caller, at any location.',
  }),
})

export const PastCheckInSchema = z.object({
  locationId: Id,
  since: InstantOut,
  until: InstantOut.nullable(),
  note: z.string().nullable(),
})
export type PastCheckIn = z.infer<typeof PastCheckInSchema>

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
      description: 'Opaque `code` for checking in. The address in the image is accepted as well.',
    }),
    nextAt: InstantOut.meta({
      description: 'When the next code appears. This one is accepted for one more minute.',
    }),
    svg: z.string().meta({
      description:
        'QR image of the address of the check-in page with the code, or of the code alone if PUBLIC_URL is not set.',
    }),
  })
  .meta({ id: 'DoorCode' })
export type DoorCode = z.infer<typeof DoorCodeSchema>
