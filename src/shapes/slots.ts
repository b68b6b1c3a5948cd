import { z } from 'zod'
import { validatedOnce } from './answers'
import { Currency, Id, InstantOut, LocalDate, ReasonShape, TimeZone } from './common'

export const SlotStatusShape = z
  .enum(['past', 'closed', 'booked', 'held', 'free'])
  .meta({ description: 'The first that applies, in this order.' })

export const SlotShape = z
  .object({
    id: z.string(),
    startsAt: InstantOut,
    endsAt: InstantOut,
    status: SlotStatusShape,
    reason: ReasonShape.nullable().meta({ description: 'Why it is closed.' }),
    free: z.int().meta({ description: 'How many units can be had.' }),
    units: z.int(),
    heldByMe: z.boolean(),
    priceMinor: z.int(),
    currency: Currency,
  })
  .meta({ id: 'Slot' })
export type Slot = z.infer<typeof SlotShape>

export const BoardShape = validatedOnce(
  z
    .object({
      spaceId: Id.nullable(),
      specialistId: Id.nullable(),
      date: LocalDate,
      timeZone: TimeZone,
      version: z.int().meta({ description: 'Counts the changes of this calendar, across all dates.' }),
      slots: z.array(SlotShape),
    })
    .meta({ id: 'Board' }),
)
export type Board = z.infer<typeof BoardShape>
