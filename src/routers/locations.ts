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
    .meta({ openapi: { method: 'GET', path: '/locations', tags, protect: false, summary: 'All locations' } })
    .input(z.strictObject(page))
    .output(listOf(LocationSchema))
    .query(({ ctx, input }) => locations.listLocations(ctx, input)),

  byId: publicProcedure
    .meta({
      openapi: { method: 'GET', path: '/locations/{id}', tags, protect: false, summary: 'One location' },
    })
    .input(z.strictObject({ id: Id }))
    .output(LocationSchema)
    .query(({ ctx, input }) => locations.getLocation(ctx, input)),

  create: adminProcedure
    .meta({ openapi: { method: 'POST', path: '/locations', tags, summary: 'Open a location' } })
    .input(z.strictObject(fields))
    .output(LocationSchema)
    .mutation(({ ctx, input }) => locations.createLocation(ctx, input)),

  update: adminProcedure
    .meta({ openapi: { method: 'PATCH', path: '/locations/{id}', tags, summary: 'Change a location' } })
    .input(z.strictObject({ id: Id, ...z.object(fields).partial().shape }))
    .output(LocationSchema)
    .mutation(({ ctx, input }) => locations.updateLocation(ctx, input)),

  remove: adminProcedure
    .meta({
      openapi: { method: 'DELETE', path: '/locations/{id}', tags, summary: 'Take a location out of use' },
    })
    .input(z.strictObject({ id: Id }))
    .output(Ok)
    .mutation(({ ctx, input }) => locations.removeLocation(ctx, input)),
})
