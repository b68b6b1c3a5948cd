import type { Board } from '../../src/schemas/slots'
import type { ServerMessage } from '../../src/schemas/socket-messages'
import type { RunningServer } from '../../src/server'

type Update = Extract<ServerMessage, { type: 'slot_update' }>

/** Pause between attempts while the server or its database is down. */
const RETRY_MS = 20

export type Watcher = {
  board(): Board | undefined
  /** All updates received, including those of other days. */
  updates(): Update[]
  /** How often the whole board was requested, including the first time. */
  asked(): number
  /** Closes the connection. The watcher reconnects by itself. */
  cut(): void
  close(): void
}

/**
 * Follows a board over a socket as a good client does: applies updates in order of version, requests the board again if one
 * is missing, and reconnects.
 * @param options `patienceMs`: how long a missing update may be late before the board is requested again
 */
export function watchBoard(
  { url }: Pick<RunningServer, 'url'>,
  { spaceId, date }: { spaceId: string; date: string },
  { patienceMs = 50 }: { patienceMs?: number } = {},
): Watcher {
  let socket: WebSocket
  let board: Board | undefined
  let early: Update[] = []
  let patience: ReturnType<typeof setTimeout> | undefined
  let asked = 0
  let stopped = false
  const updates: Update[] = []

  function connect(): void {
    board = undefined
    early = []
    const opened = new WebSocket(`${url.replace(/^http/, 'ws')}/realtime`)
    socket = opened
    opened.onopen = ask
    opened.onmessage = ({ data }) => {
      if (opened === socket) receive(JSON.parse(String(data)))
    }
    opened.onclose = () => {
      if (opened === socket && !stopped) setTimeout(() => !stopped && connect(), RETRY_MS)
    }
  }

  function ask(): void {
    if (socket.readyState !== WebSocket.OPEN) return
    asked += 1
    socket.send(JSON.stringify({ type: 'join_space', spaceId, date }))
  }

  function receive(message: ServerMessage): void {
    if (message.type === 'slots_status_update') {
      if (message.spaceId !== spaceId || message.date !== date) return
      if (board && message.version < board.version) return
      const { type: _, requestId: __, ...whole } = message
      board = whole
      follow()
    } else if (message.type === 'slot_update' && message.spaceId === spaceId) {
      updates.push(message)
      early.push(message)
      follow()
    } else if (message.type === 'board_version' && board && message.version > board.version) {
      askLater(message.version)
    } else if (message.type === 'error') {
      setTimeout(ask, RETRY_MS)
    }
  }

  function follow(): void {
    early.sort((a, b) => a.version - b.version)
    for (let next = early[0]; board && next && next.fromVersion <= board.version; next = early[0]) {
      early.shift()
      if (next.version > board.version) board = applied(board, next)
    }
    const last = early.at(-1)
    if (board && last) askLater(last.version)
  }

  function askLater(version: number): void {
    patience ??= setTimeout(() => {
      patience = undefined
      if (board && board.version < version) ask()
    }, patienceMs)
  }

  connect()
  return {
    board: () => board,
    updates: () => updates,
    asked: () => asked,
    cut: () => socket.close(),
    close() {
      stopped = true
      clearTimeout(patience)
      socket.close()
    },
  }
}

function applied(board: Board, { slots, version }: Update): Board {
  const changed = new Map(slots.map((slot) => [slot.id, slot]))
  return { ...board, version, slots: board.slots.map((slot) => changed.get(slot.id) ?? slot) }
}
