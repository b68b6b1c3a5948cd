import { z } from 'zod'
import { Id, Line, listOf, Ok, Prose, page, TimeZone } from '../schemas/common'
import { HoursInput, LocationSchema } from '../schemas/spaces'
import * as locations from '../services/locations/locations'
import { adminProcedure, publicProcedure, router } from '../trpc'

const tags = ['Locations']
const fields = {
  name: Line(200),
  timeZone: TimeZone,
  hours: HoursInput,
  address: Prose(500).optional(),
  city: Prose(200).optional(),
}

export const locationsRouter = router({
  list: publicProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/locations',
        tags,
        protect: false,
        summary: 'List locations',
        description: 'Returns all locations, oldest first.',
      },
    })
    .input(z.strictObject(page))
    .output(listOf(LocationSchema))
    .query(({ ctx, input }) => locations.listLocations(ctx, input)),

  byId: publicProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/locations/{id}',
        tags,
        protect: false,
        summary: 'Get a location',
        description: 'Returns a location with its time zone and opening hours.',
      },
    })
    .input(z.strictObject({ id: Id }))
    .output(LocationSchema)
    .query(({ ctx, input }) => locations.getLocation(ctx, input)),

  create: adminProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/locations',
        tags,
        summary: 'Create a location',
        description: 'Adds a location with its time zone and opening hours. Admins only.',
      },
    })
    .input(z.strictObject(fields))
    .output(LocationSchema)
    .mutation(({ ctx, input }) => locations.createLocation(ctx, input)),

  update: adminProcedure
    .meta({
      openapi: {
        method: 'PATCH',
        path: '/locations/{id}',
        tags,
        summary: 'Update a location',
        description:
          'Changes the fields that are sent; `hours` replaces all opening hours. Existing bookings remain. Admins only.',
      },
    })
    .input(z.strictObject({ id: Id, ...z.object(fields).partial().shape }))
    .output(LocationSchema)
    .mutation(({ ctx, input }) => locations.updateLocation(ctx, input)),

  remove: adminProcedure
    .meta({
      openapi: {
        method: 'DELETE',
        path: '/locations/{id}',
        tags,
        summary: 'Delete a location',
        description:
          'Removes a location with its spaces and specialists; past bookings remain. Refused with `INVALID_STATE` while it has active bookings or coming events. Admins only.',
      },
    })
    .input(z.strictObject({ id: Id }))
    .output(Ok)
    .mutation(({ ctx, input }) => locations.removeLocation(ctx, input)),
})
