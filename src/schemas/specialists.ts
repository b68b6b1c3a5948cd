import { z } from 'zod'
import { Currency, Id, TimeZone } from './common'
import { CancellationSchema, HoursSchema, SpaceKindSchema } from './spaces'

export const SpecialistSchema = z
  .object({
    id: Id,
    userId: Id,
    locationId: Id,
    name: z.string(),
    about: z.string(),
    hours: HoursSchema,
    timeZone: TimeZone.meta({ description: 'Time zone of the location.' }),
    slotMinutes: z.int().meta({ description: 'Length of a slot on a day without a service.' }),
    minNoticeMinutes: z.int(),
    maxNoticeDays: z.int(),
    rating: z.number().nullable(),
    reviewCount: z.int(),
  })
  .meta({ id: 'Specialist' })
export type Specialist = z.infer<typeof SpecialistSchema>

export const ServiceSchema = z
  .object({
    id: Id,
    specialistId: Id,
    name: z.string(),
    durationMinutes: z.int(),
    bufferMinutes: z.int(),
    priceMinor: z
      .int()
      .meta({ description: 'In minor units. The price of a room is added if one is needed.' }),
    depositMinor: z
      .int()
      .meta({ description: 'Part of the price that is paid when booking; 0 for the whole price.' }),
    currency: Currency,
    needsApproval: z.boolean().meta({ description: 'Whether the specialist must accept each booking.' }),
    answerHours: z.int().meta({
      description:
        'Hours within which the specialist must accept a booking, at the latest before its start. Then it is declined.',
    }),
    needsRoom: z.boolean(),
    roomKind: SpaceKindSchema.meta({ description: 'Kind of the room.' }),
    roomCapacity: z.int().meta({ description: 'Minimum capacity of the room.' }),
    cancellation: CancellationSchema,
  })
  .meta({ id: 'Service' })
export type Service = z.infer<typeof ServiceSchema>
