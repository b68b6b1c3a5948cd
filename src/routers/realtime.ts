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
    // Clients send `lastEventId` when they reconnect. It is not used: every stream starts with the whole board.
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
      openapi: {
        method: 'GET',
        path: '/realtime/stats',
        tags,
        summary: 'Get connection statistics',
        description:
          'Returns the connections, watched boards and messages of the server process that responds. Admins only.',
      },
    })
    .input(z.strictObject({}).optional())
    .output(
      z.object({
        sockets: z.int(),
        signedIn: z.int().meta({ description: 'Sockets of signed-in users.' }),
        eventStreams: z.int().meta({ description: 'Open streams of server-sent events.' }),
        watchedSpaces: z.int().meta({ description: 'Watched calendars, of spaces and specialists.' }),
        watchedBoards: z.int().meta({ description: 'Watched days of these calendars.' }),
        messagesIn: z.int().meta({ description: 'Messages received since the start.' }),
        messagesOut: z.int().meta({ description: 'Messages published since the start.' }),
        slowReadersClosed: z.int().meta({ description: 'Sockets closed because they read too slowly.' }),
      }),
    )
    .query(({ ctx }) => ctx.realtimeStats()),

  announce: adminProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/announcements',
        tags,
        summary: 'Send an announcement',
        description: 'Sends a message to all connected sockets. It is not stored. Admins only.',
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
