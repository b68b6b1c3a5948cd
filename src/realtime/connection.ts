import type { ServerWebSocket } from 'bun'
import type { UserActor } from '../actor'
import type { Verified } from '../lib/access-tokens'
import type { BoardKey } from '../schemas/slots'
import { type ServerMessage, topicOf } from '../schemas/socket-messages'
import type { LocationWatchers } from './location-watchers'
import type { SocketLimits } from './socket-limits'
import type { TokenExpiry } from './token-expiry'

export type Opening = { address: string; verified: Verified | null }
/** The opening until the socket is open, then its connection. */
export type Socket = ServerWebSocket<Opening | Connection>

/**
 * The state of one socket, in one flat object: a process holds thousands. It has no closures, timers or collections of its
 * own, and shares the keys of its boards with the other watchers.
 */
export type Connection = SocketLimits & {
  id: string
  socket: Socket
  address: string
  open: boolean
  user: UserActor | null
  /** When the access token expires, in milliseconds. Infinity for a signed-out socket. */
  expiresAt: number
  boards: readonly BoardKey[]
  locations: readonly string[]
  unread: number
  /** Settles after the last received message is answered; undefined if no message waits. */
  queue: Promise<void> | undefined
  queued: number
}

const NO_BOARDS: readonly BoardKey[] = []
const NO_LOCATIONS: readonly string[] = []

export const createConnection = (socket: Socket, address: string): Connection => ({
  id: Bun.randomUUIDv7(),
  socket,
  address,
  open: true,
  user: null,
  expiresAt: Number.POSITIVE_INFINITY,
  boards: NO_BOARDS,
  locations: NO_LOCATIONS,
  messagesFullAt: 0,
  strikesFullAt: 0,
  unread: 0,
  queue: undefined,
  queued: 0,
})

export const connectionOf = ({ data }: Socket): Connection | undefined =>
  'socket' in data ? data : undefined

export function send(connection: Connection, message: ServerMessage): void {
  connection.socket.send(JSON.stringify(message))
  connection.unread = connection.socket.getBufferedAmount()
}

export function signIn(
  connection: Connection,
  { user, expiresAt }: Verified,
  { locations, expiry }: { locations: Pick<LocationWatchers, 'signIn'>; expiry: TokenExpiry },
): void {
  if (connection.user && connection.user.id !== user.id)
    connection.socket.unsubscribe(topicOf.user(connection.user.id))
  locations.signIn(connection, user)
  connection.user = user
  connection.socket.subscribe(topicOf.user(user.id))
  connection.expiresAt = expiresAt.getTime()
  expiry.watch(connection)
}
