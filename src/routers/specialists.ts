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
  slotMinutes: whole(5, 1440).optional(),
  minNoticeMinutes: whole(0, 525_600).optional(),
  maxNoticeDays: whole(1, 3650).optional(),
  hours: HoursInput.optional(),
}
const ownOrAdmin = 'An admin; a specialist for themselves.'

export const specialistsRouter = router({
  list: publicProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/specialists',
        tags,
        protect: false,
        summary: 'Specialists, by service, place, day and rating',
      },
    })
    .input(
      z.strictObject({
        userId: Id.optional().meta({ description: 'Who this person is as a specialist.' }),
        locationId: Id.optional(),
        city: Line(200).optional(),
        service: Line(200).optional().meta({ description: 'A part of the name of a service.' }),
        serviceId: Id.optional(),
        date: LocalDate.optional().meta({ description: 'Only who has something free on this local date.' }),
        minRating: z.number().min(1).max(5).optional(),
        ...page,
      }),
    )
    .output(listOf(SpecialistSchema))
    .query(({ ctx, input }) => listSpecialists(ctx, input)),

  byId: publicProcedure
    .meta({
      openapi: { method: 'GET', path: '/specialists/{id}', tags, protect: false, summary: 'One specialist' },
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
        summary: 'The day of a specialist',
        description:
          'With a `serviceId` the slots are those of the service, and their ids can be held. Without one they show when the specialist is busy.',
      },
    })
    .input(z.strictObject({ id: Id, date: LocalDate, serviceId: Id.optional(), without: Without }))
    .output(BoardSchema)
    .query(({ ctx, input: { id, ...day } }) => getBoard(ctx, { specialistId: id, ...day })),

  create: specialistProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/specialists',
        tags,
        summary: 'Add a specialist',
        description: ownOrAdmin,
      },
    })
    .input(z.strictObject({ userId: Id.optional(), locationId: Id, ...settings }))
    .output(SpecialistSchema)
    .mutation(({ ctx, input }) => specialists.createSpecialist(ctx, input)),

  update: specialistProcedure
    .meta({
      openapi: {
        method: 'PATCH',
        path: '/specialists/{id}',
        tags,
        summary: 'Change a specialist',
        description: ownOrAdmin,
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
        summary: 'Take a specialist out of use',
        description: ownOrAdmin,
      },
    })
    .input(z.strictObject({ id: Id }))
    .output(Ok)
    .mutation(({ ctx, input }) => specialists.removeSpecialist(ctx, input)),
})
