import { and, asc, eq, ne } from 'drizzle-orm'
import type { SignedInContext } from '../context'
import { bookings } from '../db/schema'
import { type Booking, bookingView } from '../shapes/bookings'
import type { TelegramAccount } from '../shapes/telegram'
import type { Session, User } from '../shapes/users'
import { iso } from '../time'
import { exportLoyalty, type LoyaltyExport } from './loyalty'
import { type CommunityExport, exportCommunity } from './membership'
import { exportNotifications, type NotificationsExport } from './notifications'
import { listSessions } from './sessions'
import { getTelegramAccount } from './telegramAccounts'
import { getMe } from './users'

type Own = { user: User; sessions: Session[]; telegram: TelegramAccount | null; bookings: Booking[] }

/** Everything that is stored about a person, in the shapes of the API. */
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
