import { createTRPCClient, httpLink, type TRPCClient } from '@trpc/client'
import type { AppRouter, SignedIn } from './api'
import type { Delay } from './backoff'
import type { Day, Place } from './connection'
import { connectEvents } from './events'
import { createFiles, type Dated } from './files'
import { createLinks, type Fetch, isSignedIn, transportOf } from './links'
import { createLiveViews, type OnBoard, type OnLocation } from './live'
import type { Connect } from './live-connection'
import type { OnPersonal } from './personal-messages'
import { createSession, type SessionOptions } from './session'
import { connectSocket } from './socket'
import type { Watch, WatchOptions } from './watched'

export type ClientOptions = SessionOptions & {
  /** The server's URL, for example `https://book.example.com`. */
  url: string
  /** How often to retry a call after a network failure. Default 3; 0 turns retries off. */
  retries?: number
  /** Transport of live updates. `auto` (default) uses a socket, and server-sent events if no socket can be opened. */
  live?: 'auto' | 'socket' | 'events'
  /** Shortest and longest pause before a lost connection is opened again. Default 250 ms and 30 s. */
  reconnect?: Delay
  fetch?: Fetch
  /**
   * For runtimes without a global WebSocket, such as Node 20: the class of the `ws` package. Without it, live updates use
   * server-sent events.
   */
  WebSocket?: typeof WebSocket
}

export type Client = TRPCClient<AppRouter> & {
  /**
   * Watches one day of a space. Calls `onBoard` at each change, and when the board becomes live or stops being live.
   * @param date `YYYY-MM-DD` in the time zone of the location
   */
  watchBoard(spaceId: string, date: string, onBoard: OnBoard, options?: WatchOptions): Watch
  /** Watches one day of a space or a specialist; with `serviceId`, in the slots of that service. */
  watchBoard(day: Day, onBoard: OnBoard, options?: WatchOptions): Watch
  /**
   * Watches the check-ins and the upcoming events of a location. Server-sent events carry no token, so they show what a
   * signed-out visitor sees.
   */
  watchLocation(place: Place, onLocation: OnLocation, options?: WatchOptions): Watch
  /**
   * Receives the signed-in user's messages: changes of bookings and payments, notifications and announcements. Works over a
   * socket only.
   */
  watchMine(onMessage: OnPersonal['onMessage'], options?: Pick<OnPersonal, 'onReady'>): { stop(): void }
  /**
   * Downloads the iCalendar file of one of the user's bookings or of an event, as text.
   * @example saveAs('booking.ics', 'text/calendar', await client.calendarFile({ bookingId }))
   */
  calendarFile(of: Dated): Promise<string>
  /** Stops all watches. Calls still work. */
  close(): void
}

/**
 * Creates a typed client: `client.slots.hold.mutate({ slotId })`, `client.spaces.list.query({})`. Calls of one tick share a
 * request, an expired token is renewed once for all of them, and network failures are retried, mutations with an
 * idempotency key.
 */
export function createClient(options: ClientOptions): Client {
  const { retries = 3, live = 'auto', reconnect = { minMs: 250, maxMs: 30_000 } } = options
  const base = options.url.replace(/\/+$/, '')
  const url = `${base}/trpc`
  const WebSocket = options.WebSocket ?? globalThis.WebSocket

  const signedOut = createTRPCClient<AppRouter>({
    links: [httpLink(transportOf(url, options.fetch))],
  })
  const session = createSession(options, (refreshToken) => signedOut.auth.refresh.mutate({ refreshToken }))

  const trpc = createTRPCClient<AppRouter>({
    links: createLinks({ url, session, retries, fetch: options.fetch, onAnswer }),
  })

  const socket: Connect = (events) =>
    connectSocket({ url: `${base.replace(/^http/, 'ws')}/realtime`, WebSocket, session }, events)
  const serverSent: Connect = (events) => connectEvents(trpc.realtime, events)
  const mayUseSocket = live !== 'events' && typeof WebSocket === 'function'
  const views = createLiveViews(
    [...(mayUseSocket ? [socket] : []), ...(live !== 'socket' ? [serverSent] : [])],
    reconnect,
  )

  async function onAnswer(path: string, answer: unknown): Promise<void> {
    views.mark(answer)
    if (path === 'auth.logout' || path === 'auth.deleteMe') await changeTokens(null)
    else if (path.startsWith('auth.') && isSignedIn(answer)) await changeTokens(answer)
  }

  async function changeTokens(tokens: SignedIn | null): Promise<void> {
    await session.changed(tokens)
    views.restart()
  }

  const own = {
    watchBoard(...args: OfSpace | OfDay): Watch {
      const [day, show, watching] = isOfSpace(args)
        ? [{ spaceId: args[0], date: args[1] }, args[2], args[3]]
        : args
      return views.watchBoard(day, { show, ...watching })
    },
    watchLocation: (place: Place, show: OnLocation, watching: WatchOptions = {}) =>
      views.watchLocation(place, { show, ...watching }),
    watchMine: (onMessage: OnPersonal['onMessage'], listening: Pick<OnPersonal, 'onReady'> = {}) => ({
      stop: views.listen({ onMessage, ...listening }),
    }),
    calendarFile: createFiles({ base, session, fetch: options.fetch }).calendarFile,
    close: views.close,
  }
  // The tRPC client is itself a proxy that accepts any name, so the client's own methods are looked up first.
  return new Proxy(trpc, {
    get: (procedures, name) => Reflect.get(Object.hasOwn(own, name) ? own : procedures, name),
  }) as Client
}

type OfSpace = [spaceId: string, date: string, onBoard: OnBoard, options?: WatchOptions]
type OfDay = [day: Day, onBoard: OnBoard, options?: WatchOptions]
const isOfSpace = (args: OfSpace | OfDay): args is OfSpace => typeof args[0] === 'string'
