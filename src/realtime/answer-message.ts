import type { UserActor } from '../actor'
import type { Context, Deps, SignedInContext } from '../context'
import { AppError } from '../errors'
import { iso } from '../lib/time'
import type { Booking } from '../schemas/bookings'
import type { ClientMessage, ServerMessage } from '../schemas/socket-messages'
import { releaseHold, releaseSlot } from '../services/bookings/bookings'
import { holdTime } from '../services/bookings/hold'
import { readRole } from '../services/users/users'
import type { BoardWatchers } from './board-watchers'
import { type Connection, signIn } from './connection'
import type { ConnectionQuota } from './connection-quota'
import { joinBoard, leaveCalendar } from './join-board'
import type { LocationWatchers } from './location-watchers'
import { holdRequestOf, releaseRequestOf } from './parse-message'
import type { TokenExpiry } from './token-expiry'

export type SocketServer = {
  deps: Deps
  boards: BoardWatchers
  locations: LocationWatchers
  quota: ConnectionQuota
  expiry: TokenExpiry
}
type MessageOf<Type extends ClientMessage['type']> = Extract<ClientMessage, { type: Type }>
type Echo = { requestId?: string }

/**
 * Carries out a message from a client.
 * @returns the replies to send, in order
 * @throws {AppError} the refusal to send instead
 */
export async function answerMessage(
  server: SocketServer,
  connection: Connection,
  message: ClientMessage,
): Promise<ServerMessage[]> {
  const echo: Echo = message.requestId === undefined ? {} : { requestId: message.requestId }
  switch (message.type) {
    case 'join_space': {
      const { spaceId, date } = message
      const board = await joinBoard(server.boards, connection, { spaceId, date })
      return [
        { type: 'joined_space', spaceId, date, ...echo },
        { type: 'slots_status_update', ...board, ...echo },
      ]
    }
    case 'leave_space':
      leaveCalendar(server.boards, connection, message)
      return [{ type: 'left_space', spaceId: message.spaceId, ...echo }]
    case 'join_specialist': {
      const { specialistId, date, serviceId } = message
      const board = await joinBoard(server.boards, connection, { specialistId, date, serviceId })
      return [
        { type: 'joined_specialist', specialistId, date, ...(serviceId && { serviceId }), ...echo },
        { type: 'slots_status_update', ...board, ...echo },
      ]
    }
    case 'leave_specialist':
      leaveCalendar(server.boards, connection, message)
      return [{ type: 'left_specialist', specialistId: message.specialistId, ...echo }]
    case 'slot_hold':
      return [{ type: 'hold_confirmed', booking: await hold(server, connection, message), ...echo }]
    case 'slot_release': {
      const { id } = await release(server, connection, message)
      return [{ type: 'hold_released', bookingId: id, ...echo }]
    }
    case 'join_location':
      if (connection.user) await assertAccountExists(server, connection.user)
      return [{ ...(await server.locations.enter(connection, message.locationId)), ...echo }]
    case 'leave_location':
      server.locations.exit(connection, message.locationId)
      return [{ type: 'left_location', locationId: message.locationId, ...echo }]
    case 'authenticate':
      return authenticate(server, connection, message, echo)
  }
}

async function hold(
  server: SocketServer,
  connection: Connection,
  message: MessageOf<'slot_hold'>,
): Promise<Booking> {
  const ctx = await countedContext(server, connection, message.requestId)
  return holdTime(ctx, holdRequestOf(message))
}

async function release(
  server: SocketServer,
  connection: Connection,
  message: MessageOf<'slot_release'>,
): Promise<Booking> {
  const ctx = await countedContext(server, connection, message.requestId)
  if (!message.bookingId) return releaseSlot(ctx, releaseRequestOf(message))
  const role = await readRole(server.deps.db, ctx.actor.id)
  return releaseHold({ ...ctx, actor: { ...ctx.actor, role } }, { id: message.bookingId })
}

async function authenticate(
  server: SocketServer,
  connection: Connection,
  { token }: MessageOf<'authenticate'>,
  echo: Echo,
): Promise<ServerMessage[]> {
  const { deps, locations, quota } = server
  const verified = await deps.tokens.verify(token)
  if (connection.locations.length > 0) await assertAccountExists(server, verified.user)
  // A socket that closed meanwhile no longer counts for anyone.
  if (!connection.open) return []
  quota.replace(connection, { address: connection.address, user: verified.user })
  signIn(connection, verified, server)
  return [
    { type: 'authenticated', userId: verified.user.id, expiresAt: iso(verified.expiresAt), ...echo },
    // Signed-in users see names, so the watched locations are sent again.
    ...(await Promise.all(connection.locations.map((id) => locations.enter(connection, id)))),
  ]
}

async function countedContext(
  { deps }: SocketServer,
  { user, id }: Connection,
  requestId: string | undefined,
): Promise<SignedInContext> {
  if (!user) throw new AppError('NOT_SIGNED_IN', 'Sign in on this socket to hold or release a slot.')
  const caller: Context['caller'] = { address: id, allowance: null }
  await deps.limits.countCall(user, caller, 'mutation')
  return {
    ...deps,
    actor: user,
    caller,
    requestId: requestId ?? Bun.randomUUIDv7(),
    device: null,
    reply: {},
    source: 'socket',
  }
}

/**
 * A location shows names to signed-in users, and a token can outlive its account.
 * @throws NOT_SIGNED_IN if the account was deleted
 */
const assertAccountExists = ({ deps }: SocketServer, { id }: UserActor) => readRole(deps.db, id)
