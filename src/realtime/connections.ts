import type { Deps } from '../context'
import { iso } from '../lib/time'
import type { SocketServer } from './answer-message'
import type { BoardWatchers } from './board-watchers'
import {
  type Connection,
  connectionOf,
  createConnection,
  type Opening,
  type Socket,
  send,
  signIn,
} from './connection'
import { createConnectionQuota } from './connection-quota'
import type { LocationWatchers } from './location-watchers'
import { receiveMessage } from './receive-message'
import { CLOSE, SLOW_READER_BYTES, UNREAD_EVERY_MS } from './socket-limits'
import { createTokenExpiry } from './token-expiry'

export type Connections = {
  admit(opening: Opening): void
  add(socket: Socket): void
  receive(socket: Socket, frame: string | Buffer): void
  remove(socket: Socket, code: number): void
  /** Records the buffered bytes of every socket after backpressure, because a closed socket no longer reports them. */
  noteUnread(): void
  signOut(userId: string): void
  /** Announces the shutdown, answers the messages already received and closes every connection. */
  close(): Promise<void>
  stats(): { sockets: number; signedIn: number; messagesIn: number; slowReadersClosed: number }
}

export function createConnections(
  deps: Deps,
  { boards, locations }: { boards: BoardWatchers; locations: LocationWatchers },
): Connections {
  const connections = new Set<Connection>()
  const quota = createConnectionQuota(deps.env)
  const expiry = createTokenExpiry(connections)
  const server: SocketServer = { deps, boards, locations, quota, expiry }
  let messagesIn = 0
  let slowReadersClosed = 0
  let notedAt = 0

  return {
    admit: ({ address, verified }) => quota.check({ address, user: verified?.user ?? null }),
    add(socket) {
      if ('socket' in socket.data) return
      const { address, verified } = socket.data
      quota.enter({ address, user: verified?.user ?? null })
      const connection = createConnection(socket, address)
      socket.data = connection
      connections.add(connection)
      socket.subscribe('everyone')
      if (verified) signIn(connection, verified, server)
      send(connection, {
        type: 'connection_confirmed',
        connectionId: connection.id,
        userId: verified?.user.id ?? null,
        serverTime: iso(Date.now()),
      })
    },
    receive(socket, frame) {
      const connection = connectionOf(socket)
      if (!connection?.open) return
      messagesIn += 1
      receiveMessage(server, connection, frame)
    },
    remove(socket, code) {
      const connection = connectionOf(socket)
      if (!connection?.open) return
      quota.leave(connection)
      if (code === CLOSE.dropped && connection.unread >= SLOW_READER_BYTES) slowReadersClosed += 1
      connection.open = false
      connections.delete(connection)
      for (const board of connection.boards) boards.unwatch(board)
      connection.boards = []
      locations.forget(connection)
    },
    noteUnread() {
      if (performance.now() - notedAt < UNREAD_EVERY_MS) return
      notedAt = performance.now()
      for (const connection of connections) connection.unread = connection.socket.getBufferedAmount()
    },
    signOut(userId) {
      for (const { user, socket } of [...connections])
        if (user?.id === userId) socket.close(CLOSE.signedOut, 'this account no longer exists')
    },
    async close() {
      expiry.stop()
      for (const connection of connections)
        send(connection, { type: 'server_closing', reconnectInSeconds: 1 })
      await Promise.all([...connections].map(({ queue }) => queue))
      for (const connection of [...connections])
        connection.socket.close(CLOSE.goingAway, 'the server is closing')
    },
    stats: () => ({
      sockets: connections.size,
      signedIn: [...connections].filter(({ user }) => user).length,
      messagesIn,
      slowReadersClosed,
    }),
  }
}
