import { Elysia } from 'elysia'
import type { Deps } from '../context'
import { AppError } from '../errors'
import type { Caller } from '../limits'
import { createAdmission, type Opening } from './admission'
import { MAX_FRAME_BYTES, MAX_UNREAD_BYTES } from './limits'
import type { Connections } from './socket'

/** Bun's settings of the socket. Elysia hands them on only from its constructor. */
export const socketSettings = (env: Deps['env']) => ({
  // Pings are sent in time for an answer: who closes is whoever is gone.
  idleTimeout: env.SOCKET_IDLE_SECONDS,
  sendPings: true,
  maxPayloadLength: MAX_FRAME_BYTES,
  backpressureLimit: MAX_UNREAD_BYTES,
  // Without it a slow reader would silently miss messages; closed, it reconnects and reads the board again.
  closeOnBackpressureLimit: true,
  perMessageDeflate: false,
})

/**
 * The door of live boards. The token comes as `?token=` or as the subprotocols `bearer, <token>`; without one the socket
 * may watch. Pages of other origins are turned away before the upgrade.
 */
export function socketDoor(deps: Deps, connections: Connections, callerOf: (request: Request) => Caller) {
  const admission = createAdmission(deps.env)
  return new Elysia({ name: 'realtime' }).ws('/realtime', {
    async beforeHandle({ request, set }) {
      // What is thrown here is answered as every refusal of the server is, and there is no upgrade.
      if (!mayConnect(request, deps.env)) throw new AppError('NOT_ALLOWED', 'This origin may not connect.')
      const caller = callerOf(request)
      await deps.limits.countSocket(caller)
      const { token, subprotocol } = tokenOf(request)
      const verified = token === undefined ? null : await deps.tokens.verify(token)
      const opening: Opening = { address: caller.address, verified }
      admission.check(opening)
      openingOf.set(request, opening)
      if (subprotocol) set.headers['sec-websocket-protocol'] = subprotocol
    },
    open(ws) {
      const opening = openingOf.get(ws.data.request)
      if (opening) admission.enter(opening)
      connections.add(ws, opening?.verified ?? null)
    },
    message(ws, message) {
      connections.receive(ws.id, message)
    },
    close(ws, code) {
      const opening = openingOf.get(ws.data.request)
      if (opening) admission.leave(opening)
      connections.remove(ws.id, code)
    },
  })
}

/** What the upgrade found out about a request, for the socket that it becomes. */
const openingOf = new WeakMap<Request, Opening>()

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
