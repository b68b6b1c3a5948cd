import { and, asc, eq, ne } from 'drizzle-orm'
import type { SignedInContext } from '../../context'
import { bookings } from '../../db/schema'
import { iso } from '../../lib/time'
import { type Booking, bookingView } from '../../schemas/bookings'
import type { TelegramAccount } from '../../schemas/telegram'
import type { Session, User } from '../../schemas/users'
import { listSessions } from '../accounts/sessions'
import { getTelegramAccount } from '../accounts/telegram-accounts'
import { exportLoyalty, type LoyaltyExport } from '../loyalty/loyalty'
import { exportNotifications, type NotificationsExport } from '../notifications/notifications'
import { getMe } from '../users/users'
import { type CommunityExport, exportCommunity } from './community-data'

type Own = { user: User; sessions: Session[]; telegram: TelegramAccount | null; bookings: Booking[] }

export async function exportMe(
  ctx: SignedInContext,
): Promise<Own & CommunityExport & LoyaltyExport & NotificationsExport & { exportedAt: string }> {
  const user = await getMe(ctx)
  const rows = await ctx.db
    .select()
    .from(bookings)
    .where(and(eq(bookings.userId, user.id), ne(bookings.kind, 'event')))
    .orderBy(asc(bookings.id))
  return {
    user,
    sessions: (await listSessions(ctx)).items,
    telegram: (await getTelegramAccount(ctx)).account,
    bookings: rows.map(bookingView),
    ...(await exportLoyalty(ctx)),
    ...(await exportCommunity(ctx)),
    ...(await exportNotifications(ctx)),
    exportedAt: iso(Date.now()),
  }
}
