import { z } from 'zod'
import { Id, Instant, Line, LocalDate, listOf, Ok, page, whole } from '../schemas/common'
import { SpaceKindSchema, SpaceSchema, spaceSettings } from '../schemas/spaces'
import * as spaces from '../services/catalog/spaces'
import { adminProcedure, publicProcedure, router } from '../trpc'

const tags = ['Spaces']
const filter = {
  locationId: Id.optional(),
  kind: SpaceKindSchema.optional(),
  minCapacity: whole(1, 10_000).optional(),
}
export const spacesRouter = router({
  list: publicProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/spaces',
        tags,
        protect: false,
        summary: 'Spaces, by location, kind and size',
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
        summary: 'Spaces that can be had for a whole period, or at some time of a date',
      },
    })
    .input(
      z.strictObject({
        from: Instant.optional(),
        to: Instant.optional(),
        date: LocalDate.optional().meta({
          description: 'In the place of `from` and `to`: spaces that have a slot on that date.',
        }),
        ...filter,
        ...page,
      }),
    )
    .output(listOf(SpaceSchema))
    .query(({ ctx, input }) => spaces.searchSpaces(ctx, input)),

  byId: publicProcedure
    .meta({ openapi: { method: 'GET', path: '/spaces/{id}', tags, protect: false, summary: 'One space' } })
    .input(z.strictObject({ id: Id }))
    .output(SpaceSchema)
    .query(({ ctx, input }) => spaces.getSpace(ctx, input)),

  create: adminProcedure
    .meta({ openapi: { method: 'POST', path: '/spaces', tags, summary: 'Add a space' } })
    .input(z.strictObject({ locationId: Id, name: Line(200), kind: SpaceKindSchema, ...spaceSettings }))
    .output(SpaceSchema)
    .mutation(({ ctx, input }) => spaces.createSpace(ctx, input)),

  update: adminProcedure
    .meta({ openapi: { method: 'PATCH', path: '/spaces/{id}', tags, summary: 'Change a space' } })
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
    .meta({ openapi: { method: 'DELETE', path: '/spaces/{id}', tags, summary: 'Take a space out of use' } })
    .input(z.strictObject({ id: Id }))
    .output(Ok)
    .mutation(({ ctx, input }) => spaces.removeSpace(ctx, input)),
})
