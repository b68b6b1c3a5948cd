import { z } from 'zod'
import {
  BookingSchema,
  BookingStatusSchema,
  ListedBookingSchema,
  RefundPreviewSchema,
} from '../schemas/bookings'
import { Id, Instant, listOf, Prose, page, StartCursor } from '../schemas/common'
import * as bookings from '../services/bookings/bookings'
import { holdTime } from '../services/bookings/hold'
import { rescheduleBooking } from '../services/bookings/reschedule'
import { claimingProcedure, router, signedInProcedure } from '../trpc'

const tags = ['Bookings']
const byId = z.strictObject({ id: Id })

export const bookingsRouter = router({
  list: signedInProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/bookings',
        tags,
        summary: 'List bookings',
        description:
          "Returns the caller's bookings, or all bookings for an admin. With `as=specialist`, returns the bookings that other users have with the caller.",
      },
    })
    .input(
      z.strictObject({
        status: BookingStatusSchema.meta({ description: 'Only bookings with this status.' }).optional(),
        from: Instant.meta({ description: 'Only bookings that end after this instant.' }).optional(),
        to: Instant.meta({ description: 'Only bookings that start before this instant.' }).optional(),
        as: z
          .enum(['customer', 'specialist', 'admin'])
          .meta({
            description:
              'Bookings of the caller, with the caller as specialist, or all. Default: `admin` for an admin, otherwise `customer`.',
          })
          .optional(),
        kind: z
          .enum(['booking', 'attendance'])
          .meta({
            description: '`attendance`: seats with a price; `booking`: all others.',
          })
          .optional(),
        locationId: Id.meta({ description: 'Only this location.' }).optional(),
        userId: Id.meta({
          description: 'Only bookings of this user.',
        }).optional(),
        order: z.enum(['created', 'start']).default('created').meta({
          description: '`created`: newest first; `start`: earliest start first.',
        }),
        ...page,
        cursor: z
          .union([Id, StartCursor])
          .meta({ description: '`nextCursor` of the previous page.' })
          .optional(),
      }),
    )
    .output(listOf(ListedBookingSchema))
    .query(({ ctx, input }) => bookings.listBookings(ctx, input)),

  byId: signedInProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/bookings/{id}',
        tags,
        summary: 'Get a booking',
        description:
          'Returns a booking to its owner, its specialist or an admin. Any other caller gets `NOT_FOUND`.',
      },
    })
    .input(byId)
    .output(BookingSchema)
    .query(({ ctx, input }) => bookings.getBooking(ctx, input)),

  create: claimingProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/bookings',
        tags,
        summary: 'Hold a time',
        description:
          'Holds consecutive slots of a space (`spaceId`) or a service with its specialist (`serviceId`), for 15 minutes by default. A service that needs a room also holds a suitable one, or the one in `spaceId`. Refused with `SLOT_TAKEN` if the time is taken.',
      },
    })
    .input(
      z
        .strictObject({
          spaceId: Id.meta({ description: 'The space to hold; with `serviceId`, the room.' }).optional(),
          specialistId: Id.meta({ description: 'Must be the specialist of the service.' }).optional(),
          serviceId: Id.optional(),
          startsAt: Instant,
          endsAt: Instant.meta({ description: 'Default: the end of one slot.' }).optional(),
          notes: Prose(2000).optional(),
        })
        .refine(({ spaceId, serviceId, specialistId }) => serviceId || (spaceId && !specialistId), {
          path: ['serviceId'],
          error: 'is required unless spaceId is sent without specialistId',
        }),
    )
    .output(BookingSchema)
    .mutation(({ ctx, input: { startsAt, endsAt, ...request } }) =>
      holdTime(ctx, {
        ...request,
        startsAt: new Date(startsAt),
        endsAt: endsAt ? new Date(endsAt) : undefined,
      }),
    ),

  confirm: signedInProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/bookings/{id}/confirm',
        tags,
        summary: 'Confirm a booking',
        description:
          "Confirms the caller's hold if no payment is due; it becomes `pending` if the specialist must approve it. Refused with `PAYMENT_REQUIRED` or `HOLD_EXPIRED`. A hold that is paid is confirmed without this call.",
      },
    })
    .input(byId)
    .output(BookingSchema)
    .mutation(({ ctx, input }) => bookings.confirmBooking(ctx, input)),

  reschedule: signedInProcedure
    .meta({
      openapi: {
        method: 'PUT',
        path: '/bookings/{id}',
        tags,
        summary: 'Reschedule a booking',
        description:
          "Changes the time, the space or the notes of the caller's own hold or confirmed booking. A start without an end keeps the length. If the new time is taken, the booking remains as it is.",
      },
    })
    .input(
      z.strictObject({
        id: Id,
        startsAt: Instant.optional(),
        endsAt: Instant.optional(),
        spaceId: Id.meta({ description: 'Another space or room.' }).optional(),
        notes: Prose(2000).nullable().optional(),
      }),
    )
    .output(BookingSchema)
    .mutation(({ ctx, input }) => rescheduleBooking(ctx, input)),

  previewRefund: signedInProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/bookings/{id}/refund',
        tags,
        summary: 'Preview a refund',
        description:
          'Returns the money and points that would be refunded if the caller cancelled now: the share in the cancellation policy for the owner, everything for the specialist or an admin.',
      },
    })
    .input(byId)
    .output(RefundPreviewSchema)
    .query(({ ctx, input }) => bookings.previewRefund(ctx, input)),

  cancel: signedInProcedure
    .meta({
      openapi: {
        method: 'DELETE',
        path: '/bookings/{id}',
        tags,
        summary: 'Cancel a booking',
        description:
          'Releases a hold, or cancels a booking that has not started. The owner gets a refund by the cancellation policy, or a full one if the specialist or an admin cancels. Refused with `NOT_CANCELLABLE` after the start.',
      },
    })
    .input(byId)
    .output(BookingSchema)
    .mutation(({ ctx, input }) => bookings.cancelBooking(ctx, input)),

  accept: signedInProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/bookings/{id}/accept',
        tags,
        summary: 'Accept a booking',
        description:
          'Confirms a booking that is waiting for approval. For its specialist and admins, until `answerBy`.',
      },
    })
    .input(byId)
    .output(BookingSchema)
    .mutation(({ ctx, input }) => bookings.acceptBooking(ctx, input)),

  decline: signedInProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/bookings/{id}/decline',
        tags,
        summary: 'Decline a booking',
        description:
          'Declines a booking that is waiting for approval, frees its time and refunds it in full. For its specialist and admins.',
      },
    })
    .input(byId)
    .output(BookingSchema)
    .mutation(({ ctx, input }) => bookings.declineBooking(ctx, input)),

  complete: signedInProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/bookings/{id}/complete',
        tags,
        summary: 'Complete a booking',
        description:
          'Marks a confirmed booking as completed once its time and buffer are over. For its specialist and admins; the server also does this on its own.',
      },
    })
    .input(byId)
    .output(BookingSchema)
    .mutation(({ ctx, input }) => bookings.completeBooking(ctx, input)),

  noShow: signedInProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/bookings/{id}/no-show',
        tags,
        summary: 'Mark a no-show',
        description:
          'Records that the user did not arrive, and frees the rest of the time. Nothing is refunded. For its specialist and admins, after the start.',
      },
    })
    .input(byId)
    .output(BookingSchema)
    .mutation(({ ctx, input }) => bookings.markNoShow(ctx, input)),
})
