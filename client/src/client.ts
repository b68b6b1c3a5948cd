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
  /** Where the server is, for example `https://book.example.com`. */
  url: string
  /** How often a call is tried again that the network has lost; default 3, 0 for never. */
  retries?: number
  /** How boards come: by a socket, and by server-sent events where none gets through (`auto`), or by one of them only. */
  live?: 'auto' | 'socket' | 'events'
  /** How long to wait before a lost board is asked for again, and how long at the most. Default 250 ms and 30 s. */
  reconnect?: Delay
  fetch?: Fetch
  /** For where there is none, as in Node 20: the class of the package `ws`. Without it boards come as events. */
  WebSocket?: typeof WebSocket
}

export type Client = TRPCClient<AppRouter> & {
  /**
   * Shows one day of a space and keeps showing it, at every change and whenever it stops or starts being live.
   * @param date `YYYY-MM-DD` in the time zone of the location
   */
  watchBoard(spaceId: string, date: string, onBoard: OnBoard, options?: WatchOptions): Watch
  /** The same of a space or of a specialist, in the slots of one service where it is named. */
  watchBoard(day: Day, onBoard: OnBoard, options?: WatchOptions): Watch
  /**
   * Shows who is at a location and which events are coming, and keeps showing it. Over server-sent events, which carry no
   * token, it is as whoever is not signed in sees it.
   */
  watchLocation(place: Place, onLocation: OnLocation, options?: WatchOptions): Watch
  /**
   * Hears what comes to the person who is signed in, as it happens: changes of their bookings and payments, notifications,
   * and words of an operator. By socket only: where none gets through, nothing comes.
   */
  watchMine(onMessage: OnPersonal['onMessage'], options?: Pick<OnPersonal, 'onReady'>): { stop(): void }
  /**
   * The calendar file (iCalendar) of a booking of one's own, or of an event, as text.
   * @example saveAs('booking.ics', 'text/calendar', await client.calendarFile({ bookingId }))
   */
  calendarFile(of: Dated): Promise<string>
  /** Ends every watching. Calls may still be made. */
  close(): void
}

/**
 * Every procedure of the server, typed: `client.slots.hold.mutate({ slotId })`, `client.spaces.list.query({})`.
 * Calls of one tick travel together; an expired token is replaced once for all of them; what the network lost is tried
 * again, mutations under an idempotency key.
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
  // The procedures are found by name at run time, so the two are told apart by name as well.
  return new Proxy(trpc, {
    get: (procedures, name) => Reflect.get(Object.hasOwn(own, name) ? own : procedures, name),
  }) as Client
}

type OfSpace = [spaceId: string, date: string, onBoard: OnBoard, options?: WatchOptions]
type OfDay = [day: Day, onBoard: OnBoard, options?: WatchOptions]
const isOfSpace = (args: OfSpace | OfDay): args is OfSpace => typeof args[0] === 'string'
