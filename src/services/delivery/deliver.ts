import { and, eq, isNull, sql } from 'drizzle-orm'
import type { Context } from '../../context'
import type { Db, Tx } from '../../db/client'
import { type ChannelName, notificationDeliveries, notifications } from '../../db/schema'
import { isKind, type NotificationKind } from '../../schemas/notifications'
import { topicOf } from '../../schemas/socket-messages'
import { enqueue, type Jobs } from '../jobs/jobs'
import {
  channelsFor,
  type NotificationWithSubject,
  notificationView,
  pushUnread,
  selectNotifications,
} from '../notifications/notifications'
import { renderNotification } from '../notifications/render'
import { isStillRelevant } from '../notifications/still-relevant'
import { channels } from '.'
import { type Channel, Later, Refused } from './channel'

/**
 * Delivers a notification once: pushes it to the user's sockets and queues it for the other channels that the user wants.
 * If the app is muted for its kind, it is listed as read. If it is no longer true, it is withdrawn instead.
 */
export async function deliverNotification(
  ctx: Context,
  { notificationId }: { notificationId: string },
): Promise<void> {
  const delivered = await ctx.db.transaction(async (tx) => {
    const found = await findNotification(tx, notificationId)
    if (!found || found.notification.row.toldAt || found.notification.row.withdrawnAt) return null
    const { notification, kind } = found
    if (!isStillRelevant(kind, notification.row, presentOf(notification))) {
      await mark(tx, notificationId, { withdrawnAt: sql`clock_timestamp()` })
      ctx.metrics.countNotification('app', 'withdrawn')
      return null
    }
    const wanted = channelsFor(notification, kind)
    await mark(tx, notificationId, {
      toldAt: sql`clock_timestamp()`,
      ...(!wanted.has('app') && { readAt: sql`clock_timestamp()` }),
    })
    // On the transaction's connection: waiting for a second one could deadlock an exhausted pool.
    for (const [name, channel] of channelEntries())
      if (wanted.has(name) && (await channel.reaches({ ...ctx, db: tx }, notification.user)))
        await sendVia(tx, notificationId, name)
    return wanted.has('app') ? notification : null
  })
  if (!delivered) return
  // After the commit. A client that misses the message finds the notification in the list and in the unread count.
  ctx.publish(topicOf.user(delivered.row.userId), { type: 'notification', ...notificationView(delivered) })
  ctx.metrics.countNotification('app', 'sent')
  await pushUnread(ctx, delivered.row.userId)
}

const channelEntries = () => Object.entries(channels) as [Exclude<ChannelName, 'app'>, Channel][]

async function findNotification(tx: Tx, id: string) {
  const [notification] = await selectNotifications(tx)
    .where(eq(notifications.id, id))
    .for('no key update', { of: notifications })
  return notification && isKind(notification.row.kind)
    ? { notification, kind: notification.row.kind }
    : undefined
}

const presentOf = ({ booking, event, mine, now }: NotificationWithSubject) => ({
  now,
  booking,
  event: event && { ...event, mine },
})

type Marks = Partial<Record<'toldAt' | 'withdrawnAt' | 'readAt', ReturnType<typeof sql>>>
const mark = (tx: Tx, id: string, marks: Marks) =>
  tx.update(notifications).set(marks).where(eq(notifications.id, id))

async function sendVia(tx: Tx, notificationId: string, channel: Exclude<ChannelName, 'app'>): Promise<void> {
  await tx.insert(notificationDeliveries).values({ notificationId, channel }).onConflictDoNothing()
  await enqueueSend(tx, { notificationId, channel })
}

const enqueueSend = (db: Db, payload: Jobs['send-notification'], at?: Date) =>
  enqueue(db, 'send-notification', payload, {
    key: `send-notification:${payload.channel}:${payload.notificationId}`,
    ...(at && { at }),
  })

/**
 * Sends a notification through one channel if it is still true and was not sent yet. Failures are retried, permanent
 * refusals are not. A server that dies after sending and before recording it causes a duplicate with the same `Message-ID`.
 */
export async function sendNotification(
  ctx: Context,
  { notificationId, channel: name }: { notificationId: string; channel: Exclude<ChannelName, 'app'> },
): Promise<void> {
  const channel = channels[name]
  const waiting = and(
    eq(notificationDeliveries.notificationId, notificationId),
    eq(notificationDeliveries.channel, name),
    isNull(notificationDeliveries.sentAt),
    isNull(notificationDeliveries.refused),
  )
  const [due] = await ctx.db.select().from(notificationDeliveries).where(waiting)
  const [found] = due ? await selectNotifications(ctx.db).where(eq(notifications.id, notificationId)) : []
  if (!channel || !found || !isKind(found.row.kind)) return
  const settle = (refused: string | null) =>
    ctx.db
      .update(notificationDeliveries)
      .set(refused === null ? { sentAt: sql`clock_timestamp()` } : { refused })
      .where(waiting)
  const skip = await skipReason(ctx, channel, found, found.row.kind)
  if (skip) {
    await settle(skip)
    ctx.metrics.countNotification(name, 'withdrawn')
    return
  }
  const outcome = await send(ctx, channel, found, found.row.kind)
  if (outcome.error instanceof Later) {
    const at = new Date(Date.now() + outcome.error.seconds * 1000)
    return enqueueSend(ctx.db, { notificationId, channel: name }, at)
  }
  ctx.metrics.countNotification(name, outcome.as)
  if (outcome.as === 'failed') throw outcome.error
  await settle(outcome.as === 'refused' ? outcome.error.message.slice(0, 500) : null)
}

async function skipReason(
  ctx: Context,
  channel: Channel,
  notification: NotificationWithSubject,
  kind: NotificationKind,
) {
  if (!isStillRelevant(kind, notification.row, presentOf(notification))) return 'no longer relevant'
  return (await channel.reaches(ctx, notification.user)) ? undefined : 'no address on this channel'
}

type Outcome = { as: 'sent'; error?: undefined } | { as: 'refused' | 'failed'; error: Error }

async function send(
  ctx: Context,
  channel: Channel,
  notification: NotificationWithSubject,
  kind: NotificationKind,
): Promise<Outcome> {
  const { row, user, customer, specialist } = notification
  const rendered = renderNotification({ kind, facts: row.facts, customer, specialist }, user.language)
  try {
    await channel.deliver(ctx, { row, user, ...rendered })
    return { as: 'sent' }
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown))
    return { as: error instanceof Refused ? 'refused' : 'failed', error }
  }
}
