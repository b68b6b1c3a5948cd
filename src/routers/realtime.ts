import { tracked } from '@trpc/server'
import { z } from 'zod'
import { Id, Line, LocalDate, Ok } from '../schemas/common'
import type { BoardMessage, LocationMessage } from '../schemas/socket-messages'
import { announce } from '../services/notifications/announcements'
import { adminProcedure, publicProcedure, router } from '../trpc'

const tags = ['Live']
const lastEventId = z.string().max(100).nullish()

export const realtimeRouter = router({
  watch: publicProcedure
    // The id of the last event comes back with a reconnect; the board is sent whole then, whatever it was.
    .input(
      z.union([
        z.strictObject({ spaceId: Id, date: LocalDate, lastEventId }),
        z.strictObject({ specialistId: Id, date: LocalDate, serviceId: Id.optional(), lastEventId }),
      ]),
    )
    .subscription(
      async ({ ctx, input: { lastEventId: _, ...board }, signal = new AbortController().signal }) =>
        trackVersions(await ctx.watchBoard(board, signal)),
    ),

  watchLocation: publicProcedure
    .input(z.strictObject({ locationId: Id, lastEventId }))
    .subscription(async ({ ctx, input: { locationId }, signal = new AbortController().signal }) =>
      trackVersions(await ctx.watchLocation(locationId, signal)),
    ),

  stats: adminProcedure
    .meta({
      openapi: { method: 'GET', path: '/realtime/stats', tags, summary: 'Who is connected to this server' },
    })
    .input(z.strictObject({}).optional())
    .output(
      z.object({
        sockets: z.int(),
        signedIn: z.int(),
        eventStreams: z.int(),
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

async function* trackVersions<Message extends BoardMessage | LocationMessage>(
  messages: AsyncIterable<Message>,
) {
  for await (const message of messages) yield tracked(String(message.version), message)
}
