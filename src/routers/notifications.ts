import { z } from 'zod'
import { Id, listOf, page } from '../schemas/common'
import { KIND_NAMES, NotificationSchema, PreferenceSchema } from '../schemas/notifications'
import * as notifications from '../services/notifications/notifications'
import { router, signedInProcedure } from '../trpc'

const tags = ['Notifications']
const preferences = z.object({ items: z.array(PreferenceSchema) })
const wish = z.boolean().optional()

export const notificationsRouter = router({
  list: signedInProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/notifications',
        tags,
        summary: 'What one was told, the newest first, and how much of it is unread',
      },
    })
    .input(z.strictObject(page))
    .output(listOf(NotificationSchema).extend({ unread: z.int() }))
    .query(({ ctx, input }) => notifications.listNotifications(ctx, input)),

  markRead: signedInProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/notifications/read',
        tags,
        summary: 'Say that notifications were read: those named, or all',
      },
    })
    .input(z.strictObject({ ids: z.array(Id).max(100).optional() }))
    .output(z.object({ ok: z.literal(true), unread: z.int() }))
    .mutation(({ ctx, input }) => notifications.markRead(ctx, input)),

  preferences: signedInProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/notifications/preferences',
        tags,
        summary: 'Through which channels one is told what',
      },
    })
    .input(z.strictObject({}).optional())
    .output(preferences)
    .query(({ ctx }) => notifications.getPreferences(ctx)),

  setPreferences: signedInProcedure
    .meta({
      openapi: {
        method: 'PUT',
        path: '/notifications/preferences',
        tags,
        summary: 'Choose channels by kind',
        description:
          'What is not named stays as it is. Without `app` it is listed as read, and not pushed. A channel that cannot reach the person, such as e-mail without an address, sends nothing.',
      },
    })
    .input(
      z.strictObject({
        items: z
          .array(z.strictObject({ kind: z.enum(KIND_NAMES), app: wish, email: wish, telegram: wish }))
          .min(1)
          .max(100),
      }),
    )
    .output(preferences)
    .mutation(({ ctx, input }) => notifications.setPreferences(ctx, input)),
})
