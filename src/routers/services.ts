import { z } from 'zod'
import { Currency, Id, Line, listOf, Ok, page, whole } from '../schemas/common'
import { CancellationInput, SpaceKindSchema } from '../schemas/spaces'
import { ServiceSchema } from '../schemas/specialists'
import * as services from '../services/catalog/services'
import { publicProcedure, router, specialistProcedure } from '../trpc'

const tags = ['Services']
const settings = {
  durationMinutes: whole(5, 1440).optional(),
  bufferMinutes: whole(0, 1440).optional(),
  priceMinor: whole(0, 10_000_000).optional(),
  depositMinor: whole(0, 10_000_000).optional(),
  currency: Currency.optional(),
  needsApproval: z.boolean().optional(),
  answerHours: whole(1, 720).optional(),
  needsRoom: z.boolean().optional(),
  roomKind: SpaceKindSchema.optional(),
  roomCapacity: whole(1, 10_000).optional(),
  cancellation: CancellationInput.optional(),
}
const ownOrAdmin = 'An admin; a specialist for themselves.'

export const servicesRouter = router({
  list: publicProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/services',
        tags,
        protect: false,
        summary: 'Services that are offered',
      },
    })
    .input(z.strictObject({ specialistId: Id.optional(), locationId: Id.optional(), ...page }))
    .output(listOf(ServiceSchema))
    .query(({ ctx, input }) => services.listServices(ctx, input)),

  create: specialistProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/services',
        tags,
        summary: 'Offer a service',
        description: ownOrAdmin,
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
        summary: 'Change a service',
        description: ownOrAdmin,
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
        summary: 'Offer a service no longer',
        description: ownOrAdmin,
      },
    })
    .input(z.strictObject({ id: Id }))
    .output(Ok)
    .mutation(({ ctx, input }) => services.removeService(ctx, input)),
})
