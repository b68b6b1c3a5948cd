import { z } from 'zod'
import { SOURCES } from '../db/schema/activity'
import { Currency, Id, InstantOut, whole } from './common'

const Count = z.int().min(0)
const Share = z.number().min(0).max(1)
const OutDate = z.iso.date().meta({ description: 'In the time zone of the location.', example: '2027-01-04' })

const SourceSchema = z.enum(SOURCES)

const ranked = {
  name: z.string(),
  bookings: Count.meta({ description: 'Pending, confirmed, completed and no-show bookings.' }),
  amountMinor: z.int().meta({ description: 'Their revenue.' }),
  currency: Currency,
}

export const AnalyticsSummarySchema = z
  .object({
    from: OutDate,
    to: OutDate,
    locationId: Id.nullable(),
    asOf: InstantOut.meta({ description: 'When the numbers were read, at most five minutes ago.' }),
    occupancy: z
      .array(z.object({ weekday: whole(1, 7), hour: whole(0, 23), share: Share }))
      .meta({ description: 'Booked share of open unit hours, by hour of the week.' }),
    revenue: z
      .array(
        z.object({
          date: OutDate,
          currency: Currency,
          amountMinor: z.int().meta({ description: 'Received minus refunded.' }),
          receivedMinor: Count,
          refundedMinor: z.int(),
          sources: z
            .array(z.object({ source: SourceSchema, amountMinor: z.int() }))
            .meta({ description: 'The same amount by the channel of the booking.' }),
        }),
      )
      .meta({ description: 'Payments and refunds by local date, events included.' }),
    funnel: z
      .object({
        held: Count,
        paid: Count.meta({ description: 'Holds that became bookings: paid, or free of charge.' }),
        completed: Count,
        cancelled: Count.meta({ description: 'Bookings that were cancelled.' }),
        noShow: Count,
        declined: Count,
        released: Count.meta({ description: 'Holds released by the user.' }),
        expired: Count,
        holding: Count.meta({ description: 'Active holds.' }),
        coming: Count.meta({ description: 'Pending or confirmed bookings.' }),
      })
      .meta({
        description:
          'Outcomes of the holds made in the period, without events. `held` is the sum of `paid`, `released`, `expired` and `holding`; `paid` is the sum of the others.',
      }),
    noShowShare: Share.meta({ description: 'Share of no-shows among past bookings of the period.' }),
    leadTimeHours: z.number().meta({ description: 'Average time from the hold to the start of a booking.' }),
    topSpaces: z.array(z.object({ spaceId: Id, ...ranked })),
    topSpecialists: z.array(z.object({ specialistId: Id, ...ranked })),
    people: Count.meta({ description: 'Users with a booking in the period.' }),
    returningShare: Share.meta({
      description: 'Share of these users who came more than once, in the period or before.',
    }),
  })
  .meta({ id: 'AnalyticsSummary' })
export type AnalyticsSummary = z.infer<typeof AnalyticsSummarySchema>
