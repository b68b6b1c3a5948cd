import { z } from 'zod'
import type { CalendarKey } from './calendar-key'
import { Currency, Id, InstantOut, LocalDate, ReasonSchema, TimeZone } from './common'
import { validatedOnce } from './serialize'

export * from './calendar-key'

export const SlotStatusSchema = z
  .enum(['past', 'closed', 'booked', 'held', 'free'])
  .meta({ description: 'The first value that applies, in this order.' })

export const SlotSchema = z
  .object({
    id: z.string(),
    startsAt: InstantOut,
    endsAt: InstantOut,
    status: SlotStatusSchema,
    reason: ReasonSchema.nullable().meta({
      description:
        'Reason of `closed`. `TOO_EARLY` does not consider tiers: some users can already hold the slot.',
    }),
    free: z.int().meta({ description: 'Number of units that can be held.' }),
    units: z.int(),
    taken: z.int().meta({
      description: 'Number of units held or booked during the slot, also after its start.',
    }),
    heldByMe: z.boolean().meta({ description: 'Whether the caller holds the slot.' }),
    priceMinor: z.int().meta({ description: 'Price before discounts, in minor units.' }),
    currency: Currency,
  })
  .meta({ id: 'Slot' })
export type Slot = z.infer<typeof SlotSchema>

export const Without = Id.meta({
  description:
    'A booking of the caller that is left out of the board, to show the times to which it can be rescheduled.',
}).optional()

/** Identifies a board. With `serviceId`, the slots are those of a specialist's service. */
export type BoardKey = CalendarKey & { date: string; serviceId?: string | undefined }

export const BoardSchema = validatedOnce(
  z
    .object({
      spaceId: Id.nullable(),
      specialistId: Id.nullable(),
      serviceId: Id.meta({
        description: 'The service of the slots, if the request named one.',
      }).optional(),
      date: LocalDate,
      timeZone: TimeZone,
      version: z.int().meta({ description: 'Counter that each change of the calendar raises, on any date.' }),
      slots: z.array(SlotSchema),
    })
    .meta({ id: 'Board' }),
)
export type Board = z.infer<typeof BoardSchema>
