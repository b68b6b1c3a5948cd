import type { Board, ServerMessage } from './api'
import { backoffMs, type Delay } from './backoff'
import { createLiveBoard, type Live } from './board'
import {
  type Connection,
  type ConnectionEvents,
  type Day,
  idOf,
  keyOf,
  type Place,
  type Subject,
  type WatchError,
} from './connection'
import { createLiveLocation, type LocationView } from './location'

/** How long a message that is missing may be late before the whole is asked for again. */
const PATIENCE_MS = 250

/** Whether what is shown is what the server has, and how it comes. */
export type BoardStatus = { live: boolean; via: 'socket' | 'events' | null }
export type OnBoard = (board: Board, status: BoardStatus) => void
export type OnLocation = (location: LocationView, status: BoardStatus) => void
export type WatchOptions = {
  /** Told whenever what is shown becomes live, or no longer is; also before there is anything. */
  onStatus?: (status: BoardStatus) => void
  /** The server refuses to show it, for example because there is no such space. Nothing more comes then. */
  onError?: (error: WatchError) => void
}
export type Watch = { status(): BoardStatus; stop(): void }

const PERSONAL = [
  'booking_update',
  'event_update',
  'payment_update',
  'notification',
  'notifications_unread',
  'announcement',
] as const satisfies ServerMessage['type'][]
/** What comes to a person's own sockets. */
export type PersonalMessage = Extract<ServerMessage, { type: (typeof PERSONAL)[number] }>
export type OnPersonal = {
  onMessage(message: PersonalMessage): void
  /** It listens from now on, for the first time or again: what came before was not heard. */
  onReady?(): void
}

type Watcher<View> = WatchOptions & {
  // As a method, so that what is watched can be kept together whatever it shows.
  show(view: View, status: BoardStatus): void
}
type Watched<View> = {
  subject: Subject
  state: Live<View>
  watchers: Set<Watcher<View>>
  live: boolean
  asking: ReturnType<typeof setTimeout> | undefined
}

/** Opens a connection the given way. */
export type Connect = (events: ConnectionEvents) => Connection

export type LiveViews = {
  watchBoard(day: Day, watcher: Watcher<Board>): Watch
  watchLocation(place: Place, watcher: Watcher<LocationView>): Watch
  /** Hears what comes to the person who is signed in, by socket only. @returns what ends it */
  listen(listener: OnPersonal): () => void
  /** Something of this person's has changed, as a call answered. */
  mark(answer: unknown): void
  /** Somebody else is signed in now, or nobody: what was marked as one's own is no longer. */
  restart(): void
  close(): void
}

/**
 * All that is watched, over one connection. Where one way does not open, the next attempt takes the next way; after a
 * connection that was good, the first way is tried first again.
 */
export function createLiveViews(ways: Connect[], reconnect: Delay): LiveViews {
  const boards = new Map<string, Watched<Board>>()
  const locations = new Map<string, Watched<LocationView>>()
  const listeners = new Set<OnPersonal>()
  let connection: Connection | undefined
  let ready = false
  let failures = 0
  /** Which way is taken next, and whether anything has come by the present one. */
  let turn = 0
  let good = false
  let waiting: ReturnType<typeof setTimeout> | undefined

  const all = (): Watched<unknown>[] => [...boards.values(), ...locations.values()]
  const find = (subject: Subject): Watched<unknown> | undefined =>
    boards.get(keyOf(subject)) ?? locations.get(keyOf(subject))

  const statusOf = ({ live }: Watched<unknown>): BoardStatus => ({
    live,
    via: live && connection ? connection.via : null,
  })

  function show(watched: Watched<unknown>): void {
    const view = watched.state.view()
    if (view === undefined) return
    for (const watcher of [...watched.watchers]) watcher.show(view, statusOf(watched))
  }

  function ask(watched: Watched<unknown>): void {
    if (!connection) return
    watched.state.asked()
    connection.ask(watched.subject)
  }

  function setLive(watched: Watched<unknown>, live: boolean): void {
    if (watched.live === live) return
    watched.live = live
    for (const { onStatus } of [...watched.watchers]) onStatus?.(statusOf(watched))
  }

  const isNeeded = () => all().length > 0 || listeners.size > 0

  function connect(): void {
    if (connection || waiting || !isNeeded()) return
    // Streams of events carry what is watched only, so whoever but listens tries the socket again and again.
    const way = ways[all().length > 0 ? turn % ways.length : 0]
    if (!way) return
    const mine = way({
      onReady() {
        if (connection !== mine) return
        ready = true
        for (const watched of all()) ask(watched)
        if (mine.via === 'socket') for (const { onReady } of [...listeners]) onReady?.()
      },
      onMessage: (message) => connection === mine && receive(message),
      onRefused: (subject, error) => connection === mine && refuse(subject, error),
      onEnd: (retryInMs) => connection === mine && lost(retryInMs),
    })
    connection = mine
  }

  function lost(retryInMs = 0): void {
    connection = undefined
    ready = false
    failures += 1
    turn = good ? 0 : turn + 1
    good = false
    for (const watched of all()) {
      clearTimeout(watched.asking)
      watched.asking = undefined
      const wasLive = watched.live
      setLive(watched, false)
      if (wasLive) show(watched)
    }
    waiting = setTimeout(
      () => {
        waiting = undefined
        connect()
      },
      retryInMs * (0.5 + Math.random() / 2) + backoffMs(failures, reconnect),
    )
  }

  function receive(message: ServerMessage): void {
    if (isPersonal(message)) {
      failures = 0
      good = true
      for (const { onMessage } of [...listeners]) onMessage(message)
    }
    if (message.type === 'booking_update') mark(message.booking)
    for (const watched of all()) advance(watched, message)
  }

  function advance(watched: Watched<unknown>, message: ServerMessage): void {
    const taken = watched.state.take(message)
    if (taken) {
      failures = 0
      good = true
      const becameLive = taken.whole && !watched.live && !watched.state.behind()
      if (becameLive) setLive(watched, true)
      if (taken.changed || becameLive) show(watched)
    }
    if (watched.state.behind() && watched.state.view() !== undefined) askLater(watched)
  }

  /** A version is missing: it may only be late, so a moment is waited before the whole is asked for. */
  function askLater(watched: Watched<unknown>): void {
    watched.asking ??= setTimeout(
      () => {
        watched.asking = undefined
        if (!connection || !watched.state.behind()) return
        setLive(watched, false)
        show(watched)
        ask(watched)
      },
      PATIENCE_MS * (1 + Math.random()),
    )
  }

  function refuse(subject: Subject, error: WatchError): void {
    const watched = find(subject)
    if (!watched) return
    if (error.reason !== 'NOT_FOUND' && error.reason !== 'VALIDATION') {
      failures += 1
      watched.asking ??= setTimeout(
        () => {
          watched.asking = undefined
          ask(watched)
        },
        backoffMs(failures, reconnect),
      )
      return
    }
    for (const { onError } of [...watched.watchers]) onError?.(error)
    forget(watched)
  }

  function forget({ subject, asking }: Watched<unknown>): void {
    clearTimeout(asking)
    boards.delete(keyOf(subject))
    locations.delete(keyOf(subject))
    const isLast = !all().some((other) => idOf(other.subject) === idOf(subject))
    connection?.leave(subject, isLast)
    if (!isNeeded() || (all().length === 0 && connection?.via === 'events')) disconnect()
    connect()
  }

  function disconnect(): void {
    clearTimeout(waiting)
    waiting = undefined
    ready = false
    const closing = connection
    connection = undefined
    closing?.close()
  }

  function mark(answer: unknown): void {
    for (const watched of all()) if (watched.state.mark(answer)) show(watched)
  }

  function open<View>(kept: Map<string, Watched<View>>, subject: Subject, state: Live<View>): Watched<View> {
    const watched: Watched<View> = { subject, state, watchers: new Set(), live: false, asking: undefined }
    kept.set(keyOf(subject), watched)
    if (ready) ask(watched)
    else connect()
    return watched
  }

  function watch<View>(watched: Watched<View>, watcher: Watcher<View>): Watch {
    watched.watchers.add(watcher)
    queueMicrotask(() => {
      const view = watched.watchers.has(watcher) ? watched.state.view() : undefined
      if (view !== undefined) watcher.show(view, statusOf(watched))
    })
    return {
      status: () => statusOf(watched),
      stop() {
        if (!watched.watchers.delete(watcher) || watched.watchers.size > 0) return
        if (find(watched.subject) === watched) forget(watched)
      },
    }
  }

  return {
    mark,
    watchBoard: (day, watcher) =>
      watch(boards.get(keyOf(day)) ?? open(boards, day, createLiveBoard(day)), watcher),
    watchLocation: (place, watcher) =>
      watch(locations.get(keyOf(place)) ?? open(locations, place, createLiveLocation(place)), watcher),
    listen(listener) {
      listeners.add(listener)
      if (!ready) connect()
      else if (connection?.via === 'socket') queueMicrotask(() => listener.onReady?.())
      return () => {
        if (listeners.delete(listener) && !isNeeded()) disconnect()
      }
    },
    restart() {
      for (const watched of all()) {
        watched.state.forgetMarks()
        setLive(watched, false)
        show(watched)
      }
      disconnect()
      connect()
    },
    close() {
      boards.clear()
      locations.clear()
      listeners.clear()
      disconnect()
    },
  }
}

const isPersonal = (message: ServerMessage): message is PersonalMessage =>
  PERSONAL.some((type) => type === message.type)
