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
    timeZone: TimeZone.meta({ description: 'Of the location.' }),
    slotMinutes: z.int().meta({ description: 'The grid of a day without a service.' }),
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
    priceMinor: z.int().meta({ description: 'Where a room is needed, its price is added.' }),
    depositMinor: z
      .int()
      .meta({ description: 'Paid when booking; the rest later. 0: the price is paid at once.' }),
    currency: Currency,
    needsApproval: z.boolean().meta({ description: 'Each booking waits for the yes of the specialist.' }),
    answerHours: z.int().meta({
      description:
        'How long the specialist has to say yes, until the start at the latest; then it is declined.',
    }),
    needsRoom: z.boolean(),
    roomKind: SpaceKindSchema.meta({ description: 'Which rooms fit.' }),
    roomCapacity: z.int().meta({ description: 'For how many people a room that fits is at least.' }),
    cancellation: CancellationSchema,
  })
  .meta({ id: 'Service' })
export type Service = z.infer<typeof ServiceSchema>
