import type { RefreshBoards } from '../context'
import type { Db } from '../db/client'
import { AppError } from '../errors'
import type { Log } from '../lib/logger'
import type { Millis } from '../lib/time'
import { type Board, type BoardKey, type CalendarKey, calendarId, calendarKey } from '../schemas/slots'
import { topicOf } from '../schemas/socket-messages'
import { readBoard, readVersions } from '../services/calendar/boards'
import type { Bus } from './bus'

type Watched = { board: BoardKey; watchers: number; changesAt: Millis }
type WatchedCalendar = { key: CalendarKey; boards: Map<string, Watched> }

export type BoardWatchers = {
  watch(board: BoardKey): void
  unwatch(board: BoardKey): void
  /** The board for one who watches it from now on, with his own holds marked. @throws NOT_FOUND */
  read(board: BoardKey, me?: string): Promise<Board>
  refresh: RefreshBoards
  /** Something was told of a calendar: the boards of services that may take that room are told again. */
  roomChanged(topic: string): void
  /** Every sweep: tells the versions of all watched boards, and renders again those that time alone has changed. */
  tick(): Promise<void>
  calendars(): number
  boards(): number
}

/** What tells the boards of one calendar apart. */
export const dayOf = ({ date, serviceId = '' }: BoardKey): string => `${date} ${serviceId}`

/** Which boards this server's own sockets look at, and what keeps them true when nobody changes anything. */
export function createBoardWatchers({
  db,
  log,
  deliver,
}: {
  db: Db
  log: Log
  deliver: Bus['deliver']
}): BoardWatchers {
  const watched = new Map<string, WatchedCalendar>()
  /** The boards that other calendars decide too: those of the rooms that a service may take. */
  const roomed = new Map<Watched, ReadonlySet<string>>()

  const entryOf = (board: BoardKey) => watched.get(calendarId(board))?.boards.get(dayOf(board))

  function noteRooms(entry: Watched | undefined, rooms: CalendarKey[]): void {
    if (entry && rooms.length > 0) roomed.set(entry, new Set(rooms.map(topicOf.calendar)))
    else if (entry) roomed.delete(entry)
  }

  /** @returns what was told, or nothing where there was no board to tell */
  async function render(board: BoardKey): Promise<{ entry: Watched; version: number } | null> {
    try {
      const { board: whole, changesAt, rooms } = await readBoard(db, board)
      const entry = entryOf(board)
      if (entry) entry.changesAt = changesAt
      noteRooms(entry, rooms)
      deliver(topicOf.calendar(board), { type: 'slots_status_update', ...whole })
      return entry ? { entry, version: whole.version } : null
    } catch (error) {
      // A calendar that was removed has no board any more. Anything else is healed at the next tick.
      if (!(error instanceof AppError)) log.warn({ error, board }, 'a watched board could not be read')
      return null
    }
  }

  /** However often a room changes meanwhile, its boards are read once more after the reading that has begun. */
  const stale = new Map<Watched, 'reading' | 'changed'>()
  async function renderUntilTrue(entry: Watched): Promise<void> {
    if (stale.has(entry)) return void stale.set(entry, 'changed')
    do {
      stale.set(entry, 'reading')
      await render(entry.board)
    } while (stale.get(entry) === 'changed' && entry.watchers > 0)
    stale.delete(entry)
  }

  function roomChanged(topic: string): void {
    for (const [entry, rooms] of roomed) if (rooms.has(topic)) void renderUntilTrue(entry)
  }

  return {
    watch(board) {
      const calendar = watched.getOrInsertComputed(calendarId(board), () => ({
        key: calendarKey(board),
        boards: new Map<string, Watched>(),
      }))
      calendar.boards.getOrInsert(dayOf(board), { board, watchers: 0, changesAt: 0 }).watchers += 1
    },
    async read(key, me) {
      const { board, rooms } = await readBoard(db, key, me)
      noteRooms(entryOf(key), rooms)
      return board
    },
    unwatch(board) {
      const boards = watched.get(calendarId(board))?.boards
      const entry = entryOf(board)
      if (!boards || !entry) return
      entry.watchers -= 1
      if (entry.watchers === 0) {
        boards.delete(dayOf(board))
        roomed.delete(entry)
      }
      if (boards.size === 0) watched.delete(calendarId(board))
    },
    refresh(calendarIds) {
      for (const id of calendarIds) {
        for (const { board } of watched.get(id)?.boards.values() ?? []) void render(board)
        roomChanged(topicOf.space(id))
      }
    },
    roomChanged,
    async tick() {
      const all = [...watched.values()].flatMap(({ boards }) => [...boards.values()])
      const told = []
      for (const { board } of all.filter(({ changesAt }) => changesAt <= Date.now()))
        told.push({ id: calendarId(board), board: await render(board) })
      const versions = await readVersions(
        db,
        [...watched.values()].map((calendar) => calendar.key),
      )
      for (const { key, version } of versions) {
        deliver(topicOf.calendar(key), { type: 'board_version', ...key, version })
        // A change may have overtaken the board on its way, and then followers passed it over: it is told again.
        for (const { board } of told.filter(({ id }) => id === calendarId(key)))
          if (board && board.version < version) board.entry.changesAt = 0
      }
    },
    calendars: () => watched.size,
    boards: () => [...watched.values()].reduce((sum, { boards }) => sum + boards.size, 0),
  }
}
