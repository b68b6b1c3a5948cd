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
        summary: "A new address for one's calendar feed",
        description:
          'The address that it had before ends. A specialist has a second feed, of those who have booked them.',
      },
    })
    .input(z.strictObject({ of: FeedKindSchema.optional() }).optional())
    .output(z.object({ secret: z.string(), url: z.string() }))
    .mutation(({ ctx, input = {} }) => renewCalendar(ctx, input)),
})
