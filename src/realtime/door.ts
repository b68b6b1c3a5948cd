import { Elysia } from 'elysia'
import type { Deps } from '../context'
import { AppError } from '../errors'
import type { Verified } from '../tokens'
import { MAX_FRAME_BYTES, MAX_UNREAD_BYTES } from './limits'
import type { Connections } from './socket'

/** Bun's settings of the socket. Elysia hands them on only from its constructor. */
export const socketSettings = {
  idleTimeout: 60,
  sendPings: true,
  maxPayloadLength: MAX_FRAME_BYTES,
  backpressureLimit: MAX_UNREAD_BYTES,
  // Without it a slow reader would silently miss messages; closed, it reconnects and reads the board again.
  closeOnBackpressureLimit: true,
  perMessageDeflate: false,
} as const

/**
 * The door of live boards. The token comes as `?token=` or as the subprotocols `bearer, <token>`; without one the socket
 * may watch. Pages of other origins are turned away before the upgrade.
 */
export function socketDoor(deps: Deps, connections: Connections) {
  return new Elysia({ name: 'realtime' }).ws('/realtime', {
    async beforeHandle({ request, set }) {
      // What is thrown here is answered as every refusal of the server is, and there is no upgrade.
      if (!mayConnect(request, deps.env)) throw new AppError('NOT_ALLOWED', 'This origin may not connect.')
      const { token, subprotocol } = tokenOf(request)
      if (token !== undefined) verifiedOf.set(request, await deps.tokens.verify(token))
      if (subprotocol) set.headers['sec-websocket-protocol'] = subprotocol
    },
    open(ws) {
      connections.add(ws, verifiedOf.get(ws.data.request) ?? null)
    },
    message(ws, message) {
      connections.receive(ws.id, message)
    },
    close(ws, code) {
      connections.remove(ws.id, code)
    },
  })
}

/** What the upgrade found out about a request, for the socket that it becomes. */
const verifiedOf = new WeakMap<Request, Verified>()

function tokenOf(request: Request): { token?: string; subprotocol?: string } {
  const offered =
    request.headers
      .get('sec-websocket-protocol')
      ?.split(',')
      .map((part) => part.trim()) ?? []
  if (offered[0] === 'bearer') return { subprotocol: 'bearer', token: offered[1] ?? '' }
  const token = new URL(request.url).searchParams.get('token')
  return token === null ? {} : { token }
}

/** Programs send no origin; pages do, and only our own and those of CORS_ORIGINS may connect. */
function mayConnect(request: Request, env: Deps['env']): boolean {
  const origin = request.headers.get('origin')
  if (origin === null || env.CORS_ORIGINS.includes('*')) return true
  const own = [new URL(request.url).origin, env.PUBLIC_URL && new URL(env.PUBLIC_URL).origin]
  return own.includes(origin) || env.CORS_ORIGINS.includes(origin)
}
