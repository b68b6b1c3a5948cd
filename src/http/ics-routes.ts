import { Elysia } from 'elysia'
import type { Context } from '../context'
import { notFound } from '../errors'
import { limitHeaders } from '../lib/rate-limits'
import { loggedPath, requestIdOf } from '../lib/request'
import { Id } from '../schemas/common'
import { calendarFeed } from '../services/ical/feeds'
import { bookingCalendar, eventCalendar } from '../services/ical/files'
import { refusalResponse } from './rest-handler'

type FilesOptions = {
  createContext: (request: Request) => Context | Promise<Context>
  onError: (failure: { error: Error; path: string; requestId: string }) => void
}

/** Answers that are files and no JSON: the calendar of a booking, of an event, and a person's own feed. */
export function icsRoutes({ createContext, onError }: FilesOptions) {
  async function calendar(request: Request, read: (ctx: Context) => Promise<string>): Promise<Response> {
    try {
      const ctx = await createContext(request)
      if (ctx.env.RATE_LIMITS === 'on') await ctx.limits.countCall(ctx.actor, ctx.caller, 'query')
      const text = await read(ctx)
      // Programs come back every quarter of an hour, and hardly ever is anything new.
      const etag = `"${new Bun.CryptoHasher('sha256').update(text).digest('base64url')}"`
      const headers = { ...limitHeaders(ctx.caller.allowance), 'cache-control': 'private, no-cache', etag }
      if (isKnown(request, etag)) return new Response(null, { status: 304, headers })
      return new Response(text, { headers: { ...headers, 'content-type': 'text/calendar; charset=utf-8' } })
    } catch (thrown) {
      const error = thrown instanceof Error ? thrown : new Error(String(thrown))
      const requestId = requestIdOf(request)
      onError({ error, path: loggedPath(new URL(request.url).pathname), requestId })
      return refusalResponse(error, requestId)
    }
  }

  return new Elysia({ name: 'files', prefix: '/api' })
    .get('/bookings/:id/calendar.ics', ({ request, params }) =>
      calendar(request, async (ctx) => bookingCalendar(ctx, { id: Id.parse(params.id) })),
    )
    .get('/events/:id/calendar.ics', ({ request, params }) =>
      calendar(request, async (ctx) => eventCalendar(ctx, { id: Id.parse(params.id) })),
    )
    .get('/calendar/:file', ({ request, params }) =>
      calendar(request, async (ctx) => calendarFeed(ctx, { secret: secretOf(params.file) })),
    )
}

/** Whether the caller has this version: a proxy on the way may have marked its tag as weak. */
function isKnown(request: Request, etag: string): boolean {
  const tags = request.headers.get('if-none-match')?.split(',') ?? []
  return tags.some((tag) => tag.trim() === '*' || tag.trim().replace(/^W\//, '') === etag)
}

function secretOf(file: string): string {
  const [, secret] = /^([\w-]{20,100})\.ics$/.exec(file) ?? []
  if (!secret) throw notFound('calendar')
  return secret
}
