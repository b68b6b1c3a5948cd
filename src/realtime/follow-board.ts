// Not from ../schemas/slots: that would bundle Zod into the client package.
import { calendarId } from '../schemas/calendar-key'
import type { Board, BoardKey } from '../schemas/slots'
import type { BoardMessage } from '../schemas/socket-messages'

type SlotUpdate = Extract<BoardMessage, { type: 'slot_update' }>

/** At most this many updates wait for an earlier one. By then the client has asked for the whole board. */
const MAX_WAITING = 500

export type BoardFollower = {
  board(): Board | undefined
  /**
   * Applies a message of the calendar. Messages may arrive in any order.
   * @returns whether the board has changed
   */
  take(message: BoardMessage): boolean
  behind(): boolean
}

/**
 * Keeps a board current from its messages: a whole board replaces it, an update takes it from one version to the next. Old
 * updates are ignored, early ones wait. Runs in the client package and, for server-sent events, in the server.
 */
export function followBoard(key: BoardKey): BoardFollower {
  let board: Board | undefined
  let known = -1
  let waiting: SlotUpdate[] = []

  function replaceBoard(whole: Board): boolean {
    // A board of the same version can be newer: time changes slots without raising the version.
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

export const isOfDay = (whole: Pick<Board, 'date' | 'serviceId'>, { date, serviceId }: BoardKey): boolean =>
  whole.date === date && whole.serviceId === serviceId
