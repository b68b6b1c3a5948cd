import type { ServerWebSocket } from 'bun'
import type { UserActor } from '../actor'
import type { Context, Deps, SignedInContext } from '../context'
import { AppError, type Refusal, refusalOf } from '../errors'
import type { Verified } from '../lib/access-tokens'
import { iso } from '../lib/time'
import { type Board, type BoardKey, type CalendarKey, calendarId } from '../schemas/slots'
import { type ClientMessage, type ServerMessage, topicOf } from '../schemas/socket-messages'
import { releaseHold, releaseSlot } from '../services/bookings/bookings'
import { holdTime } from '../services/bookings/hold'
import { readRole } from '../services/users/users'
import { refusalOfThrown } from '../trpc'
import { type BoardWatchers, dayOf } from './board-watchers'
import { createConnectionQuota, type Opening } from './connection-quota'
import type { LocationWatchers } from './location-watchers'
import { holdRequestOf, parseMessage, readMessage, releaseRequestOf, requestIdOf } from './parse-message'
import {
  CLOSE,
  createSocketLimits,
  MAX_BOARDS,
  MESSAGE_BURST,
  mayPass,
  SLOW_READER_BYTES,
  type SocketLimits,
  strike,
  UNREAD_EVERY_MS,
} from './socket-limits'

/** What the upgrade found out, and then the connection that it became. */
export type SocketData = { opening: Opening; connection?: Connection }
export type Socket = ServerWebSocket<SocketData>

/** One connection: who speaks, what it watches, and what it has said so far. There are thousands, so it is small. */
type Connection = {
  id: string
  socket: Socket
  open: boolean
  person: UserActor | null
  expiry: ReturnType<typeof setTimeout> | undefined
  boards: BoardKey[]
  locations: Set<string>
  limits: SocketLimits
  /** Bytes that it had not taken when somebody last looked. */
  unread: number
  /** What it sent is answered in the order in which it came; none while nothing waits. */
  queue: Promise<void> | undefined
  queued: number
}

export type Connections = {
  /** @throws RATE_LIMITED where one more socket is too many */
  admit(opening: Opening): void
  add(socket: Socket): void
  receive(socket: Socket, message: string | Buffer): void
  /** @param code with which the socket was closed */
  remove(socket: Socket, code: number): void
  /** Somebody did not take a message at once: remembers who has how much unread, which the close no longer tells. */
  noteUnread(): void
  /** Ends the connections of one person. */
  signOut(userId: string): void
  /** Says goodbye to everyone and ends the connections. */
  close(): Promise<void>
  stats(): { sockets: number; signedIn: number; messagesIn: number; slowReadersClosed: number }
}

/** Every socket of this server. */
export function createConnections(
  deps: Deps,
  { boards, locations }: { boards: BoardWatchers; locations: LocationWatchers },
): Connections {
  const connections = new Set<Connection>()
  const admission = createConnectionQuota(deps.env)
  let messagesIn = 0
  let slowReadersClosed = 0
  let notedAt = 0

  function send(connection: Connection, message: ServerMessage): void {
    connection.socket.send(JSON.stringify(message))
    connection.unread = connection.socket.getBufferedAmount()
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

  /** One of this person's sockets from now on. @throws RATE_LIMITED where they have as many as they may */
  function countAs({ data }: Socket, verified: Verified): void {
    const opening = { ...data.opening, verified }
    admission.check(opening, data.opening)
    admission.leave(data.opening)
    admission.enter(opening)
    data.opening = opening
  }

  const contextOf = ({ person, id }: Connection, requestId: string | undefined): Context => ({
    ...deps,
    actor: person ?? { kind: 'anonymous' },
    caller: { address: id, allowance: null },
    requestId: requestId ?? Bun.randomUUIDv7(),
    device: null,
    reply: {},
    source: 'socket',
  })

  function signedInContext(connection: Connection, requestId: string | undefined): SignedInContext {
    if (!connection.person)
      throw new AppError('NOT_SIGNED_IN', 'This socket may watch. To hold, sign in first.')
    return { ...contextOf(connection, requestId), actor: connection.person }
  }

  /** In the role that the database says now. @throws NOT_SIGNED_IN */
  async function inRole(ctx: SignedInContext): Promise<SignedInContext> {
    return { ...ctx, actor: { ...ctx.actor, role: await readRole(deps.db, ctx.actor.id) } }
  }

  /** At a location who is signed in sees names: that is asked anew, since a token may outlive its account. @throws NOT_SIGNED_IN */
  const refuseIfGone = ({ id }: UserActor) => readRole(deps.db, id)

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
        const booking = await holdTime(ctx, holdRequestOf(message))
        return [{ type: 'hold_confirmed', booking, ...echo }]
      }
      case 'slot_release': {
        const claiming = signedInContext(connection, requestId)
        await deps.limits.countCall(claiming.actor, claiming.caller, 'mutation')
        const { id } = message.bookingId
          ? await releaseHold(await inRole(claiming), { id: message.bookingId })
          : await releaseSlot(claiming, releaseRequestOf(message))
        return [{ type: 'hold_released', bookingId: id, ...echo }]
      }
      case 'join_location':
        if (connection.person) await refuseIfGone(connection.person)
        return [{ ...(await locations.enter(connection, message.locationId)), ...echo }]
      case 'leave_location':
        locations.exit(connection, message.locationId)
        return [{ type: 'left_location', locationId: message.locationId, ...echo }]
      case 'authenticate': {
        const verified = await deps.tokens.verify(message.token)
        if (connection.locations.size > 0) await refuseIfGone(verified.person)
        countAs(connection.socket, verified)
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
    const isNew = join(connection, board)
    // Subscribed before the board is read: what changes in between arrives twice rather than never.
    return boards.read(board, connection.person?.id).catch((error) => {
      // Who watched it already and asked again watches on: what is refused leaves everything as it was.
      if (isNew) leave(connection, board)
      throw error
    })
  }

  /** @returns false where it watched that board already @throws RATE_LIMITED */
  function join(connection: Connection, board: BoardKey): boolean {
    if (connection.boards.some((watched) => isSameBoard(watched, board))) return false
    if (connection.boards.length >= MAX_BOARDS)
      throw new AppError('RATE_LIMITED', `A socket watches ${MAX_BOARDS} boards at the most.`)
    connection.boards.push(board)
    boards.watch(board)
    connection.socket.subscribe(topicOf.calendar(board))
    return true
  }

  function leaveAll(connection: Connection, key: CalendarKey): void {
    for (const board of connection.boards.filter((watched) => calendarId(watched) === calendarId(key)))
      leave(connection, board)
  }

  function leave(connection: Connection, board: BoardKey): void {
    const left = connection.boards.filter((watched) => !isSameBoard(watched, board))
    if (left.length === connection.boards.length) return
    connection.boards = left
    boards.unwatch(board)
    if (!left.some((watched) => calendarId(watched) === calendarId(board)))
      connection.socket.unsubscribe(topicOf.calendar(board))
  }

  function refuse(connection: Connection, { code, reason, message }: Refusal, requestId?: string): void {
    const close = strike(connection.limits, reason)
    if (close !== undefined) {
      connection.socket.close(close, 'too many refusals')
      return
    }
    send(connection, { type: 'error', code, reason, message, ...(requestId !== undefined && { requestId }) })
  }

  async function handle(connection: Connection, text: string | Buffer): Promise<void> {
    // It was cut while this waited: a board joined now would be watched for ever.
    if (!connection.open) return
    const raw = readMessage(text)
    let requestId: string | undefined
    try {
      const message = parseMessage(raw)
      requestId = message.requestId
      for (const reply of await answer(connection, message)) send(connection, reply)
    } catch (error) {
      const refusal = refusalOfThrown(error)
      if (refusal.reason === 'INTERNAL')
        deps.log.error({ error, requestId, socket: connection.id }, 'a socket message failed')
      refuse(connection, refusal, requestId ?? requestIdOf(raw))
    }
  }

  return {
    admit: admission.check,
    add(socket) {
      admission.enter(socket.data.opening)
      const { verified } = socket.data.opening
      const connection: Connection = {
        id: Bun.randomUUIDv7(),
        socket,
        open: true,
        person: null,
        expiry: undefined,
        boards: [],
        locations: new Set(),
        limits: createSocketLimits(),
        unread: 0,
        queue: undefined,
        queued: 0,
      }
      socket.data.connection = connection
      connections.add(connection)
      socket.subscribe('everyone')
      if (verified) signIn(connection, verified)
      send(connection, {
        type: 'connection_confirmed',
        connectionId: connection.id,
        userId: verified?.person.id ?? null,
        serverTime: iso(Date.now()),
      })
    },
    receive({ data: { connection } }, text) {
      if (!connection?.open) return
      messagesIn += 1
      const limited = deps.env.RATE_LIMITS === 'on' && !mayPass(connection.limits)
      if (limited || connection.queued >= MESSAGE_BURST) {
        refuse(
          connection,
          refusalOf(new AppError('RATE_LIMITED', 'Too many messages. Please slow down.')),
          requestIdOf(readMessage(text)),
        )
        return
      }
      connection.queued += 1
      const answered = (connection.queue ?? Promise.resolve())
        .then(() => handle(connection, text))
        .finally(() => {
          connection.queued -= 1
          if (connection.queued === 0) connection.queue = undefined
        })
      connection.queue = answered
    },
    remove({ data: { connection, opening } }, code) {
      if (!connection?.open) return
      admission.leave(opening)
      if (code === CLOSE.dropped && connection.unread >= SLOW_READER_BYTES) slowReadersClosed += 1
      connection.open = false
      connections.delete(connection)
      clearTimeout(connection.expiry)
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
      for (const { person, socket } of [...connections])
        if (person?.id === userId) socket.close(CLOSE.signedOut, 'this account no longer exists')
    },
    async close() {
      const reconnectInSeconds = 1
      for (const connection of connections) send(connection, { type: 'server_closing', reconnectInSeconds })
      await Promise.all([...connections].map(({ queue }) => queue))
      for (const connection of [...connections])
        connection.socket.close(CLOSE.goingAway, 'the server is closing')
    },
    stats: () => ({
      sockets: connections.size,
      signedIn: [...connections].filter(({ person }) => person).length,
      messagesIn,
      slowReadersClosed,
    }),
  }
}

const isSameBoard = (a: BoardKey, b: BoardKey): boolean =>
  calendarId(a) === calendarId(b) && dayOf(a) === dayOf(b)
