import { z } from 'zod'
import { SOURCES } from '../db/schema/activity'
import { Currency, Id, InstantOut, whole } from './common'

const Count = z.int().min(0)
const Share = z.number().min(0).max(1)
const OutDate = z.iso.date().meta({ description: 'In the time zone of the location.', example: '2027-01-04' })

const SourceSchema = z.enum(SOURCES)

/** What was booked most: bookings that stand or took place, and what they brought in. */
const ranked = { name: z.string(), bookings: Count, amountMinor: z.int(), currency: Currency }

export const AnalyticsSummarySchema = z
  .object({
    from: OutDate,
    to: OutDate,
    locationId: Id.nullable(),
    asOf: InstantOut.meta({ description: 'When this was read. It may be five minutes old.' }),
    occupancy: z
      .array(z.object({ weekday: whole(1, 7), hour: whole(0, 23), share: Share }))
      .meta({ description: 'Of the hours for which units are open, the share that was booked.' }),
    revenue: z
      .array(
        z.object({
          date: OutDate,
          currency: Currency,
          amountMinor: z.int().meta({ description: 'Received, less what went back on this day.' }),
          receivedMinor: Count,
          refundedMinor: z.int(),
          sources: z
            .array(z.object({ source: SourceSchema, amountMinor: z.int() }))
            .meta({ description: 'The same by the door through which it was booked.' }),
        }),
      )
      .meta({ description: 'Money by the day on which it moved, that for events with it.' }),
    funnel: z
      .object({
        held: Count,
        paid: Count.meta({ description: 'Became a booking: paid, or free of charge.' }),
        completed: Count,
        cancelled: Count.meta({ description: 'Cancelled once it was a booking.' }),
        noShow: Count,
        declined: Count,
        released: Count.meta({ description: 'Given back while it was held.' }),
        expired: Count,
        holding: Count.meta({ description: 'Held now.' }),
        coming: Count.meta({ description: 'Pending or confirmed now.' }),
      })
      .meta({
        description:
          'What became of the holds of spaces and specialists made in the period: held is paid, released, expired and holding; paid is the rest.',
      }),
    noShowShare: Share.meta({ description: 'Of the bookings of the period whose time came.' }),
    leadTimeHours: z
      .number()
      .meta({ description: 'From the hold to the start, on average, where it was booked.' }),
    topSpaces: z.array(z.object({ spaceId: Id, ...ranked })),
    topSpecialists: z.array(z.object({ specialistId: Id, ...ranked })),
    people: Count.meta({ description: 'Who had a booking in the period.' }),
    returningShare: Share.meta({
      description: 'Of those people, who came for more than one, then or before.',
    }),
  })
  .meta({ id: 'AnalyticsSummary' })
export type AnalyticsSummary = z.infer<typeof AnalyticsSummarySchema>
