import { z } from 'zod'
import { Id, Line, LocalDate, listOf, Ok, Prose, page, whole } from '../schemas/common'
import { BoardSchema, Without } from '../schemas/slots'
import { HoursInput } from '../schemas/spaces'
import { SpecialistSchema } from '../schemas/specialists'
import { getBoard } from '../services/calendar/boards'
import { listSpecialists } from '../services/catalog/search-specialists'
import * as specialists from '../services/catalog/specialists'
import { publicProcedure, router, specialistProcedure } from '../trpc'

const tags = ['Specialists']
const settings = {
  name: Line(200).optional(),
  about: Prose(5000).optional(),
  slotMinutes: whole(5, 1440)
    .meta({ description: 'Length of a slot on a day without a service.' })
    .optional(),
  minNoticeMinutes: whole(0, 525_600).meta({ description: 'Minimum time from booking to start.' }).optional(),
  maxNoticeDays: whole(1, 3650).meta({ description: 'Maximum time from booking to start.' }).optional(),
  hours: HoursInput.optional(),
}

export const specialistsRouter = router({
  list: publicProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/specialists',
        tags,
        protect: false,
        summary: 'List specialists',
        description:
          'Returns all specialists, oldest first. Filters by location, city, service, rating and availability on a date.',
      },
    })
    .input(
      z.strictObject({
        userId: Id.meta({ description: 'The profile of this user.' }).optional(),
        locationId: Id.meta({ description: 'Only this location.' }).optional(),
        city: Line(200).meta({ description: 'Only locations in this city.' }).optional(),
        service: Line(200).meta({ description: 'Part of the name of a service.' }).optional(),
        serviceId: Id.meta({ description: 'Only the specialist of this service.' }).optional(),
        date: LocalDate.meta({
          description: 'Only specialists with a free time on this local date.',
        }).optional(),
        minRating: z.number().min(1).max(5).meta({ description: 'Minimum average rating.' }).optional(),
        ...page,
      }),
    )
    .output(listOf(SpecialistSchema))
    .query(({ ctx, input }) => listSpecialists(ctx, input)),

  byId: publicProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/specialists/{id}',
        tags,
        protect: false,
        summary: 'Get a specialist',
        description: 'Returns the profile of a specialist with weekly hours and rating.',
      },
    })
    .input(z.strictObject({ id: Id }))
    .output(SpecialistSchema)
    .query(({ ctx, input }) => specialists.getSpecialist(ctx, input)),

  day: publicProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/specialists/{id}/slots/{date}',
        tags,
        protect: false,
        summary: 'Get a day of a specialist',
        description:
          'Returns the board of a specialist. With `serviceId`, the slots are those of the service and can be held; without it, they only show when the specialist is busy.',
      },
    })
    .input(
      z.strictObject({
        id: Id,
        date: LocalDate,
        serviceId: Id.meta({ description: 'Service of the slots.' }).optional(),
        without: Without,
      }),
    )
    .output(BoardSchema)
    .query(({ ctx, input: { id, ...day } }) => getBoard(ctx, { specialistId: id, ...day })),

  create: specialistProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/specialists',
        tags,
        summary: 'Create a specialist',
        description:
          'Adds a profile for a user with the role `specialist`. Specialists can add only their own profile, admins any.',
      },
    })
    .input(
      z.strictObject({
        userId: Id.meta({ description: 'Default: the caller.' }).optional(),
        locationId: Id,
        ...settings,
      }),
    )
    .output(SpecialistSchema)
    .mutation(({ ctx, input }) => specialists.createSpecialist(ctx, input)),

  update: specialistProcedure
    .meta({
      openapi: {
        method: 'PATCH',
        path: '/specialists/{id}',
        tags,
        summary: 'Update a specialist',
        description:
          'Changes the fields that are sent; `hours` replaces all weekly hours. Specialists can change only their own profile, admins any.',
      },
    })
    .input(z.strictObject({ id: Id, ...settings }))
    .output(SpecialistSchema)
    .mutation(({ ctx, input }) => specialists.updateSpecialist(ctx, input)),

  remove: specialistProcedure
    .meta({
      openapi: {
        method: 'DELETE',
        path: '/specialists/{id}',
        tags,
        summary: 'Delete a specialist',
        description:
          'Removes the profile of a specialist. Refused with `INVALID_STATE` while users have active bookings. Specialists can remove only their own profile, admins any.',
      },
    })
    .input(z.strictObject({ id: Id }))
    .output(Ok)
    .mutation(({ ctx, input }) => specialists.removeSpecialist(ctx, input)),
})
