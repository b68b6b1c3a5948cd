import { z } from 'zod'
import { BOOKING_STATUSES, type BookingRow } from '../db/schema/bookings'
import { iso, isoOrNull } from '../lib/time'
import { Currency, Id, InstantOut } from './common'
import { validatedOnce, validatedOutput } from './serialize'
import { CancellationSchema } from './spaces'

export const BookingStatusSchema = z.enum(BOOKING_STATUSES)

export const BookingSchema = validatedOnce(
  z
    .object({
      id: Id,
      userId: Id,
      status: BookingStatusSchema,
      locationId: Id,
      spaceId: Id.nullable(),
      specialistId: Id.nullable(),
      serviceId: Id.nullable(),
      eventId: Id.nullable().meta({ description: 'The event at which this is a place, or that claims it.' }),
      unit: z.int().nullable(),
      startsAt: InstantOut,
      endsAt: InstantOut,
      holdExpiresAt: InstantOut.nullable(),
      answerBy: InstantOut.nullable().meta({
        description: 'Until when its specialist may say yes, while it is pending.',
      }),
      priceMinor: z.int().meta({ description: 'What it costs its owner, the discount taken off.' }),
      discountMinor: z
        .int()
        .meta({ description: "What the owner's tier took off the price when it was held." }),
      depositMinor: z.int(),
      paidMinor: z.int(),
      refundedMinor: z.int(),
      balanceDueMinor: z.int(),
      redeemedPoints: z.int().meta({ description: 'Points that pay for a part of the price.' }),
      pointsMinor: z.int().meta({ description: 'The part of the price that points pay for.' }),
      currency: Currency,
      cancellation: CancellationSchema,
      notes: z.string().nullable(),
      arrivedAt: InstantOut.nullable(),
      createdAt: InstantOut,
    })
    .meta({ id: 'Booking' }),
)
export type Booking = z.infer<typeof BookingSchema>

/** What would come back of a booking that is cancelled now. */
export const RefundPreviewSchema = z
  .object({ amountMinor: z.int(), points: z.int(), currency: Currency })
  .meta({ id: 'RefundPreview' })

/** A booking in a list, with whose it is. */
export const ListedBookingSchema = BookingSchema.extend({ customerName: z.string() }).meta({
  id: 'ListedBooking',
})

/** A booking as its owner sees it. The end of a hold is told only while it is one. */
export function bookingView(row: BookingRow): Booking {
  return validatedOutput({
    id: row.id,
    userId: row.userId,
    status: row.status,
    locationId: row.locationId,
    spaceId: row.spaceId,
    specialistId: row.specialistId,
    serviceId: row.serviceId,
    eventId: row.attendsEventId ?? row.eventId,
    unit: row.unit,
    startsAt: iso(row.startsAt),
    endsAt: iso(row.endsAt),
    holdExpiresAt: row.status === 'held' ? isoOrNull(row.holdExpiresAt) : null,
    answerBy: row.status === 'pending' ? isoOrNull(row.answerBy) : null,
    priceMinor: row.priceMinor,
    discountMinor: row.discountMinor,
    depositMinor: row.depositMinor,
    paidMinor: row.paidMinor,
    refundedMinor: row.refundedMinor,
    balanceDueMinor: row.balanceDueMinor,
    redeemedPoints: row.redeemedPoints,
    pointsMinor: row.pointsMinor,
    currency: row.currency,
    cancellation: row.cancellation,
    notes: row.notes,
    arrivedAt: isoOrNull(row.arrivedAt),
    createdAt: iso(row.createdAt),
  })
}
