import { z } from 'zod'
import { Currency, Id, Line, listOf, Ok, page, whole } from '../schemas/common'
import { CancellationInput, SpaceKindSchema } from '../schemas/spaces'
import { ServiceSchema } from '../schemas/specialists'
import * as services from '../services/catalog/services'
import { publicProcedure, router, specialistProcedure } from '../trpc'

const tags = ['Services']
const settings = {
  durationMinutes: whole(5, 1440).optional(),
  bufferMinutes: whole(0, 1440)
    .meta({ description: 'Time after each booking that cannot be booked.' })
    .optional(),
  priceMinor: whole(0, 10_000_000).meta({ description: 'In minor units, without the room.' }).optional(),
  depositMinor: whole(0, 10_000_000)
    .meta({
      description: 'Part of the price that is paid when booking, in minor units; 0 for the whole price.',
    })
    .optional(),
  currency: Currency.optional(),
  needsApproval: z
    .boolean()
    .meta({ description: 'Whether the specialist must accept each booking.' })
    .optional(),
  answerHours: whole(1, 720)
    .meta({ description: 'Hours within which the specialist must accept a booking.' })
    .optional(),
  needsRoom: z.boolean().optional(),
  roomKind: SpaceKindSchema.optional(),
  roomCapacity: whole(1, 10_000).meta({ description: 'Minimum capacity of the room.' }).optional(),
  cancellation: CancellationInput.optional(),
}

export const servicesRouter = router({
  list: publicProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/services',
        tags,
        protect: false,
        summary: 'List services',
        description:
          'Returns the services of all specialists, or of one specialist or location, oldest first.',
      },
    })
    .input(
      z.strictObject({
        specialistId: Id.meta({ description: 'Only this specialist.' }).optional(),
        locationId: Id.meta({ description: 'Only specialists at this location.' }).optional(),
        ...page,
      }),
    )
    .output(listOf(ServiceSchema))
    .query(({ ctx, input }) => services.listServices(ctx, input)),

  create: specialistProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/services',
        tags,
        summary: 'Create a service',
        description:
          'Adds a service to a specialist. Refused with `VALIDATION` if the deposit exceeds the price. Specialists can add services only to themselves, admins to anyone.',
      },
    })
    .input(z.strictObject({ specialistId: Id, name: Line(200), ...settings }))
    .output(ServiceSchema)
    .mutation(({ ctx, input }) => services.createService(ctx, input)),

  update: specialistProcedure
    .meta({
      openapi: {
        method: 'PATCH',
        path: '/services/{id}',
        tags,
        summary: 'Update a service',
        description:
          'Changes the fields that are sent; existing bookings keep their terms. For its specialist and admins.',
      },
    })
    .input(z.strictObject({ id: Id, name: Line(200).optional(), ...settings }))
    .output(ServiceSchema)
    .mutation(({ ctx, input }) => services.updateService(ctx, input)),

  remove: specialistProcedure
    .meta({
      openapi: {
        method: 'DELETE',
        path: '/services/{id}',
        tags,
        summary: 'Delete a service',
        description: 'Removes a service; existing bookings remain. For its specialist and admins.',
      },
    })
    .input(z.strictObject({ id: Id }))
    .output(Ok)
    .mutation(({ ctx, input }) => services.removeService(ctx, input)),
})
