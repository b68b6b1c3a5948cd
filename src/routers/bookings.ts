import { z } from 'zod'
import * as bookings from '../services/bookings'
import { holdSpace } from '../services/holds'
import { BookingShape, BookingStatusShape } from '../shapes/bookings'
import { Id, Instant, listOf, Prose, page } from '../shapes/common'
import { claimingProcedure, router, signedInProcedure } from '../trpc'

const tags = ['Bookings']
const one = z.strictObject({ id: Id })

export const bookingsRouter = router({
  list: signedInProcedure
    .meta({
      openapi: { method: 'GET', path: '/bookings', tags, summary: "One's bookings; for an admin, all" },
    })
    .input(
      z.strictObject({
        status: BookingStatusShape.optional(),
        from: Instant.optional(),
        to: Instant.optional(),
        as: z.enum(['customer', 'admin']).optional(),
        ...page,
      }),
    )
    .output(listOf(BookingShape))
    .query(({ ctx, input }) => bookings.listBookings(ctx, input)),

  byId: signedInProcedure
    .meta({ openapi: { method: 'GET', path: '/bookings/{id}', tags, summary: 'One booking' } })
    .input(one)
    .output(BookingShape)
    .query(({ ctx, input }) => bookings.getBooking(ctx, input)),

  create: claimingProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/bookings',
        tags,
        summary: 'Hold a time, of one slot or several in a row',
      },
    })
    .input(
      z.strictObject({
        spaceId: Id,
        startsAt: Instant,
        endsAt: Instant.optional(),
        notes: Prose(2000).optional(),
      }),
    )
    .output(BookingShape)
    .mutation(({ ctx, input: { spaceId, startsAt, endsAt, notes } }) =>
      holdSpace(ctx, {
        spaceId,
        startsAt: new Date(startsAt),
        endsAt: endsAt ? new Date(endsAt) : undefined,
        notes,
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
    .output(BookingShape)
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
    .output(BookingShape)
    .mutation(({ ctx, input }) => bookings.rescheduleBooking(ctx, input)),

  cancel: signedInProcedure
    .meta({ openapi: { method: 'DELETE', path: '/bookings/{id}', tags, summary: 'Cancel a booking' } })
    .input(one)
    .output(BookingShape)
    .mutation(({ ctx, input }) => bookings.cancelBooking(ctx, input)),

  complete: signedInProcedure
    .meta({
      openapi: { method: 'POST', path: '/bookings/{id}/complete', tags, summary: 'Say that it took place' },
    })
    .input(one)
    .output(BookingShape)
    .mutation(({ ctx, input }) => bookings.completeBooking(ctx, input)),

  noShow: signedInProcedure
    .meta({
      openapi: { method: 'POST', path: '/bookings/{id}/no-show', tags, summary: 'Say that nobody came' },
    })
    .input(one)
    .output(BookingShape)
    .mutation(({ ctx, input }) => bookings.markNoShow(ctx, input)),
})
