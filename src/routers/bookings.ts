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
const one = z.strictObject({ id: Id })

export const bookingsRouter = router({
  list: signedInProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/bookings',
        tags,
        summary: "One's bookings; for an admin, all; as a specialist, those of others",
      },
    })
    .input(
      z.strictObject({
        status: BookingStatusSchema.optional(),
        from: Instant.optional(),
        to: Instant.optional(),
        as: z.enum(['customer', 'specialist', 'admin']).optional(),
        kind: z.enum(['booking', 'attendance']).optional().meta({
          description: '`attendance`: places at events that have a price; `booking`: all others.',
        }),
        locationId: Id.optional(),
        userId: Id.optional().meta({
          description: 'Whoever has booked, for those who see bookings of others.',
        }),
        order: z.enum(['created', 'start']).default('created').meta({
          description: '`created`: the newest first; `start`: those that take place first come first.',
        }),
        ...page,
        cursor: z.union([Id, StartCursor]).optional(),
      }),
    )
    .output(listOf(ListedBookingSchema))
    .query(({ ctx, input }) => bookings.listBookings(ctx, input)),

  byId: signedInProcedure
    .meta({ openapi: { method: 'GET', path: '/bookings/{id}', tags, summary: 'One booking' } })
    .input(one)
    .output(BookingSchema)
    .query(({ ctx, input }) => bookings.getBooking(ctx, input)),

  create: claimingProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/bookings',
        tags,
        summary: 'Hold a time, of one slot or several in a row',
        description:
          'Of a space by its `spaceId`; of a specialist by the `serviceId`. Where a service needs a room, one that fits is held with it, or the one that `spaceId` names: both or neither.',
      },
    })
    .input(
      z
        .strictObject({
          spaceId: Id.optional(),
          specialistId: Id.optional(),
          serviceId: Id.optional(),
          startsAt: Instant,
          endsAt: Instant.optional(),
          notes: Prose(2000).optional(),
        })
        .refine(({ spaceId, serviceId, specialistId }) => serviceId || (spaceId && !specialistId), {
          path: ['serviceId'],
          error: 'is needed for a specialist; a space needs a spaceId',
        }),
    )
    .output(BookingSchema)
    .mutation(({ ctx, input: { startsAt, endsAt, ...wish } }) =>
      holdTime(ctx, {
        ...wish,
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
        summary: 'Confirm what is free or paid',
      },
    })
    .input(one)
    .output(BookingSchema)
    .mutation(({ ctx, input }) => bookings.confirmBooking(ctx, input)),

  reschedule: signedInProcedure
    .meta({
      openapi: {
        method: 'PUT',
        path: '/bookings/{id}',
        tags,
        summary: 'Move a booking, or change its notes',
      },
    })
    .input(
      z.strictObject({
        id: Id,
        startsAt: Instant.optional(),
        endsAt: Instant.optional(),
        spaceId: Id.optional(),
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
        summary: 'What comes back if one cancels now',
      },
    })
    .input(one)
    .output(RefundPreviewSchema)
    .query(({ ctx, input }) => bookings.previewRefund(ctx, input)),

  cancel: signedInProcedure
    .meta({ openapi: { method: 'DELETE', path: '/bookings/{id}', tags, summary: 'Cancel a booking' } })
    .input(one)
    .output(BookingSchema)
    .mutation(({ ctx, input }) => bookings.cancelBooking(ctx, input)),

  accept: signedInProcedure
    .meta({
      openapi: { method: 'POST', path: '/bookings/{id}/accept', tags, summary: 'Say yes, as its specialist' },
    })
    .input(one)
    .output(BookingSchema)
    .mutation(({ ctx, input }) => bookings.acceptBooking(ctx, input)),

  decline: signedInProcedure
    .meta({
      openapi: { method: 'POST', path: '/bookings/{id}/decline', tags, summary: 'Say no, as its specialist' },
    })
    .input(one)
    .output(BookingSchema)
    .mutation(({ ctx, input }) => bookings.declineBooking(ctx, input)),

  complete: signedInProcedure
    .meta({
      openapi: { method: 'POST', path: '/bookings/{id}/complete', tags, summary: 'Say that it took place' },
    })
    .input(one)
    .output(BookingSchema)
    .mutation(({ ctx, input }) => bookings.completeBooking(ctx, input)),

  noShow: signedInProcedure
    .meta({
      openapi: { method: 'POST', path: '/bookings/{id}/no-show', tags, summary: 'Say that nobody came' },
    })
    .input(one)
    .output(BookingSchema)
    .mutation(({ ctx, input }) => bookings.markNoShow(ctx, input)),
})
