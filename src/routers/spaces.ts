import { z } from 'zod'
import { Id, Instant, Line, LocalDate, listOf, Ok, page, whole } from '../schemas/common'
import { SpaceKindSchema, SpaceSchema, spaceSettings } from '../schemas/spaces'
import * as spaces from '../services/catalog/spaces'
import { adminProcedure, publicProcedure, router } from '../trpc'

const tags = ['Spaces']
const filter = {
  locationId: Id.meta({ description: 'Only this location.' }).optional(),
  kind: SpaceKindSchema.meta({ description: 'Only this kind.' }).optional(),
  minCapacity: whole(1, 10_000).meta({ description: 'Minimum capacity of a unit.' }).optional(),
}
export const spacesRouter = router({
  list: publicProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/spaces',
        tags,
        protect: false,
        summary: 'List spaces',
        description: 'Returns all spaces, oldest first. Filters by location, kind and capacity.',
      },
    })
    .input(z.strictObject({ ...filter, ...page }))
    .output(listOf(SpaceSchema))
    .query(({ ctx, input }) => spaces.listSpaces(ctx, input)),

  search: publicProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/spaces/search',
        tags,
        protect: false,
        summary: 'Search available spaces',
        description:
          'Returns spaces that can be held for the whole period from `from` to `to`, or that have a free slot on `date`. Without sign-in, the result can be up to five minutes old.',
      },
    })
    .input(
      z.strictObject({
        from: Instant.meta({ description: 'Start of the period; requires `to`.' }).optional(),
        to: Instant.meta({ description: 'End of the period; requires `from`.' }).optional(),
        date: LocalDate.meta({
          description: 'Replaces `from` and `to`: spaces with a free slot on this local date.',
        }).optional(),
        ...filter,
        ...page,
      }),
    )
    .output(listOf(SpaceSchema))
    .query(({ ctx, input }) => spaces.searchSpaces(ctx, input)),

  byId: publicProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/spaces/{id}',
        tags,
        protect: false,
        summary: 'Get a space',
        description: 'Returns a space with its prices, rules, cancellation policy and rating.',
      },
    })
    .input(z.strictObject({ id: Id }))
    .output(SpaceSchema)
    .query(({ ctx, input }) => spaces.getSpace(ctx, input)),

  create: adminProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/spaces',
        tags,
        summary: 'Create a space',
        description:
          'Adds a space to a location; settings that are omitted get defaults. Refused with `VALIDATION` if the price cannot be paid by card. Admins only.',
      },
    })
    .input(z.strictObject({ locationId: Id, name: Line(200), kind: SpaceKindSchema, ...spaceSettings }))
    .output(SpaceSchema)
    .mutation(({ ctx, input }) => spaces.createSpace(ctx, input)),

  update: adminProcedure
    .meta({
      openapi: {
        method: 'PATCH',
        path: '/spaces/{id}',
        tags,
        summary: 'Update a space',
        description:
          'Changes the fields that are sent. Refused with `INVALID_STATE` if it would remove units that have active bookings. Admins only.',
      },
    })
    .input(
      z.strictObject({
        id: Id,
        name: Line(200).optional(),
        kind: SpaceKindSchema.optional(),
        ...spaceSettings,
      }),
    )
    .output(SpaceSchema)
    .mutation(({ ctx, input }) => spaces.updateSpace(ctx, input)),

  remove: adminProcedure
    .meta({
      openapi: {
        method: 'DELETE',
        path: '/spaces/{id}',
        tags,
        summary: 'Delete a space',
        description:
          'Removes a space; past bookings remain. Refused with `INVALID_STATE` while it has active bookings. Admins only.',
      },
    })
    .input(z.strictObject({ id: Id }))
    .output(Ok)
    .mutation(({ ctx, input }) => spaces.removeSpace(ctx, input)),
})
