import { AppError } from '../errors'
import { type Board, type BoardKey, type CalendarKey, calendarId } from '../schemas/slots'
import { topicOf } from '../schemas/socket-messages'
import { type BoardWatchers, dayOf } from './board-watchers'
import type { Connection } from './connection'
import { MAX_BOARDS } from './socket-limits'

/**
 * Subscribes a connection to a board and reads it. If reading fails, a new subscription is undone.
 * @throws RATE_LIMITED beyond MAX_BOARDS, NOT_FOUND
 */
export async function joinBoard(
  boards: BoardWatchers,
  connection: Connection,
  board: BoardKey,
): Promise<Board> {
  const isNew = subscribe(boards, connection, board)
  // Subscribe before reading: a change in between then arrives twice instead of never.
  return boards.read(board, connection.user?.id).catch((error) => {
    if (isNew) leaveBoard(boards, connection, board)
    throw error
  })
}

export function leaveCalendar(boards: BoardWatchers, connection: Connection, key: CalendarKey): void {
  for (const board of connection.boards.filter((watched) => calendarId(watched) === calendarId(key)))
    leaveBoard(boards, connection, board)
}

function subscribe(boards: BoardWatchers, connection: Connection, board: BoardKey): boolean {
  if (connection.boards.some((watched) => isSameBoard(watched, board))) return false
  if (connection.boards.length >= MAX_BOARDS)
    throw new AppError('RATE_LIMITED', `A socket can watch at most ${MAX_BOARDS} boards. Leave one first.`)
  connection.boards = [...connection.boards, boards.watch(board)]
  connection.socket.subscribe(topicOf.calendar(board))
  return true
}

function leaveBoard(boards: BoardWatchers, connection: Connection, board: BoardKey): void {
  const left = connection.boards.filter((watched) => !isSameBoard(watched, board))
  if (left.length === connection.boards.length) return
  connection.boards = left
  boards.unwatch(board)
  if (!left.some((watched) => calendarId(watched) === calendarId(board)))
    connection.socket.unsubscribe(topicOf.calendar(board))
}

const isSameBoard = (a: BoardKey, b: BoardKey): boolean =>
  calendarId(a) === calendarId(b) && dayOf(a) === dayOf(b)
