import { z } from 'zod'
import { renewCalendar } from '../services/calendarFiles'
import { router, signedInProcedure } from '../trpc'

export const calendarRouter = router({
  renew: signedInProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/calendar/secret',
        tags: ['Community'],
        summary: "A new address for one's calendar feed",
        description: 'The address that it had before ends.',
      },
    })
    .input(z.strictObject({}).optional())
    .output(z.object({ secret: z.string(), url: z.string() }))
    .mutation(({ ctx }) => renewCalendar(ctx)),
})
