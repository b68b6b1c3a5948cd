import { z } from 'zod'
import { BookingSchema } from '../schemas/bookings'
import { Id, Instant, listOf, Ok, Prose, page } from '../schemas/common'
import { EventSchema } from '../schemas/events'
import { ClosureSchema } from '../schemas/spaces'
import * as closures from '../services/catalog/closures'
import { publicProcedure, router, specialistProcedure } from '../trpc'

const tags = ['Closures']
const ClosureWithStanding = ClosureSchema.extend({
  standing: z
    .array(BookingSchema)
    .meta({ description: 'Active bookings in the period. They are not cancelled.' }),
  events: z.array(EventSchema).meta({
    description: 'Events without a space in the period, if a whole location closes.',
  }),
}).meta({ id: 'ClosureWithStanding' })

export const closuresRouter = router({
  list: publicProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/closures',
        tags,
        protect: false,
        summary: 'List closures',
        description: 'Returns the closures that have not ended, oldest entry first.',
      },
    })
    .input(
      z.strictObject({
        locationId: Id.meta({ description: 'Only this location.' }).optional(),
        specialistId: Id.meta({ description: 'Only this specialist.' }).optional(),
        ...page,
      }),
    )
    .output(listOf(ClosureSchema))
    .query(({ ctx, input }) => closures.listClosures(ctx, input)),

  create: specialistProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/closures',
        tags,
        summary: 'Create a closure',
        description:
          'Closes a location, one of its spaces or a specialist for a period. Existing bookings and events remain and are returned. Specialists can close only their own calendar.',
      },
    })
    .input(
      z
        .strictObject({
          locationId: Id,
          spaceId: Id.nullable()
            .meta({ description: 'Only this space. Default: the whole location.' })
            .optional(),
          specialistId: Id.nullable().meta({ description: 'Only this specialist.' }).optional(),
          startsAt: Instant,
          endsAt: Instant,
          reason: Prose(500).meta({ description: 'Visible to everyone.' }).optional(),
        })
        .refine(({ spaceId, specialistId }) => !(spaceId && specialistId), {
          path: ['specialistId'],
          error: 'cannot be combined with spaceId',
        }),
    )
    .output(ClosureWithStanding)
    .mutation(({ ctx, input }) => closures.createClosure(ctx, input)),

  update: specialistProcedure
    .meta({
      openapi: {
        method: 'PATCH',
        path: '/closures/{id}',
        tags,
        summary: 'Update a closure',
        description:
          'Changes the period or the reason, and returns the bookings and events that remain. Specialists can change only closures of their own calendar.',
      },
    })
    .input(
      z.strictObject({
        id: Id,
        startsAt: Instant.optional(),
        endsAt: Instant.optional(),
        reason: Prose(500).optional(),
      }),
    )
    .output(ClosureWithStanding)
    .mutation(({ ctx, input }) => closures.updateClosure(ctx, input)),

  remove: specialistProcedure
    .meta({
      openapi: {
        method: 'DELETE',
        path: '/closures/{id}',
        tags,
        summary: 'Delete a closure',
        description:
          'Opens the period for bookings again. Specialists can delete only closures of their own calendar.',
      },
    })
    .input(z.strictObject({ id: Id }))
    .output(Ok)
    .mutation(({ ctx, input }) => closures.removeClosure(ctx, input)),
})
