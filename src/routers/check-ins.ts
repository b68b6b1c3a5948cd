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
        summary: 'Check in',
        description:
          'Checks the caller in at a location, with the code at its door or for a booking, and ends a check-in at another location. Checking in for a booking records the arrival, from one hour before its start until its end.',
      },
    })
    .input(
      z.strictObject({
        locationId: Id.optional(),
        code: Line(500).meta({ description: 'The scanned code, or the address in its QR image.' }).optional(),
        bookingId: Id.optional(),
        note: Prose(200).meta({ description: 'Shown to others at the location.' }).optional(),
      }),
    )
    .output(CheckInSchema)
    .mutation(({ ctx, input }) => checkIn(ctx, input)),

  checkOut: signedInProcedure
    .meta({
      openapi: {
        method: 'DELETE',
        path: '/check-ins/current',
        tags,
        summary: 'Check out',
        description: "Ends the caller's check-in. Refused with `NOT_FOUND` if the caller is not checked in.",
      },
    })
    .input(z.strictObject({}).optional())
    .output(Ok)
    .mutation(({ ctx }) => checkOut(ctx)),

  present: signedInProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/check-ins',
        tags,
        summary: 'List check-ins',
        description:
          'Returns the current check-ins at a location, earliest first. Those of hidden users have no name or note.',
      },
    })
    .input(z.strictObject({ locationId: Id.meta({ description: 'The location.' }), ...page }))
    .output(PresentSchema)
    .query(({ ctx, input }) => listPresent(ctx, input)),

  doorCode: adminProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/locations/{id}/door-code',
        tags,
        summary: 'Get a door code',
        description:
          'Returns the code at the door of a location, which changes every minute. With `Accept: image/svg+xml`, returns only its QR image. Admins only.',
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
        summary: 'Renew a door screen',
        description:
          'Creates a new address for the screen that shows the code at a door, and disables the previous one. The screen needs no sign-in. Admins only.',
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
        summary: 'Get the code for a door screen',
        description:
          'Returns the current code of the location that the screen belongs to. With `Accept: image/svg+xml`, returns only its QR image.',
      },
    })
    .input(z.strictObject({ secret: Line(100) }))
    .output(DoorCodeSchema)
    .query(({ ctx, input }) => getScreenCode(ctx, input)),
})
