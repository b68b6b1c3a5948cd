import { z } from 'zod'
import { BookingSchema } from '../schemas/bookings'
import { Id, Instant, listOf, Ok, Prose, page } from '../schemas/common'
import { EventSchema } from '../schemas/events'
import { ClosureSchema } from '../schemas/spaces'
import * as closures from '../services/catalog/closures'
import { publicProcedure, router, specialistProcedure } from '../trpc'

const tags = ['Closures']
const Standing = ClosureSchema.extend({
  standing: z.array(BookingSchema).meta({ description: 'What was booked before and still stands.' }),
  events: z.array(EventSchema).meta({
    description: 'Where a whole location closes: what is on there without a space, and still is.',
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
        summary: 'Closures that are not over',
      },
    })
    .input(z.strictObject({ locationId: Id.optional(), specialistId: Id.optional(), ...page }))
    .output(listOf(ClosureSchema))
    .query(({ ctx, input }) => closures.listClosures(ctx, input)),

  create: specialistProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/closures',
        tags,
        summary: 'Close a location or a space for a while, or give a specialist time off',
        description: 'An admin; a specialist for themselves.',
      },
    })
    .input(
      z
        .strictObject({
          locationId: Id,
          spaceId: Id.nullable().optional(),
          specialistId: Id.nullable().optional(),
          startsAt: Instant,
          endsAt: Instant,
          reason: Prose(500).optional(),
        })
        .refine(({ spaceId, specialistId }) => !(spaceId && specialistId), {
          path: ['specialistId'],
          error: 'closes one calendar: a space or a specialist',
        }),
    )
    .output(Standing)
    .mutation(({ ctx, input }) => closures.createClosure(ctx, input)),

  update: specialistProcedure
    .meta({ openapi: { method: 'PATCH', path: '/closures/{id}', tags, summary: 'Change a closure' } })
    .input(
      z.strictObject({
        id: Id,
        startsAt: Instant.optional(),
        endsAt: Instant.optional(),
        reason: Prose(500).optional(),
      }),
    )
    .output(Standing)
    .mutation(({ ctx, input }) => closures.updateClosure(ctx, input)),

  remove: specialistProcedure
    .meta({ openapi: { method: 'DELETE', path: '/closures/{id}', tags, summary: 'Open again' } })
    .input(z.strictObject({ id: Id }))
    .output(Ok)
    .mutation(({ ctx, input }) => closures.removeClosure(ctx, input)),
})
