import type { Context } from '../context'
import { notFound } from '../errors'
import { limitHeaders } from '../lib/rate-limits'
import { Id } from '../schemas/common'
import { calendarFeed } from '../services/ical/feeds'
import { bookingCalendar, eventCalendar } from '../services/ical/files'
import type { Handler, Route } from './pipeline'

type IcsOptions = { createContext: (request: Request) => Context | Promise<Context> }

/** iCalendar files: one booking, one event, and a user's feed at its secret address. */
export function icsRoutes({ createContext }: IcsOptions): Route[] {
  const calendar =
    (read: (ctx: Context, params: Record<string, string>) => Promise<string>): Handler =>
    async (request, params) => {
      const ctx = await createContext(request)
      if (ctx.env.RATE_LIMITS === 'on') await ctx.limits.countCall(ctx.actor, ctx.caller, 'query')
      const text = await read(ctx, params)
      // Calendar programs poll every 15 minutes and rarely find a change.
      const etag = `"${new Bun.CryptoHasher('sha256').update(text).digest('base64url')}"`
      const headers = { ...limitHeaders(ctx.caller.allowance), 'cache-control': 'private, no-cache', etag }
      if (isCurrent(request, etag)) return new Response(null, { status: 304, headers })
      return new Response(text, { headers: { ...headers, 'content-type': 'text/calendar; charset=utf-8' } })
    }

  return [
    {
      method: 'GET',
      path: '/api/bookings/:id/calendar.ics',
      handle: calendar((ctx, { id }) => bookingCalendar(ctx, { id: Id.parse(id) })),
    },
    {
      method: 'GET',
      path: '/api/events/:id/calendar.ics',
      handle: calendar((ctx, { id }) => eventCalendar(ctx, { id: Id.parse(id) })),
    },
    {
      method: 'GET',
      path: '/api/calendar/:file',
      handle: calendar(async (ctx, { file = '' }) => calendarFeed(ctx, { secret: secretOf(file) })),
    },
  ]
}

/** Accepts a weak tag as well: a proxy that compresses weakens it. */
function isCurrent(request: Request, etag: string): boolean {
  const tags = request.headers.get('if-none-match')?.split(',') ?? []
  return tags.some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag)
}

function secretOf(file: string): string {
  const [, secret] = /^([\w-]{20,100})\.ics$/.exec(file) ?? []
  if (!secret) throw notFound('calendar')
  return secret
}
