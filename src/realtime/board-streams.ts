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

/** A board this old is read again for whoever comes: no cached board lives longer. */
const MAX_AGE_MS = 60_000
/** How long a message that is missing may be late before the board is read again. */
const PATIENCE_MS = 200
/** What a watcher may leave unread before it gets the whole board in place of its changes. */
const MAX_UNREAD = 64

/** One watcher: what it has not read yet, what wakes it, and what ends it. */
type Watcher = { unread: BoardMessage[]; wake: () => void; leave: () => void }

/** One board that somebody watches by server-sent events: kept once, for all of them. */
type Feed = {
  follower: BoardFollower
  watchers: Set<Watcher>
  /** The reading of the board that is under way, if one is. */
  reading: Promise<void> | undefined
  staleAt: number
  healing: ReturnType<typeof setTimeout> | undefined
  end(): void
}

export type BoardStreams = {
  watch: WatchBoard
  watchers(): number
  /** Ends every stream, and lets none begin: a server that stops waits for what it has begun to answer. */
  close(): void
}

/**
 * Boards for server-sent events. Each is one subscription of the bus and one reading, shared by all who watch it: a change
 * costs the database nothing, whoever comes later gets the board as it is kept here.
 */
export function createBoardStreams({
  db,
  log,
  bus,
  boards,
}: {
  db: Db
  log: Log
  bus: Pick<Bus, 'subscribe'>
  boards: Pick<BoardWatchers, 'watch' | 'unwatch'>
}): BoardStreams {
  const feeds = new Map<string, Feed>()
  let watching = 0
  let closed = false

  function openFeed(key: string, board: BoardKey): Feed {
    const follower = followBoard(board)
    // Before the board is read: what changes in between arrives twice rather than never.
    const unsubscribe = bus.subscribe(topicOf.calendar(board), (message) => {
      if (isBoardMessage(message)) pass(feed, message, board)
    })
    boards.watch(board)
    const feed: Feed = {
      follower,
      watchers: new Set(),
      reading: undefined,
      staleAt: 0,
      healing: undefined,
      end() {
        unsubscribe()
        boards.unwatch(board)
        clearTimeout(feed.healing)
        feeds.delete(key)
      },
    }
    return feed
  }

  function pass(feed: Feed, message: BoardMessage, day: BoardKey): void {
    feed.follower.take(message)
    const ofOtherDay = message.type === 'slots_status_update' && !isOfDay(message, day)
    if (!ofOtherDay) notifyWatchers(feed, message)
    if (!feed.follower.behind() || feed.follower.board() === undefined) return
    feed.healing ??= setTimeout(() => {
      feed.healing = undefined
      if (feed.follower.behind())
        void read(feed, day).catch((error) => log.warn({ error }, 'a board was not read'))
    }, PATIENCE_MS)
  }

  function read(feed: Feed, day: BoardKey): Promise<void> {
    feed.reading ??= readBoard(db, day)
      .then(({ board, changesAt }) => {
        feed.staleAt = Math.min(changesAt, Date.now() + MAX_AGE_MS)
        const whole: BoardMessage = { type: 'slots_status_update', ...board }
        feed.follower.take(whole)
        notifyWatchers(feed, whole)
      })
      .finally(() => {
        feed.reading = undefined
      })
    return feed.reading
  }

  return {
    watchers: () => watching,
    async watch(board, signal) {
      if (closed) throw new AppError('UNAVAILABLE', 'This server is closing. Please try again.')
      const key = `${calendarId(board)} ${dayOf(board)}`
      const feed = feeds.getOrInsertComputed(key, () => openFeed(key, board))
      const watcher: Watcher = {
        unread: [],
        wake() {},
        leave() {
          signal.removeEventListener('abort', watcher.leave)
          if (!feed.watchers.delete(watcher)) return
          watching -= 1
          watcher.wake()
          if (feed.watchers.size === 0) feed.end()
        },
      }
      feed.watchers.add(watcher)
      watching += 1
      signal.addEventListener('abort', watcher.leave)
      try {
        if (feed.staleAt <= Date.now()) await read(feed, board)
      } catch (error) {
        watcher.leave()
        throw error
      }
      if (signal.aborted) watcher.leave()
      watcher.unread = wholeBoard(feed)
      return messagesOf(feed, watcher)
    },
    close() {
      closed = true
      for (const { watchers } of [...feeds.values()]) for (const watcher of [...watchers]) watcher.leave()
    },
  }
}

function notifyWatchers(
  { watchers, follower }: Pick<Feed, 'watchers' | 'follower'>,
  message: BoardMessage,
): void {
  for (const watcher of watchers) {
    watcher.unread.push(message)
    if (watcher.unread.length > MAX_UNREAD) watcher.unread = wholeBoard({ follower })
    watcher.wake()
  }
}

const wholeBoard = ({ follower }: Pick<Feed, 'follower'>): BoardMessage[] => {
  const board = follower.board()
  return board ? [{ type: 'slots_status_update', ...board }] : []
}

async function* messagesOf({ watchers }: Feed, watcher: Watcher): AsyncGenerator<BoardMessage, void> {
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
