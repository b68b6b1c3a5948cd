import { PATHS } from '../../../web/src/paths'
import { type Context, contextOf } from '../../context'
import type { NotificationRow } from '../../db/schema'
import { catalogues } from '../../i18n'
import { bookingCalendar } from '../ical/files'
import { type Channel, type Outgoing, Refused } from './channel'

/** What tells when a booking is, and so carries it as a calendar file. */
const WITH_CALENDAR = new Set(['booking_confirmed', 'booking_accepted', 'booking_moved'])

/** Mail, where there is a server to send it (SMTP_URL), to whoever has an address. */
export const email: Channel = {
  reaches: async ({ mailer }, person) => mailer !== null && person.email !== null,

  async deliver(ctx, outgoing) {
    const { row, person, subject, text } = outgoing
    if (!ctx.mailer || !person.email) throw new Refused('nowhere to send it to')
    const { phrases } = catalogues[person.language]
    await ctx.mailer
      .send({
        to: { name: person.name, address: person.email },
        subject,
        text: [
          phrases.hello(person.name),
          [text, ...addresses(ctx, pageOf(row))].join('\n'),
          phrases.farewell,
          ['CoworkSpace', ...addresses(ctx, PATHS.notifications).map(phrases.choose)].join('\n'),
        ].join('\n\n'),
        name: `notification.${row.id}`,
        language: person.language,
        calendar: await calendarOf(ctx, outgoing),
      })
      .catch((error: unknown) => {
        throw isForGood(error) ? new Refused(error.message, { cause: error }) : error
      })
  },
}

/** A page of the web app, where somebody has said at which address people reach it. */
const addresses = ({ env }: Pick<Context, 'env'>, path: string): string[] =>
  env.PUBLIC_URL ? [`${env.PUBLIC_URL}${path}`] : []

/** Where its reader sees more of what a notification speaks of, and acts on it. */
function pageOf({ kind, eventId, bookingId, facts }: NotificationRow): string {
  if (kind === 'event_cancelled') return PATHS.community
  if (eventId) return PATHS.event.replace(':id', eventId)
  if (facts.points !== undefined || facts.tier !== undefined || !bookingId) return PATHS.points
  return facts.side === 'specialist' ? PATHS.work : PATHS.bookings
}

async function calendarOf(ctx: Context, { row, person }: Outgoing) {
  if (!row.bookingId || row.facts.side !== 'customer' || !WITH_CALENDAR.has(row.kind)) return undefined
  const reader = contextOf(ctx, { kind: 'user', id: person.id, role: person.role })
  return { method: 'PUBLISH' as const, content: await bookingCalendar(reader, { id: row.bookingId }) }
}

/** The server has looked at this mail and its address and will never take it; a failed sign-in is ours to mend. */
function isForGood(error: unknown): error is Error {
  if (!(error instanceof Error)) return false
  const { code, responseCode = 0 } = error as { code?: string; responseCode?: number }
  return (code === 'EENVELOPE' || code === 'EMESSAGE') && responseCode >= 500
}
