import type { WatchBoard } from '../context'
import type { Db } from '../db/client'
import { AppError } from '../errors'
import type { Log } from '../lib/logger'
import { type BoardKey, calendarId } from '../schemas/slots'
import { type BoardMessage, type ServerMessage, topicOf } from '../schemas/socket-messages'
import { readBoard } from '../services/calendar/boards'
import { type BoardWatchers, dayOf } from './board-watchers'
import type { Bus } from './bus'
import { type BoardFollower, followBoard, isOfDay } from './follow-board'

const MAX_AGE_MS = 60_000
/** How long to wait for a missing message before the board is read again. */
const PATIENCE_MS = 200
/** A watcher with more unread messages gets the whole board instead. */
const MAX_UNREAD = 64

type Watcher = { unread: BoardMessage[]; wake: () => void; leave: () => void }

type SharedBoard = {
  day: BoardKey
  follower: BoardFollower
  watchers: Set<Watcher>
  reading: Promise<void> | undefined
  staleAt: number
  healing: ReturnType<typeof setTimeout> | undefined
  close(): void
}

type Parts = {
  db: Db
  log: Log
  bus: Pick<Bus, 'subscribe'>
  boards: Pick<BoardWatchers, 'watch' | 'unwatch'>
}

export type BoardStreams = {
  watch: WatchBoard
  watchers(): number
  /** Ends every stream and refuses new ones: a server that stops waits for its open responses. */
  close(): void
}

/**
 * Boards for server-sent events. All streams of a board share one bus subscription and one copy of the board, so a change
 * costs no query.
 */
export function createBoardStreams(parts: Parts): BoardStreams {
  const shared = new Map<string, SharedBoard>()
  let watching = 0
  let closed = false

  function addWatcher(key: string, board: SharedBoard, signal: AbortSignal): Watcher {
    const watcher: Watcher = {
      unread: [],
      wake() {},
      leave() {
        signal.removeEventListener('abort', watcher.leave)
        if (!board.watchers.delete(watcher)) return
        watching -= 1
        watcher.wake()
        if (board.watchers.size > 0) return
        board.close()
        shared.delete(key)
      },
    }
    board.watchers.add(watcher)
    watching += 1
    signal.addEventListener('abort', watcher.leave)
    return watcher
  }

  return {
    watchers: () => watching,
    async watch(day, signal) {
      if (closed) throw new AppError('UNAVAILABLE', 'This server is shutting down. Try again.')
      const key = `${calendarId(day)} ${dayOf(day)}`
      const board = shared.getOrInsertComputed(key, () => openBoard(parts, day))
      const watcher = addWatcher(key, board, signal)
      try {
        if (board.staleAt <= Date.now()) await read(parts.db, board)
      } catch (error) {
        watcher.leave()
        throw error
      }
      if (signal.aborted) watcher.leave()
      watcher.unread = wholeBoard(board)
      return messagesOf(board, watcher)
    },
    close() {
      closed = true
      for (const { watchers } of [...shared.values()]) for (const watcher of [...watchers]) watcher.leave()
    },
  }
}

function openBoard({ db, log, bus, boards }: Parts, day: BoardKey): SharedBoard {
  // Subscribe before reading: a change in between then arrives twice instead of never.
  const unsubscribe = bus.subscribe(topicOf.calendar(day), (message) => {
    if (!isBoardMessage(message)) return
    forward(board, message)
    healIfBehind(board, { db, log })
  })
  boards.watch(day)
  const board: SharedBoard = {
    day,
    follower: followBoard(day),
    watchers: new Set(),
    reading: undefined,
    staleAt: 0,
    healing: undefined,
    close() {
      unsubscribe()
      boards.unwatch(day)
      clearTimeout(board.healing)
    },
  }
  return board
}

function forward(board: SharedBoard, message: BoardMessage): void {
  board.follower.take(message)
  if (message.type !== 'slots_status_update' || isOfDay(message, board.day)) notifyWatchers(board, message)
}

function healIfBehind(board: SharedBoard, { db, log }: Pick<Parts, 'db' | 'log'>): void {
  const { follower } = board
  if (!follower.behind() || follower.board() === undefined) return
  board.healing ??= setTimeout(() => {
    board.healing = undefined
    if (follower.behind())
      void read(db, board).catch((error) => log.warn({ error }, 'reading a streamed board failed'))
  }, PATIENCE_MS)
}

function read(db: Db, board: SharedBoard): Promise<void> {
  board.reading ??= readBoard(db, board.day)
    .then(({ board: whole, changesAt }) => {
      board.staleAt = Math.min(changesAt, Date.now() + MAX_AGE_MS)
      const message: BoardMessage = { type: 'slots_status_update', ...whole }
      board.follower.take(message)
      notifyWatchers(board, message)
    })
    .finally(() => {
      board.reading = undefined
    })
  return board.reading
}

function notifyWatchers(board: SharedBoard, message: BoardMessage): void {
  for (const watcher of board.watchers) {
    watcher.unread.push(message)
    if (watcher.unread.length > MAX_UNREAD) watcher.unread = wholeBoard(board)
    watcher.wake()
  }
}

const wholeBoard = ({ follower }: SharedBoard): BoardMessage[] => {
  const board = follower.board()
  return board ? [{ type: 'slots_status_update', ...board }] : []
}

async function* messagesOf({ watchers }: SharedBoard, watcher: Watcher): AsyncGenerator<BoardMessage, void> {
  try {
    while (watchers.has(watcher)) {
      const message = watcher.unread.shift()
      if (message) yield message
      else await new Promise<void>((resolve) => (watcher.wake = resolve))
    }
  } finally {
    watcher.leave()
  }
}

const isBoardMessage = (message: ServerMessage): message is BoardMessage =>
  message.type === 'slot_update' || message.type === 'slots_status_update' || message.type === 'board_version'
