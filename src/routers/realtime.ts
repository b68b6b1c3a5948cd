import { z } from 'zod'
import { announce } from '../services/announcements'
import { Line, Ok } from '../shapes/common'
import { adminProcedure, router } from '../trpc'

const tags = ['Live']

export const realtimeRouter = router({
  stats: adminProcedure
    .meta({
      openapi: { method: 'GET', path: '/realtime/stats', tags, summary: 'Who is connected to this server' },
    })
    .input(z.strictObject({}).optional())
    .output(
      z.object({
        sockets: z.int(),
        signedIn: z.int(),
        watchedSpaces: z.int(),
        watchedBoards: z.int(),
        messagesIn: z.int(),
        messagesOut: z.int(),
        slowReadersClosed: z.int(),
      }),
    )
    .query(({ ctx }) => ctx.realtimeStats()),

  announce: adminProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/announcements',
        tags,
        summary: 'Speak to everyone who is connected',
      },
    })
    .input(z.strictObject({ message: Line(1000) }))
    .output(Ok)
    .mutation(({ ctx, input }) => announce(ctx, input)),
})
