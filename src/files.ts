import { Elysia } from 'elysia'
import type { Context } from './context'
import { notFound } from './errors'
import { limitHeaders } from './limits'
import { requestIdOf } from './requests'
import { refusalResponse } from './rest'
import { bookingCalendar, calendarFeed, eventCalendar } from './services/calendarFiles'
import { Id } from './shapes/common'

type FilesOptions = {
  createContext: (request: Request) => Promise<Context>
  onError: (failure: { error: Error; path: string; requestId: string }) => void
}

/** Answers that are files and no JSON: the calendar of a booking, of an event, and a person's own feed. */
export function filesDoor({ createContext, onError }: FilesOptions) {
  async function calendar(request: Request, read: (ctx: Context) => Promise<string>): Promise<Response> {
    try {
      const ctx = await createContext(request)
      if (ctx.env.RATE_LIMITS === 'on') await ctx.limits.countCall(ctx.actor, ctx.caller, 'query')
      const headers = { 'content-type': 'text/calendar; charset=utf-8', 'cache-control': 'private, no-cache' }
      return new Response(await read(ctx), { headers: { ...limitHeaders(ctx.caller.allowance), ...headers } })
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

/** The address of a feed is its secret, and no log is to know it, however it is spelt: a doubled slash is served as well. */
export const loggedPath = (path: string): string => path.replace(/^(\/+api\/+calendar\/+).+/i, '$1…')

function secretOf(file: string): string {
  const [, secret] = /^([\w-]{20,100})\.ics$/.exec(file) ?? []
  if (!secret) throw notFound('calendar')
  return secret
}
