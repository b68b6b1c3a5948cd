import { PATHS } from '../../../web/src/paths'
import { type Context, contextOf } from '../../context'
import type { NotificationRow } from '../../db/schema'
import { catalogues } from '../../i18n'
import { bookingCalendar } from '../ical/files'
import { type Channel, type Outgoing, Refused } from './channel'

/** The kinds that carry the booking as a calendar file. */
const WITH_CALENDAR = new Set(['booking_confirmed', 'booking_accepted', 'booking_moved'])

/** Email to users with an address, if SMTP_URL is set. */
export const email: Channel = {
  reaches: async ({ mailer }, user) => mailer !== null && user.email !== null,

  async deliver(ctx, outgoing) {
    const { row, user, subject, text } = outgoing
    if (!ctx.mailer || !user.email) throw new Refused('no address on this channel')
    const { phrases } = catalogues[user.language]
    await ctx.mailer
      .send({
        to: { name: user.name, address: user.email },
        subject,
        text: [
          phrases.hello(user.name),
          [text, ...addresses(ctx, pageOf(row))].join('\n'),
          phrases.farewell,
          ['CoworkSpace', ...addresses(ctx, PATHS.notifications).map(phrases.settings)].join('\n'),
        ].join('\n\n'),
        name: `notification.${row.id}`,
        language: user.language,
        calendar: await calendarOf(ctx, outgoing),
      })
      .catch((error: unknown) => {
        throw isPermanent(error) ? new Refused(error.message, { cause: error }) : error
      })
  },
}

/** The URL of a page of the web app, or nothing if PUBLIC_URL is not set. */
const addresses = ({ env }: Pick<Context, 'env'>, path: string): string[] =>
  env.PUBLIC_URL ? [`${env.PUBLIC_URL}${path}`] : []

/** The page with the details of a notification. */
function pageOf({ kind, eventId, bookingId, facts }: NotificationRow): string {
  if (kind === 'event_cancelled') return PATHS.community
  if (eventId) return PATHS.event.replace(':id', eventId)
  if (facts.points !== undefined || facts.tier !== undefined || !bookingId) return PATHS.points
  return facts.side === 'specialist' ? PATHS.work : PATHS.bookings
}

async function calendarOf(ctx: Context, { row, user }: Outgoing) {
  if (!row.bookingId || row.facts.side !== 'customer' || !WITH_CALENDAR.has(row.kind)) return undefined
  const reader = contextOf(ctx, { kind: 'user', id: user.id, role: user.role })
  return { method: 'PUBLISH' as const, content: await bookingCalendar(reader, { id: row.bookingId }) }
}

/** The server rejected the address or the mail with a 5xx. A failed login is a setup error and is retried. */
function isPermanent(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  const { code, responseCode = 0 } = error as { code?: string; responseCode?: number }
  return (code === 'EENVELOPE' || code === 'EMESSAGE') && responseCode >= 500
}
