import { z } from 'zod'
import { FeedKindSchema } from '../schemas/users'
import { renewCalendar } from '../services/ical/feeds'
import { router, signedInProcedure } from '../trpc'

export const calendarRouter = router({
  renew: signedInProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/calendar/secret',
        tags: ['Community'],
        summary: 'Renew a calendar feed',
        description:
          'Creates a new address for an iCal feed of the caller and disables the previous one. The secret is returned only once.',
      },
    })
    .input(
      z
        .strictObject({
          of: FeedKindSchema.meta({
            description:
              '`person`: bookings and events of the caller (the default); `specialist`: bookings with the caller.',
          }).optional(),
        })
        .optional(),
    )
    .output(z.object({ secret: z.string(), url: z.string() }))
    .mutation(({ ctx, input = {} }) => renewCalendar(ctx, input)),
})
