import { z } from 'zod'
import { CheckInSchema, DoorCodeSchema, PresentSchema } from '../schemas/check-ins'
import { Id, Line, Ok, Prose, page } from '../schemas/common'
import { checkIn, checkOut, listPresent } from '../services/check-ins/check-ins'
import { getDoorCode } from '../services/locations/door-codes'
import { getScreenCode, renewDoorScreen } from '../services/locations/door-screens'
import { adminProcedure, publicProcedure, router, signedInProcedure } from '../trpc'

const tags = ['Community']

export const checkInsRouter = router({
  checkIn: signedInProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/check-ins',
        tags,
        summary: 'Say that one is here',
        description: 'By hand with a location, with the code at its door, or for a booking.',
      },
    })
    .input(
      z.strictObject({
        locationId: Id.optional(),
        code: Line(500).optional(),
        bookingId: Id.optional(),
        note: Prose(200).optional(),
      }),
    )
    .output(CheckInSchema)
    .mutation(({ ctx, input }) => checkIn(ctx, input)),

  checkOut: signedInProcedure
    .meta({
      openapi: { method: 'DELETE', path: '/check-ins/current', tags, summary: 'Say that one has left' },
    })
    .input(z.strictObject({}).optional())
    .output(Ok)
    .mutation(({ ctx }) => checkOut(ctx)),

  present: signedInProcedure
    .meta({ openapi: { method: 'GET', path: '/check-ins', tags, summary: 'Who is at a location' } })
    .input(z.strictObject({ locationId: Id, ...page }))
    .output(PresentSchema)
    .query(({ ctx, input }) => listPresent(ctx, input)),

  doorCode: adminProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/locations/{id}/door-code',
        tags,
        summary: 'The code at the door',
        description: 'As an image alone where `image/svg+xml` is asked for.',
      },
    })
    .input(z.strictObject({ id: Id }))
    .output(DoorCodeSchema)
    .query(({ ctx, input }) => getDoorCode(ctx, input)),

  renewDoorScreen: adminProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/locations/{id}/door-screen',
        tags,
        summary: 'A new address for the screen at a door',
        description:
          'It shows the code there, and nobody need be signed in at it. The address that it had before ends.',
      },
    })
    .input(z.strictObject({ id: Id }))
    .output(z.object({ secret: z.string(), url: z.string() }))
    .mutation(({ ctx, input }) => renewDoorScreen(ctx, input)),

  screenCode: publicProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/door-screens/{secret}',
        tags,
        protect: false,
        summary: 'The code at the door, for the screen there',
        description: 'As an image alone where `image/svg+xml` is asked for.',
      },
    })
    .input(z.strictObject({ secret: Line(100) }))
    .output(DoorCodeSchema)
    .query(({ ctx, input }) => getScreenCode(ctx, input)),
})
