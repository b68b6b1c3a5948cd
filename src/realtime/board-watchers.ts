import type { RefreshBoards } from '../context'
import type { Db } from '../db/client'
import { AppError } from '../errors'
import type { Log } from '../lib/logger'
import type { Millis } from '../lib/time'
import { type Board, type BoardKey, type CalendarKey, calendarId, calendarKey } from '../schemas/slots'
import { topicOf } from '../schemas/socket-messages'
import { type BoardReading, readBoard, readVersions } from '../services/calendar/boards'
import type { Bus } from './bus'
import { createSharedReads } from './shared-reads'

type WatchedBoard = { board: BoardKey; watchers: number; changesAt: Millis }
type WatchedCalendar = { key: CalendarKey; boards: Map<string, WatchedBoard> }

export type BoardWatchers = {
  /** @returns the same key object to every watcher of the board */
  watch(board: BoardKey): BoardKey
  unwatch(board: BoardKey): void
  /**
   * Reads a board for a watcher that has just subscribed. Watchers that join together share a query.
   * @param userId marks the holds of this user
   * @throws NOT_FOUND
   */
  read(board: BoardKey, userId?: string): Promise<Board>
  refresh: RefreshBoards
  /** Sends the boards of services again that can use the space of this topic. */
  roomChanged(topic: string): void
  /** Runs in every sweep: sends the versions of the watched boards, and the boards that only time has changed. */
  tick(): Promise<void>
  calendars(): number
  boards(): number
}

export const dayOf = ({ date, serviceId = '' }: BoardKey): string => `${date} ${serviceId}`

type Parts = { db: Db; log: Log; deliver: Bus['deliver'] }

/** Tracks the boards that the sockets and streams of this process watch, and keeps them current. */
export function createBoardWatchers(parts: Parts): BoardWatchers {
  const { db, deliver } = parts
  const watched = createRegistry()
  const rendering = new Map<WatchedBoard, 'reading' | 'changed'>()
  const shareRead = createSharedReads<BoardReading>()

  async function renderUntilCurrent(entry: WatchedBoard): Promise<void> {
    if (rendering.has(entry)) return void rendering.set(entry, 'changed')
    do {
      rendering.set(entry, 'reading')
      await renderBoard(parts, watched, entry.board)
    } while (rendering.get(entry) === 'changed' && entry.watchers > 0)
    rendering.delete(entry)
  }

  function roomChanged(topic: string): void {
    for (const entry of watched.usingRoom(topic)) void renderUntilCurrent(entry)
  }

  return {
    watch: watched.add,
    unwatch: watched.remove,
    async read(key, userId) {
      const name = `${topicOf.calendar(key)} ${dayOf(key)}`
      const { board, boardOf, rooms } = await shareRead(name, () => readBoard(db, key))
      watched.setRooms(watched.find(key), rooms)
      return userId === undefined ? board : boardOf(userId)
    },
    refresh(calendarIds) {
      for (const id of calendarIds) {
        for (const { board } of watched.boardsOf(id)) void renderBoard(parts, watched, board)
        roomChanged(topicOf.space(id))
      }
    },
    roomChanged,
    async tick() {
      const rendered = []
      for (const { board } of watched.all().filter(({ changesAt }) => changesAt <= Date.now()))
        rendered.push({ id: calendarId(board), result: await renderBoard(parts, watched, board) })
      for (const { key, version } of await readVersions(db, watched.calendars())) {
        deliver(topicOf.calendar(key), { type: 'board_version', ...key, version })
        // A change may have overtaken a rendered board, which clients then ignore. The next tick renders it again.
        for (const { result } of rendered.filter(({ id }) => id === calendarId(key)))
          if (result && result.version < version) result.entry.changesAt = 0
      }
    },
    calendars: () => watched.calendars().length,
    boards: () => watched.all().length,
  }
}

type Registry = ReturnType<typeof createRegistry>

function createRegistry() {
  const calendars = new Map<string, WatchedCalendar>()
  const rooms = new Map<WatchedBoard, ReadonlySet<string>>()
  const find = (board: BoardKey) => calendars.get(calendarId(board))?.boards.get(dayOf(board))

  return {
    find,
    add(board: BoardKey): BoardKey {
      const calendar = calendars.getOrInsertComputed(calendarId(board), () => ({
        key: calendarKey(board),
        boards: new Map<string, WatchedBoard>(),
      }))
      const entry = calendar.boards.getOrInsert(dayOf(board), { board, watchers: 0, changesAt: 0 })
      entry.watchers += 1
      return entry.board
    },
    remove(board: BoardKey): void {
      const boards = calendars.get(calendarId(board))?.boards
      const entry = find(board)
      if (!boards || !entry) return
      entry.watchers -= 1
      if (entry.watchers === 0) {
        boards.delete(dayOf(board))
        rooms.delete(entry)
      }
      if (boards.size === 0) calendars.delete(calendarId(board))
    },
    setRooms(entry: WatchedBoard | undefined, spaces: CalendarKey[]): void {
      if (entry && spaces.length > 0) rooms.set(entry, new Set(spaces.map(topicOf.calendar)))
      else if (entry) rooms.delete(entry)
    },
    *usingRoom(topic: string): Generator<WatchedBoard> {
      for (const [entry, topics] of rooms) if (topics.has(topic)) yield entry
    },
    boardsOf: (id: string): WatchedBoard[] => [...(calendars.get(id)?.boards.values() ?? [])],
    all: (): WatchedBoard[] => [...calendars.values()].flatMap(({ boards }) => [...boards.values()]),
    calendars: (): CalendarKey[] => [...calendars.values()].map(({ key }) => key),
  }
}

async function renderBoard(
  { db, log, deliver }: Parts,
  watched: Registry,
  board: BoardKey,
): Promise<{ entry: WatchedBoard; version: number } | null> {
  try {
    const { board: whole, changesAt, rooms } = await readBoard(db, board)
    const entry = watched.find(board)
    if (entry) entry.changesAt = changesAt
    watched.setRooms(entry, rooms)
    deliver(topicOf.calendar(board), { type: 'slots_status_update', ...whole })
    return entry ? { entry, version: whole.version } : null
  } catch (error) {
    // The calendar may have been removed. After any other failure, the next tick tries again.
    if (!(error instanceof AppError)) log.warn({ error, board }, 'reading a watched board failed')
    return null
  }
}
