import type { RefreshBoards } from '../context'
import type { Db } from '../db/client'
import { AppError } from '../errors'
import type { Log } from '../log'
import { readSharedBoard, readVersions } from '../services/boards'
import { type BoardKey, type CalendarKey, calendarId, calendarKey } from '../shapes/slots'
import type { Millis } from '../time'
import type { Bus } from './bus'
import { topicOf } from './events'

type Watched = { board: BoardKey; watchers: number; changesAt: Millis }
type WatchedCalendar = { key: CalendarKey; boards: Map<string, Watched> }

export type WatchedBoards = {
  watch(board: BoardKey): void
  unwatch(board: BoardKey): void
  refresh: RefreshBoards
  /** Every sweep: tells the versions of all watched boards, and renders again those that time alone has changed. */
  tick(): Promise<void>
  calendars(): number
  boards(): number
}

/** What tells the boards of one calendar apart. */
export const dayOf = ({ date, serviceId = '' }: BoardKey): string => `${date} ${serviceId}`

/** Which boards this server's own sockets look at, and what keeps them true when nobody changes anything. */
export function createWatchedBoards({
  db,
  log,
  deliver,
}: {
  db: Db
  log: Log
  deliver: Bus['deliver']
}): WatchedBoards {
  const watched = new Map<string, WatchedCalendar>()

  /** @returns what was told, or nothing where there was no board to tell */
  async function render(board: BoardKey): Promise<{ entry: Watched; version: number } | null> {
    try {
      const { board: whole, changesAt } = await readSharedBoard(db, board)
      const entry = watched.get(calendarId(board))?.boards.get(dayOf(board))
      if (entry) entry.changesAt = changesAt
      deliver(topicOf.calendar(board), { type: 'slots_status_update', ...whole })
      return entry ? { entry, version: whole.version } : null
    } catch (error) {
      // A calendar that was removed has no board any more. Anything else is healed at the next tick.
      if (!(error instanceof AppError)) log.warn({ error, board }, 'a watched board could not be read')
      return null
    }
  }

  return {
    watch(board) {
      const calendar = watched.getOrInsertComputed(calendarId(board), () => ({
        key: calendarKey(board),
        boards: new Map<string, Watched>(),
      }))
      calendar.boards.getOrInsert(dayOf(board), { board, watchers: 0, changesAt: 0 }).watchers += 1
    },
    unwatch(board) {
      const boards = watched.get(calendarId(board))?.boards
      const entry = boards?.get(dayOf(board))
      if (!boards || !entry) return
      entry.watchers -= 1
      if (entry.watchers === 0) boards.delete(dayOf(board))
      if (boards.size === 0) watched.delete(calendarId(board))
    },
    refresh(calendarIds) {
      for (const id of calendarIds) {
        for (const { board } of watched.get(id)?.boards.values() ?? []) void render(board)
      }
    },
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
