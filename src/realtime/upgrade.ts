import type { Server, WebSocketHandler } from 'bun'
import type { Deps } from '../context'
import { AppError, noSuchPath } from '../errors'
import type { Caller } from '../lib/rate-limits'
import { requestIdOf } from '../lib/request'
import type { Opening, Socket } from './connection'
import type { Connections } from './connections'
import { MAX_FRAME_BYTES, MAX_UNREAD_BYTES } from './socket-limits'

const settingsOf = (env: Deps['env']) => ({
  idleTimeout: env.SOCKET_IDLE_SECONDS,
  sendPings: true,
  maxPayloadLength: MAX_FRAME_BYTES,
  backpressureLimit: MAX_UNREAD_BYTES,
  // A slow reader would silently lose messages. Closed, it reconnects and reads the board again.
  closeOnBackpressureLimit: true,
  perMessageDeflate: false,
})

/**
 * WebSocket upgrades. The token is sent as `?token=` or as the subprotocols `bearer, <token>`; without one, the socket can
 * only watch. Uses Bun's sockets directly: Elysia's wrapper takes ten times the memory.
 */
export function socketUpgrade(deps: Deps, connections: Connections, callerOf: (request: Request) => Caller) {
  const websocket: WebSocketHandler<Socket['data']> = {
    ...settingsOf(deps.env),
    open: (socket) => connections.add(socket),
    message: (socket, frame) => connections.receive(socket, frame),
    close: (socket, code) => connections.remove(socket, code),
  }

  /** @throws NOT_ALLOWED, RATE_LIMITED, NOT_SIGNED_IN, TOKEN_EXPIRED, NOT_FOUND if the request is not an upgrade */
  async function upgrade(request: Request, server: Server<unknown>): Promise<undefined> {
    if (!mayConnect(request, deps.env))
      throw new AppError('NOT_ALLOWED', 'This origin is not allowed to connect.')
    const caller = callerOf(request)
    await deps.limits.countSocket(caller)
    const { token, subprotocol } = tokenOf(request)
    const verified = token === undefined ? null : await deps.tokens.verify(token)
    const data: Opening = { address: caller.address, verified }
    connections.admit(data)
    const headers = {
      'x-request-id': requestIdOf(request),
      ...(subprotocol && { 'sec-websocket-protocol': subprotocol }),
    }
    if (!server.upgrade(request, { data, headers })) throw noSuchPath()
  }

  return { websocket, upgrade }
}

function tokenOf(request: Request): { token?: string; subprotocol?: string } {
  const offered =
    request.headers
      .get('sec-websocket-protocol')
      ?.split(',')
      .map((part) => part.trim()) ?? []
  if (offered[0] === 'bearer') return { subprotocol: 'bearer', token: offered[1] ?? '' }
  if (!request.url.includes('?')) return {}
  const token = new URL(request.url).searchParams.get('token')
  return token === null ? {} : { token }
}

function mayConnect(request: Request, env: Deps['env']): boolean {
  const origin = request.headers.get('origin')
  if (origin === null || env.CORS_ORIGINS.includes('*')) return true
  const own = [new URL(request.url).origin, env.PUBLIC_URL && new URL(env.PUBLIC_URL).origin]
  return own.includes(origin) || env.CORS_ORIGINS.includes(origin)
}
