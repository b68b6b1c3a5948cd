import type { Board, BoardMessage, Booking, ServerMessage } from './api'
import { backoffMs, type Delay } from './backoff'
import { createLiveBoard, type LiveBoard } from './board'
import { type Connection, type ConnectionEvents, type Day, keyOf, type WatchError } from './connection'

/** How long a message that is missing may be late before the board is asked for again. */
const PATIENCE_MS = 250

/** Whether what is shown is what the server has, and how it comes. */
export type BoardStatus = { live: boolean; via: 'socket' | 'events' | null }
export type OnBoard = (board: Board, status: BoardStatus) => void
export type WatchOptions = {
  /** Told whenever the board becomes live, or no longer is; also before there is a board. */
  onStatus?: (status: BoardStatus) => void
  /** The server refuses to show this board, for example because there is no such space. Nothing more comes then. */
  onError?: (error: WatchError) => void
}
export type Watch = { status(): BoardStatus; stop(): void }

/** What comes to a person's own sockets. */
export type PersonalMessage = Extract<
  ServerMessage,
  { type: 'booking_update' | 'payment_update' | 'notification' | 'notifications_unread' | 'announcement' }
>
export type OnPersonal = {
  onMessage(message: PersonalMessage): void
  /** It listens from now on, for the first time or again: what came before was not heard. */
  onReady?(): void
}

type Watcher = WatchOptions & { onBoard: OnBoard }
type Watched = {
  day: Day
  state: LiveBoard
  watchers: Set<Watcher>
  live: boolean
  asking: ReturnType<typeof setTimeout> | undefined
}

/** Opens a connection the given way. */
export type Connect = (events: ConnectionEvents) => Connection

export type LiveBoards = {
  watch(day: Day, watcher: Watcher): Watch
  /** Hears what comes to the person who is signed in, by socket only. @returns what ends it */
  listen(listener: OnPersonal): () => void
  mark(booking: Booking): void
  /** Somebody else is signed in now, or nobody: what was marked as one's own is no longer. */
  restart(): void
  close(): void
}

/**
 * All boards that are watched, over one connection. Where one way does not open, the next attempt takes the next way;
 * after a connection that was good, the first way is tried first again.
 */
export function createLiveBoards(ways: Connect[], reconnect: Delay): LiveBoards {
  const boards = new Map<string, Watched>()
  const listeners = new Set<OnPersonal>()
  let connection: Connection | undefined
  let ready = false
  let failures = 0
  let waiting: ReturnType<typeof setTimeout> | undefined

  const statusOf = ({ live }: Watched): BoardStatus => ({
    live,
    via: live && connection ? connection.via : null,
  })

  function show(watched: Watched): void {
    const board = watched.state.board()
    if (!board) return
    for (const { onBoard } of [...watched.watchers]) onBoard(board, statusOf(watched))
  }

  function setLive(watched: Watched, live: boolean): void {
    if (watched.live === live) return
    watched.live = live
    for (const { onStatus } of [...watched.watchers]) onStatus?.(statusOf(watched))
  }

  const isNeeded = () => boards.size > 0 || listeners.size > 0

  function connect(): void {
    if (connection || waiting || !isNeeded()) return
    // Streams of events carry boards only, so whoever but listens tries the socket again and again.
    const way = ways[boards.size > 0 ? failures % ways.length : 0]
    if (!way) return
    const mine = way({
      onReady() {
        if (connection !== mine) return
        ready = true
        for (const { day } of boards.values()) mine.ask(day)
        if (mine.via === 'socket') for (const { onReady } of [...listeners]) onReady?.()
      },
      onMessage: (message) => connection === mine && receive(message),
      onRefused: (day, error) => connection === mine && refuse(day, error),
      onEnd: (retryInMs) => connection === mine && lost(retryInMs),
    })
    connection = mine
  }

  function lost(retryInMs = 0): void {
    connection = undefined
    ready = false
    failures += 1
    for (const watched of boards.values()) {
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
      for (const { onMessage } of [...listeners]) onMessage(message)
    }
    if (message.type === 'booking_update') mark(message.booking)
    if (!isBoardMessage(message)) return
    failures = 0
    for (const watched of boards.values()) {
      if (watched.day.spaceId === message.spaceId) advance(watched, message)
    }
  }

  function advance(watched: Watched, message: BoardMessage): void {
    const changed = watched.state.take(message)
    const isWhole = message.type === 'slots_status_update' && message.date === watched.day.date
    const becameLive = isWhole && !watched.live && !watched.state.behind()
    if (becameLive) setLive(watched, true)
    if (changed || becameLive) show(watched)
    if (watched.state.behind() && watched.state.board()) askLater(watched)
  }

  /** A version is missing: it may only be late, so a moment is waited before the whole board is asked for. */
  function askLater(watched: Watched): void {
    watched.asking ??= setTimeout(
      () => {
        watched.asking = undefined
        if (!connection || !watched.state.behind()) return
        setLive(watched, false)
        show(watched)
        connection.ask(watched.day)
      },
      PATIENCE_MS * (1 + Math.random()),
    )
  }

  function refuse(day: Day, error: WatchError): void {
    const watched = boards.get(keyOf(day))
    if (!watched) return
    if (error.reason !== 'NOT_FOUND' && error.reason !== 'VALIDATION') {
      failures += 1
      watched.asking ??= setTimeout(
        () => {
          watched.asking = undefined
          connection?.ask(day)
        },
        backoffMs(failures, reconnect),
      )
      return
    }
    for (const { onError } of [...watched.watchers]) onError?.(error)
    forget(watched)
  }

  function forget(watched: Watched): void {
    clearTimeout(watched.asking)
    boards.delete(keyOf(watched.day))
    const isLastOfSpace = ![...boards.values()].some(({ day }) => day.spaceId === watched.day.spaceId)
    connection?.leave(watched.day, isLastOfSpace)
    if (!isNeeded() || (boards.size === 0 && connection?.via === 'events')) disconnect()
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

  function mark(booking: Booking): void {
    for (const watched of boards.values()) if (watched.state.mark(booking)) show(watched)
  }

  function open(day: Day): Watched {
    const state = createLiveBoard(day)
    const watched: Watched = { day, state, watchers: new Set(), live: false, asking: undefined }
    boards.set(keyOf(day), watched)
    if (ready) connection?.ask(day)
    else connect()
    return watched
  }

  return {
    mark,
    watch(day, watcher) {
      const watched = boards.get(keyOf(day)) ?? open(day)
      watched.watchers.add(watcher)
      queueMicrotask(() => {
        const board = watched.watchers.has(watcher) && watched.state.board()
        if (board) watcher.onBoard(board, statusOf(watched))
      })
      return {
        status: () => statusOf(watched),
        stop() {
          if (!watched.watchers.delete(watcher) || watched.watchers.size > 0) return
          if (boards.get(keyOf(day)) === watched) forget(watched)
        },
      }
    },
    listen(listener) {
      listeners.add(listener)
      if (!ready) connect()
      else if (connection?.via === 'socket') queueMicrotask(() => listener.onReady?.())
      return () => {
        if (listeners.delete(listener) && !isNeeded()) disconnect()
      }
    },
    restart() {
      for (const watched of boards.values()) {
        watched.state.forgetMarks()
        setLive(watched, false)
        show(watched)
      }
      disconnect()
      connect()
    },
    close() {
      boards.clear()
      listeners.clear()
      disconnect()
    },
  }
}

const isBoardMessage = (message: ServerMessage): message is BoardMessage =>
  message.type === 'slot_update' || message.type === 'slots_status_update' || message.type === 'board_version'

const PERSONAL: string[] = [
  'booking_update',
  'payment_update',
  'notification',
  'notifications_unread',
  'announcement',
] satisfies PersonalMessage['type'][]
const isPersonal = (message: ServerMessage): message is PersonalMessage => PERSONAL.includes(message.type)
