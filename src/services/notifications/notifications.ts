import { and, desc, eq, inArray, isNull, lt, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import type { Context, Deps, SignedInContext } from '../../context'
import type { Db } from '../../db/client'
import {
  bookings,
  CHANNELS,
  type ChannelName,
  eventAttendees,
  events,
  notificationPreferences,
  notifications,
  users,
} from '../../db/schema'
import { iso, isoOrNull } from '../../lib/time'
import type { Page } from '../../schemas/common'
import {
  isKind,
  KIND_NAMES,
  KINDS,
  type Notification,
  type NotificationKind,
  type Preference,
} from '../../schemas/notifications'
import { topicOf } from '../../schemas/socket-messages'
import { pageOf } from '../shared/paging'
import { renderNotification } from './render'

/** Lists the caller's notifications, newest first, in the caller's language, with the unread count. */
export async function listNotifications(ctx: SignedInContext, input: Page) {
  const rows = await selectNotifications(ctx.db)
    .where(
      and(
        eq(notifications.userId, ctx.actor.id),
        isNull(notifications.withdrawnAt),
        input.cursor ? lt(notifications.id, input.cursor) : undefined,
      ),
    )
    .orderBy(desc(notifications.id))
    .limit(input.limit + 1)
  const page = pageOf(
    rows.map((found) => ({ ...found, id: found.row.id })),
    input,
    notificationView,
  )
  return { ...page, unread: await countUnread(ctx.db, ctx.actor.id) }
}

export type NotificationsExport = { notifications: Notification[]; preferences: Preference[] }

/** Returns all stored notifications and preferences of the caller, for the export of an account. */
export async function exportNotifications(ctx: SignedInContext): Promise<NotificationsExport> {
  const rows = await selectNotifications(ctx.db)
    .where(and(eq(notifications.userId, ctx.actor.id), isNull(notifications.withdrawnAt)))
    .orderBy(desc(notifications.id))
  return { notifications: rows.map(notificationView), preferences: (await getPreferences(ctx)).items }
}

/** Selects notifications with their user and the state of their booking or event, which decides if they are still true. */
export const selectNotifications = (db: Db) => {
  const customer = alias(users, 'customer')
  const specialist = alias(users, 'specialist')
  return db
    .select({
      row: notifications,
      user: users,
      customer: customer.name,
      specialist: specialist.name,
      booking: {
        status: bookings.status,
        startsAt: bookings.startsAt,
        balanceDueMinor: bookings.balanceDueMinor,
      },
      event: { startsAt: events.startsAt, creatorId: events.creatorId },
      mine: eventAttendees.status,
      /** The user's preferences for this kind that differ from the defaults. */
      preferences: sql<Partial<Record<ChannelName, boolean>> | null>`(
        SELECT json_object_agg(p.channel, p.wanted) FROM notification_preferences p
        WHERE p.user_id = ${notifications.userId} AND p.kind = ${notifications.kind})`,
      now: sql`epoch_ms(clock_timestamp())`.mapWith(Number),
    })
    .from(notifications)
    .innerJoin(users, eq(users.id, notifications.userId))
    .leftJoin(bookings, eq(bookings.id, notifications.bookingId))
    .leftJoin(customer, eq(customer.id, bookings.userId))
    .leftJoin(specialist, eq(specialist.id, bookings.specialistUserId))
    .leftJoin(events, eq(events.id, notifications.eventId))
    .leftJoin(
      eventAttendees,
      and(eq(eventAttendees.eventId, notifications.eventId), eq(eventAttendees.userId, notifications.userId)),
    )
    .$dynamic()
}
export type NotificationWithSubject = Awaited<ReturnType<typeof selectNotifications>>[number]

/** A notification for clients. The text of a kind that no longer exists is its name. */
export function notificationView({ row, user, customer, specialist }: NotificationWithSubject): Notification {
  const { kind, facts } = row
  return {
    id: row.id,
    kind,
    text: isKind(kind) ? renderNotification({ kind, facts, customer, specialist }, user.language).text : kind,
    bookingId: row.bookingId,
    eventId: row.eventId,
    readAt: isoOrNull(row.readAt),
    createdAt: iso(row.createdAt),
  }
}

async function countUnread(db: Db, userId: string): Promise<number> {
  const [counted] = await db
    .select({ unread: sql<number>`count(*)::int` })
    .from(notifications)
    .where(and(eq(notifications.userId, userId), unread))
  return counted?.unread ?? 0
}

const unread = sql`${notifications.readAt} IS NULL AND ${notifications.withdrawnAt} IS NULL`

/** Pushes the unread count to all sockets of a user. */
export async function pushUnread(
  { db, publish }: Pick<Deps, 'db' | 'publish'>,
  userId: string,
): Promise<void> {
  publish(topicOf.user(userId), { type: 'notifications_unread', unread: await countUnread(db, userId) })
}

/** Marks the given notifications of the caller, or all, as read. */
export async function markRead(
  ctx: SignedInContext,
  { ids }: { ids?: string[] | undefined },
): Promise<{ ok: true; unread: number }> {
  await ctx.db
    .update(notifications)
    .set({ readAt: sql`clock_timestamp()` })
    .where(
      and(eq(notifications.userId, ctx.actor.id), unread, ids ? inArray(notifications.id, ids) : undefined),
    )
  const left = await countUnread(ctx.db, ctx.actor.id)
  ctx.publish(topicOf.user(ctx.actor.id), { type: 'notifications_unread', unread: left })
  return { ok: true, unread: left }
}

/** Returns the caller's channels for every kind, defaults included. */
export async function getPreferences(ctx: SignedInContext): Promise<{ items: Preference[] }> {
  const stored = await ctx.db
    .select()
    .from(notificationPreferences)
    .where(eq(notificationPreferences.userId, ctx.actor.id))
  const wanted = (kind: NotificationKind, channel: ChannelName) =>
    stored.find((row) => row.kind === kind && row.channel === channel)?.wanted ?? isDefault(kind, channel)
  const items = KIND_NAMES.map((kind) => ({
    kind,
    category: KINDS[kind].category,
    app: wanted(kind, 'app'),
    email: wanted(kind, 'email'),
    telegram: wanted(kind, 'telegram'),
  }))
  return { items }
}

const isDefault = (kind: NotificationKind, channel: ChannelName): boolean =>
  (KINDS[kind].channels as readonly ChannelName[]).includes(channel)

type PreferenceChange = {
  kind: NotificationKind
  app?: boolean | undefined
  email?: boolean | undefined
  telegram?: boolean | undefined
}

/** Sets the given channels and leaves the others. If a kind is given twice, the last one wins. */
export async function setPreferences(
  ctx: SignedInContext,
  { items }: { items: PreferenceChange[] },
): Promise<{ items: Preference[] }> {
  const changes = new Map(
    items.flatMap(({ kind, ...by }) =>
      CHANNELS.flatMap((channel) => {
        const wanted = by[channel]
        return wanted === undefined
          ? []
          : [[`${kind}/${channel}`, { userId: ctx.actor.id, kind, channel, wanted }] as const]
      }),
    ),
  )
  if (changes.size > 0)
    await ctx.db
      .insert(notificationPreferences)
      .values([...changes.values()])
      .onConflictDoUpdate({
        target: [
          notificationPreferences.userId,
          notificationPreferences.kind,
          notificationPreferences.channel,
        ],
        set: { wanted: sql`excluded.wanted` },
      })
  return getPreferences(ctx)
}

export const channelsFor = (
  { preferences }: NotificationWithSubject,
  kind: NotificationKind,
): Set<ChannelName> =>
  new Set(CHANNELS.filter((channel) => preferences?.[channel] ?? isDefault(kind, channel)))

const RETENTION_DAYS = 180

/** Deletes notifications after RETENTION_DAYS, read or not. @returns how many */
export async function deleteOldNotifications({ db }: Pick<Context, 'db'>): Promise<number> {
  const deleted = await db
    .delete(notifications)
    .where(sql`${notifications.createdAt} < now() - make_interval(days => ${RETENTION_DAYS}::int)`)
    .returning({ id: notifications.id })
  return deleted.length
}
