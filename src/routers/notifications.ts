import { z } from 'zod'
import { Id, listOf, page } from '../schemas/common'
import { KIND_NAMES, NotificationSchema, PreferenceSchema } from '../schemas/notifications'
import * as notifications from '../services/notifications/notifications'
import { router, signedInProcedure } from '../trpc'

const tags = ['Notifications']
const preferences = z.object({ items: z.array(PreferenceSchema) })
const channel = z.boolean().optional()

export const notificationsRouter = router({
  list: signedInProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/notifications',
        tags,
        summary: 'List notifications',
        description:
          "Returns the caller's notifications in the caller's language, newest first, and the number of unread ones.",
      },
    })
    .input(z.strictObject(page))
    .output(
      listOf(NotificationSchema).extend({
        unread: z.int().meta({ description: 'Number of all unread notifications.' }),
      }),
    )
    .query(({ ctx, input }) => notifications.listNotifications(ctx, input)),

  markRead: signedInProcedure
    .meta({
      openapi: {
        method: 'POST',
        path: '/notifications/read',
        tags,
        summary: 'Mark notifications as read',
        description:
          'Marks the notifications in `ids`, or all if it is omitted, and returns the number that are still unread.',
      },
    })
    .input(
      z.strictObject({
        ids: z.array(Id).max(100).meta({ description: 'Default: all notifications.' }).optional(),
      }),
    )
    .output(z.object({ ok: z.literal(true), unread: z.int() }))
    .mutation(({ ctx, input }) => notifications.markRead(ctx, input)),

  preferences: signedInProcedure
    .meta({
      openapi: {
        method: 'GET',
        path: '/notifications/preferences',
        tags,
        summary: 'Get notification preferences',
        description: 'Returns, for each kind of notification, the channels on which the caller receives it.',
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
        summary: 'Update notification preferences',
        description:
          'Turns channels on or off for the kinds that are sent; all others remain. With `app` off, a notification is listed as read and not pushed. A channel without an address, such as email, sends nothing.',
      },
    })
    .input(
      z.strictObject({
        items: z
          .array(
            z.strictObject({ kind: z.enum(KIND_NAMES), app: channel, email: channel, telegram: channel }),
          )
          .min(1)
          .max(100),
      }),
    )
    .output(preferences)
    .mutation(({ ctx, input }) => notifications.setPreferences(ctx, input)),
})
