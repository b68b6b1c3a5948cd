import type { RefreshBoards } from '../context'
import type { Db } from '../db/client'
import { AppError } from '../errors'
import type { Log } from '../log'
import { readSharedBoard, readVersions } from '../services/boards'
import type { Millis } from '../time'
import type { Bus } from './bus'
import { topicOf } from './events'

type Watched = { watchers: number; changesAt: Millis }

export type WatchedBoards = {
  watch(spaceId: string, date: string): void
  unwatch(spaceId: string, date: string): void
  refresh: RefreshBoards
  /** Every sweep: tells the versions of all watched boards, and renders again those that time alone has changed. */
  tick(): Promise<void>
  spaces(): number
  boards(): number
}

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
  const watched = new Map<string, Map<string, Watched>>()

  /** @returns what was told, or nothing where there was no board to tell */
  async function render(spaceId: string, date: string): Promise<{ entry: Watched; version: number } | null> {
    try {
      const { board, changesAt } = await readSharedBoard(db, { spaceId, date })
      const entry = watched.get(spaceId)?.get(date)
      if (entry) entry.changesAt = changesAt
      deliver(topicOf.space(spaceId), { type: 'slots_status_update', ...board })
      return entry ? { entry, version: board.version } : null
    } catch (error) {
      // A space that was removed has no board any more. Anything else is healed at the next tick.
      if (!(error instanceof AppError))
        log.warn({ error, spaceId, date }, 'a watched board could not be read')
      return null
    }
  }

  return {
    watch(spaceId, date) {
      const dates = watched.getOrInsert(spaceId, new Map<string, Watched>())
      const entry = dates.getOrInsert(date, { watchers: 0, changesAt: 0 })
      entry.watchers += 1
    },
    unwatch(spaceId, date) {
      const dates = watched.get(spaceId)
      const entry = dates?.get(date)
      if (!dates || !entry) return
      entry.watchers -= 1
      if (entry.watchers === 0) dates.delete(date)
      if (dates.size === 0) watched.delete(spaceId)
    },
    refresh(spaceIds) {
      for (const spaceId of spaceIds) {
        for (const date of watched.get(spaceId)?.keys() ?? []) void render(spaceId, date)
      }
    },
    async tick() {
      const due = [...watched].flatMap(([spaceId, dates]) =>
        [...dates]
          .filter(([, { changesAt }]) => changesAt <= Date.now())
          .map(([date]) => ({ spaceId, date })),
      )
      const told = []
      for (const { spaceId, date } of due) told.push({ spaceId, board: await render(spaceId, date) })
      const versions = await readVersions(db, [...watched.keys()])
      for (const { spaceId, version } of versions) {
        deliver(topicOf.space(spaceId), { type: 'board_version', spaceId, version })
        // A change may have overtaken the board on its way, and then followers passed it over: it is told again.
        for (const { board } of told.filter((one) => one.spaceId === spaceId))
          if (board && board.version < version) board.entry.changesAt = 0
      }
    },
    spaces: () => watched.size,
    boards: () => [...watched.values()].reduce((sum, dates) => sum + dates.size, 0),
  }
}
