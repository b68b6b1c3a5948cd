// Not by way of the shapes, whose validation would come along into the client.
import { calendarId } from '../schemas/calendar-key'
import type { Board, BoardKey } from '../schemas/slots'
import type { BoardMessage } from '../schemas/socket-messages'

type SlotUpdate = Extract<BoardMessage, { type: 'slot_update' }>

/** Updates that wait for one before them; past so many the board is asked for anyway. */
const MAX_WAITING = 500

export type BoardFollower = {
  /** The board as far as it is known; undefined before the first whole one came. */
  board(): Board | undefined
  /** Takes a message of the calendar, in whatever order they come. @returns whether the board is another one now */
  take(message: BoardMessage): boolean
  /** True where a newer version is known of than the board has: a message is late, or was lost. */
  behind(): boolean
}

/**
 * Keeps one day of a calendar true by its messages: whole boards replace it, changes carry it from one version to the
 * next. What came already is ignored, and what came too early waits for the one before it. It runs in the server, which
 * keeps one board for all who watch it by server-sent events, and in the client package.
 */
export function followBoard(key: BoardKey): BoardFollower {
  let board: Board | undefined
  let known = -1
  let waiting: SlotUpdate[] = []

  function replaceBoard(whole: Board): boolean {
    // One of the same version is a later look: time alone has changed it.
    if (!isOfDay(whole, key) || (board && whole.version < board.version)) return false
    board = whole
    return true
  }

  function applyWaiting(): boolean {
    let changed = false
    for (;;) {
      const current = board
      if (!current) return changed
      waiting = waiting.filter(({ version }) => version > current.version)
      const next = waiting.find(({ fromVersion }) => fromVersion <= current.version)
      if (!next) return changed
      const slots = new Map(next.slots.map((slot) => [slot.id, slot]))
      board = {
        ...current,
        version: next.version,
        slots: current.slots.map((slot) => slots.get(slot.id) ?? slot),
      }
      changed = true
    }
  }

  return {
    board: () => board,
    behind: () => board === undefined || board.version < known,
    take(message) {
      if ((message.spaceId ?? message.specialistId) !== calendarId(key)) return false
      known = Math.max(known, message.version)
      if (message.type === 'board_version') return false
      if (message.type === 'slot_update') {
        if (waiting.length < MAX_WAITING) waiting.push(message)
        return applyWaiting()
      }
      const { type: _type, requestId: _requestId, ...whole } = message
      const replaced = replaceBoard(whole)
      return applyWaiting() || replaced
    },
  }
}

/** Whether a whole board is the one that is followed, and not another day or service of its calendar. */
export const isOfDay = (whole: Pick<Board, 'date' | 'serviceId'>, { date, serviceId }: BoardKey): boolean =>
  whole.date === date && whole.serviceId === serviceId
