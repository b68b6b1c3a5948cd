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
      eventId: Id.nullable().meta({
        description: 'The event of this seat, or the event that claims the space.',
      }),
      unit: z.int().nullable().meta({ description: 'Number of the unit, from 1.' }),
      startsAt: InstantOut,
      endsAt: InstantOut,
      holdExpiresAt: InstantOut.nullable(),
      answerBy: InstantOut.nullable().meta({
        description: 'When a pending booking is declined if the specialist has not accepted it.',
      }),
      priceMinor: z.int().meta({ description: 'Price after the discount, in minor units.' }),
      discountMinor: z.int().meta({ description: "Discount of the owner's tier at the time of the hold." }),
      depositMinor: z
        .int()
        .meta({ description: 'Part of the price that is paid when booking; 0 for the whole price.' }),
      paidMinor: z.int(),
      refundedMinor: z.int(),
      balanceDueMinor: z.int().meta({ description: 'Amount still to be paid for a confirmed booking.' }),
      redeemedPoints: z.int().meta({ description: 'Points that pay for part of the price.' }),
      pointsMinor: z.int().meta({ description: 'Part of the price that points pay for.' }),
      currency: Currency,
      cancellation: CancellationSchema,
      notes: z.string().nullable(),
      arrivedAt: InstantOut.nullable().meta({ description: 'When the user checked in for this booking.' }),
      createdAt: InstantOut,
    })
    .meta({ id: 'Booking' }),
)
export type Booking = z.infer<typeof BookingSchema>

export const RefundPreviewSchema = z
  .object({ amountMinor: z.int(), points: z.int(), currency: Currency })
  .meta({ id: 'RefundPreview' })

export const ListedBookingSchema = BookingSchema.extend({ customerName: z.string() }).meta({
  id: 'ListedBooking',
})

/** Converts a row. `holdExpiresAt` is set only while held, `answerBy` only while pending. */
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
