import { z } from 'zod'
import type { CalendarKey } from './calendar-key'
import { Currency, Id, InstantOut, LocalDate, ReasonSchema, TimeZone } from './common'
import { validatedOnce } from './serialize'

export * from './calendar-key'

export const SlotStatusSchema = z
  .enum(['past', 'closed', 'booked', 'held', 'free'])
  .meta({ description: 'The first that applies, in this order.' })

export const SlotSchema = z
  .object({
    id: z.string(),
    startsAt: InstantOut,
    endsAt: InstantOut,
    status: SlotStatusSchema,
    reason: ReasonSchema.nullable().meta({
      description: 'Why it is closed. TOO_EARLY: to everyone; a tier of members may let one hold it already.',
    }),
    free: z.int().meta({ description: 'How many units can be had.' }),
    units: z.int(),
    taken: z.int().meta({
      description: 'How many units somebody holds or has, also once it has begun, until it is over.',
    }),
    heldByMe: z.boolean(),
    priceMinor: z.int(),
    currency: Currency,
  })
  .meta({ id: 'Slot' })
export type Slot = z.infer<typeof SlotSchema>

/** For a day as it were without a booking. */
export const Without = Id.optional().meta({
  description:
    "A booking of one's own: what it takes is shown as free to it, so that one sees where it can be moved.",
})

/** Names one board: a calendar, a local date, and for a specialist the service whose slots are shown. */
export type BoardKey = CalendarKey & { date: string; serviceId?: string | undefined }

export const BoardSchema = validatedOnce(
  z
    .object({
      spaceId: Id.nullable(),
      specialistId: Id.nullable(),
      serviceId: Id.optional().meta({
        description: "Whose slots these are, where a specialist's day was asked for one.",
      }),
      date: LocalDate,
      timeZone: TimeZone,
      version: z.int().meta({ description: 'Counts the changes of this calendar, across all dates.' }),
      slots: z.array(SlotSchema),
    })
    .meta({ id: 'Board' }),
)
export type Board = z.infer<typeof BoardSchema>
