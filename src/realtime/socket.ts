import type { Person } from '../actor'
import type { Context, Deps } from '../context'
import { AppError, type Refusal, refusalOf } from '../errors'
import { readBoard } from '../services/boards'
import { releaseHold, releaseSlot } from '../services/bookings'
import { holdTime } from '../services/holds'
import { readRole } from '../services/users'
import { type Board, type BoardKey, type CalendarKey, calendarId } from '../shapes/slots'
import { iso } from '../time'
import type { Verified } from '../tokens'
import { refusalOfThrown } from '../trpc'
import { dayOf, type WatchedBoards } from './boards'
import { type ClientMessage, type ServerMessage, topicOf } from './events'
import {
  CLOSE,
  createLimits,
  type Limits,
  MAX_BOARDS,
  MESSAGE_BURST,
  SLOW_READER_BYTES,
  UNREAD_EVERY_MS,
  unreadBytes,
} from './limits'
import type { WatchedLocations } from './locations'
import { parseMessage, requestIdOf, whatToHold, whatToRelease } from './messages'

/** As much of Elysia's socket as is used here; it is a new wrapper at each event, so sockets are known by their id. */
type Socket = {
  id: string
  raw: object
  send(message: string): unknown
  close(code?: number, reason?: string): unknown
  subscribe(topic: string): unknown
  unsubscribe(topic: string): unknown
}

/** One connection: who speaks, what it watches, and what it has said so far. */
type Connection = {
  socket: Socket
  person: Person | null
  expiry: ReturnType<typeof setTimeout> | undefined
  /** By calendar, then by day. */
  boards: Map<string, Map<string, BoardKey>>
  locations: Set<string>
  limits: Limits
  /** Bytes that it had not taken when somebody last looked. */
  unread: number
  /** What it sent is answered in the order in which it came. */
  queue: Promise<void>
  queued: number
}

export type Connections = {
  add(socket: Socket, verified: Verified | null): void
  receive(id: string, message: unknown): void
  /** @param code with which the socket was closed */
  remove(id: string, code: number): void
  /** Somebody did not take a message at once: remembers who has how much unread, which the close no longer tells. */
  noteUnread(): void
  /** Says goodbye to everyone and ends the connections. */
  close(): Promise<void>
  stats(): { sockets: number; signedIn: number; messagesIn: number; slowReadersClosed: number }
}

/** Every socket of this server. */
export function createConnections(
  deps: Deps,
  { boards, locations }: { boards: WatchedBoards; locations: WatchedLocations },
): Connections {
  const connections = new Map<string, Connection>()
  let messagesIn = 0
  let slowReadersClosed = 0
  let notedAt = 0

  function send(connection: Connection, message: ServerMessage): void {
    connection.socket.send(JSON.stringify(message))
    connection.unread = unreadBytes(connection.socket.raw)
  }

  function signIn(connection: Connection, { person, expiresAt }: Verified): void {
    if (connection.person && connection.person.id !== person.id)
      connection.socket.unsubscribe(topicOf.user(connection.person.id))
    locations.signIn(connection, person)
    connection.person = person
    connection.socket.subscribe(topicOf.user(person.id))
    clearTimeout(connection.expiry)
    connection.expiry = setTimeout(
      () => connection.socket.close(CLOSE.signedOut, 'the access token has expired'),
      Math.max(0, expiresAt.getTime() - Date.now()),
    )
  }

  const contextOf = ({ person, socket }: Connection, requestId: string | undefined): Context => ({
    ...deps,
    actor: person ?? { kind: 'anonymous' },
    caller: { address: socket.id, allowance: null },
    requestId: requestId ?? Bun.randomUUIDv7(),
    device: null,
  })

  function signedInContext(connection: Connection, requestId: string | undefined) {
    if (!connection.person)
      throw new AppError('NOT_SIGNED_IN', 'This socket may watch. To hold, sign in first.')
    return { ...contextOf(connection, requestId), actor: connection.person }
  }

  async function answer(connection: Connection, message: ClientMessage): Promise<ServerMessage[]> {
    const { requestId } = message
    const echo = requestId === undefined ? {} : { requestId }
    switch (message.type) {
      case 'join_space': {
        const { spaceId, date } = message
        const board = await joinAndRead(connection, { spaceId, date })
        return [
          { type: 'joined_space', spaceId, date, ...echo },
          { type: 'slots_status_update', ...board, ...echo },
        ]
      }
      case 'leave_space':
        leaveAll(connection, message)
        return [{ type: 'left_space', spaceId: message.spaceId, ...echo }]
      case 'join_specialist': {
        const { specialistId, date, serviceId } = message
        const board = await joinAndRead(connection, { specialistId, date, serviceId })
        return [
          { type: 'joined_specialist', specialistId, date, ...(serviceId && { serviceId }), ...echo },
          { type: 'slots_status_update', ...board, ...echo },
        ]
      }
      case 'leave_specialist':
        leaveAll(connection, message)
        return [{ type: 'left_specialist', specialistId: message.specialistId, ...echo }]
      case 'slot_hold': {
        const ctx = signedInContext(connection, requestId)
        await deps.limits.countCall(ctx.actor, ctx.caller, 'mutation')
        const booking = await holdTime(ctx, whatToHold(message))
        return [{ type: 'hold_confirmed', booking, ...echo }]
      }
      case 'slot_release': {
        const claiming = signedInContext(connection, requestId)
        await deps.limits.countCall(claiming.actor, claiming.caller, 'mutation')
        const role = await readRole(deps.db, claiming.actor.id)
        const ctx = { ...claiming, actor: { ...claiming.actor, role } }
        const { id } = message.bookingId
          ? await releaseHold(ctx, { id: message.bookingId })
          : await releaseSlot(ctx, whatToRelease(message))
        return [{ type: 'hold_released', bookingId: id, ...echo }]
      }
      case 'join_location':
        return [{ ...(await locations.enter(connection, message.locationId)), ...echo }]
      case 'leave_location':
        locations.exit(connection, message.locationId)
        return [{ type: 'left_location', locationId: message.locationId, ...echo }]
      case 'authenticate': {
        const verified = await deps.tokens.verify(message.token)
        signIn(connection, verified)
        const userId = verified.person.id
        return [
          { type: 'authenticated', userId, expiresAt: iso(verified.expiresAt), ...echo },
          // Who is known sees more of the locations that the socket watches already.
          ...(await Promise.all([...connection.locations].map((id) => locations.enter(connection, id)))),
        ]
      }
    }
  }

  async function joinAndRead(connection: Connection, board: BoardKey): Promise<Board> {
    join(connection, board)
    // Subscribed before the board is read: what changes in between arrives twice rather than never.
    return readBoard(deps.db, board, connection.person?.id).catch((error) => {
      leave(connection, board)
      throw error
    })
  }

  function join(connection: Connection, board: BoardKey): void {
    const days = connection.boards.getOrInsert(calendarId(board), new Map<string, BoardKey>())
    if (days.has(dayOf(board))) return
    const watched = [...connection.boards.values()].reduce((sum, { size }) => sum + size, 0)
    if (watched >= MAX_BOARDS)
      throw new AppError('RATE_LIMITED', `A socket watches ${MAX_BOARDS} boards at the most.`)
    days.set(dayOf(board), board)
    boards.watch(board)
    connection.socket.subscribe(topicOf.calendar(board))
  }

  function leaveAll(connection: Connection, key: CalendarKey): void {
    for (const board of connection.boards.get(calendarId(key))?.values() ?? []) leave(connection, board)
  }

  function leave(connection: Connection, board: BoardKey): void {
    const days = connection.boards.get(calendarId(board))
    if (!days) return
    if (days.delete(dayOf(board))) boards.unwatch(board)
    if (days.size > 0) return
    connection.boards.delete(calendarId(board))
    connection.socket.unsubscribe(topicOf.calendar(board))
  }

  function refuse(connection: Connection, { code, reason, message }: Refusal, requestId?: string): void {
    const close = connection.limits.strike(reason)
    if (close !== undefined) {
      connection.socket.close(close, 'too many refusals')
      return
    }
    send(connection, { type: 'error', code, reason, message, ...(requestId !== undefined && { requestId }) })
  }

  async function handle(connection: Connection, raw: unknown): Promise<void> {
    // It was cut while this waited: a board joined now would be watched for ever.
    if (!connections.has(connection.socket.id)) return
    let requestId: string | undefined
    try {
      const message = parseMessage(raw)
      requestId = message.requestId
      for (const reply of await answer(connection, message)) send(connection, reply)
    } catch (error) {
      const refusal = refusalOfThrown(error)
      if (refusal.reason === 'INTERNAL')
        deps.log.error({ error, requestId, socket: connection.socket.id }, 'a socket message failed')
      refuse(connection, refusal, requestId ?? requestIdOf(raw))
    }
  }

  return {
    add(socket, verified) {
      const connection: Connection = {
        socket,
        person: null,
        expiry: undefined,
        boards: new Map(),
        locations: new Set(),
        limits: createLimits(),
        unread: 0,
        queue: Promise.resolve(),
        queued: 0,
      }
      connections.set(socket.id, connection)
      socket.subscribe('everyone')
      if (verified) signIn(connection, verified)
      send(connection, {
        type: 'connection_confirmed',
        connectionId: socket.id,
        userId: verified?.person.id ?? null,
        serverTime: iso(Date.now()),
      })
    },
    receive(id, raw) {
      const connection = connections.get(id)
      if (!connection) return
      messagesIn += 1
      const limited = deps.env.RATE_LIMITS === 'on' && !connection.limits.mayPass()
      if (limited || connection.queued >= MESSAGE_BURST) {
        refuse(
          connection,
          refusalOf(new AppError('RATE_LIMITED', 'Too many messages. Please slow down.')),
          requestIdOf(raw),
        )
        return
      }
      connection.queued += 1
      connection.queue = connection.queue
        .then(() => handle(connection, raw))
        .finally(() => {
          connection.queued -= 1
        })
    },
    remove(id, code) {
      const connection = connections.get(id)
      if (!connection) return
      if (code === CLOSE.dropped && connection.unread >= SLOW_READER_BYTES) slowReadersClosed += 1
      clearTimeout(connection.expiry)
      for (const days of connection.boards.values()) for (const board of days.values()) boards.unwatch(board)
      connection.boards.clear()
      locations.forget(connection)
      connections.delete(id)
    },
    noteUnread() {
      if (performance.now() - notedAt < UNREAD_EVERY_MS) return
      notedAt = performance.now()
      for (const connection of connections.values()) connection.unread = unreadBytes(connection.socket.raw)
    },
    async close() {
      const reconnectInSeconds = 1
      for (const connection of connections.values())
        send(connection, { type: 'server_closing', reconnectInSeconds })
      await Promise.all([...connections.values()].map(({ queue }) => queue))
      for (const connection of [...connections.values()])
        connection.socket.close(CLOSE.goingAway, 'the server is closing')
    },
    stats: () => ({
      sockets: connections.size,
      signedIn: [...connections.values()].filter(({ person }) => person).length,
      messagesIn,
      slowReadersClosed,
    }),
  }
}
