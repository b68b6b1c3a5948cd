import type { ServerWebSocket } from 'bun'
import type { UserActor } from '../actor'
import type { Verified } from '../lib/access-tokens'
import type { BoardKey } from '../schemas/slots'
import { type ServerMessage, topicOf } from '../schemas/socket-messages'
import type { Opening } from './connection-quota'
import type { LocationWatchers } from './location-watchers'
import { CLOSE, createSocketLimits, type SocketLimits } from './socket-limits'

export type SocketData = { opening: Opening; connection?: Connection }
export type Socket = ServerWebSocket<SocketData>

/** The state of one socket. A process holds thousands, so it has no closures of its own. */
export type Connection = {
  id: string
  socket: Socket
  open: boolean
  user: UserActor | null
  expiry: ReturnType<typeof setTimeout> | undefined
  boards: BoardKey[]
  locations: Set<string>
  limits: SocketLimits
  unread: number
  /** Settles after the last received message is answered; undefined if no message waits. */
  queue: Promise<void> | undefined
  queued: number
}

export const createConnection = (socket: Socket): Connection => ({
  id: Bun.randomUUIDv7(),
  socket,
  open: true,
  user: null,
  expiry: undefined,
  boards: [],
  locations: new Set(),
  limits: createSocketLimits(),
  unread: 0,
  queue: undefined,
  queued: 0,
})

export function send(connection: Connection, message: ServerMessage): void {
  connection.socket.send(JSON.stringify(message))
  connection.unread = connection.socket.getBufferedAmount()
}

export function signIn(
  connection: Connection,
  { user, expiresAt }: Verified,
  locations: Pick<LocationWatchers, 'signIn'>,
): void {
  if (connection.user && connection.user.id !== user.id)
    connection.socket.unsubscribe(topicOf.user(connection.user.id))
  locations.signIn(connection, user)
  connection.user = user
  connection.socket.subscribe(topicOf.user(user.id))
  clearTimeout(connection.expiry)
  connection.expiry = setTimeout(
    () => connection.socket.close(CLOSE.signedOut, 'the access token has expired'),
    Math.max(0, expiresAt.getTime() - Date.now()),
  )
}
