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
 * Tells a notification, once: pushes it to its person's sockets and hands it to the further channels that he wants. Who
 * wants none in the app finds it in the list, as read. What is not so any more is withdrawn instead, and nobody hears of it.
 */
export async function deliverNotification(
  ctx: Context,
  { notificationId }: { notificationId: string },
): Promise<void> {
  const told = await ctx.db.transaction(async (tx) => {
    const found = await findNotification(tx, notificationId)
    if (!found || found.told.row.toldAt || found.told.row.withdrawnAt) return null
    const { told, kind } = found
    if (!isStillRelevant(kind, told.row, presentOf(told))) {
      await mark(tx, notificationId, { withdrawnAt: sql`clock_timestamp()` })
      ctx.metrics.countNotification('app', 'withdrawn')
      return null
    }
    const wanted = channelsFor(told, kind)
    await mark(tx, notificationId, {
      toldAt: sql`clock_timestamp()`,
      ...(!wanted.has('app') && { readAt: sql`clock_timestamp()` }),
    })
    // By this transaction's own connection: a second one might be waited for by whoever has the last ones.
    for (const [channel, way] of channelNames())
      if (wanted.has(channel) && (await way.reaches({ ...ctx, db: tx }, told.person)))
        await sendVia(tx, notificationId, channel)
    return wanted.has('app') ? told : null
  })
  if (!told) return
  // After the commit: whoever misses it finds it in the list, and in the number of what is unread.
  ctx.publish(topicOf.user(told.row.userId), { type: 'notification', ...notificationView(told) })
  ctx.metrics.countNotification('app', 'sent')
  await pushUnread(ctx, told.row.userId)
}

const channelNames = () => Object.entries(channels) as [Exclude<ChannelName, 'app'>, Channel][]

async function findNotification(tx: Tx, id: string) {
  const [told] = await selectNotifications(tx)
    .where(eq(notifications.id, id))
    .for('no key update', { of: notifications })
  return told && isKind(told.row.kind) ? { told, kind: told.row.kind } : undefined
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

const enqueueSend = (db: Db, what: Jobs['send-notification'], at?: Date) =>
  enqueue(db, 'send-notification', what, {
    key: `send-notification:${what.channel}:${what.notificationId}`,
    ...(at && { at }),
  })

/**
 * Sends a notification through one channel, unless it was sent already, or is not so any more. What fails is tried again;
 * what is refused for good is not. Between what the other side has taken and what is written here lies a moment: a
 * server that dies in it makes the notification go out a second time, under the same name (`Message-ID`) as the first.
 */
export async function sendNotification(
  ctx: Context,
  { notificationId, channel }: { notificationId: string; channel: Exclude<ChannelName, 'app'> },
): Promise<void> {
  const way = channels[channel]
  const waiting = and(
    eq(notificationDeliveries.notificationId, notificationId),
    eq(notificationDeliveries.channel, channel),
    isNull(notificationDeliveries.sentAt),
    isNull(notificationDeliveries.refused),
  )
  const [due] = await ctx.db.select().from(notificationDeliveries).where(waiting)
  const [told] = due ? await selectNotifications(ctx.db).where(eq(notifications.id, notificationId)) : []
  if (!way || !told || !isKind(told.row.kind)) return
  const settle = (refused: string | null) =>
    ctx.db
      .update(notificationDeliveries)
      .set(refused === null ? { sentAt: sql`clock_timestamp()` } : { refused })
      .where(waiting)
  const why = await skipReason(ctx, way, told, told.row.kind)
  if (why) {
    await settle(why)
    ctx.metrics.countNotification(channel, 'withdrawn')
    return
  }
  const outcome = await sent(ctx, way, told, told.row.kind)
  if (outcome.error instanceof Later) {
    const at = new Date(Date.now() + outcome.error.seconds * 1000)
    return enqueueSend(ctx.db, { notificationId, channel }, at)
  }
  ctx.metrics.countNotification(channel, outcome.as)
  if (outcome.as === 'failed') throw outcome.error
  await settle(outcome.as === 'refused' ? outcome.error.message.slice(0, 500) : null)
}

async function skipReason(ctx: Context, way: Channel, told: NotificationWithSubject, kind: NotificationKind) {
  if (!isStillRelevant(kind, told.row, presentOf(told))) return 'not so any more'
  return (await way.reaches(ctx, told.person)) ? undefined : 'nowhere to send it to'
}

type Outcome = { as: 'sent'; error?: undefined } | { as: 'refused' | 'failed'; error: Error }

async function sent(
  ctx: Context,
  way: Channel,
  told: NotificationWithSubject,
  kind: NotificationKind,
): Promise<Outcome> {
  const { row, person, customer, specialist } = told
  const sentence = renderNotification({ kind, facts: row.facts, customer, specialist }, person.language)
  try {
    await way.deliver(ctx, { row, person, ...sentence })
    return { as: 'sent' }
  } catch (thrown) {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown))
    return { as: error instanceof Refused ? 'refused' : 'failed', error }
  }
}
