import { AppError, type Refusal, refusalOf } from '../errors'
import { refusalOfThrown } from '../trpc'
import { answerMessage, type SocketServer } from './answer-message'
import { type Connection, send } from './connection'
import { parseMessage, readMessage, requestIdOf } from './parse-message'
import { MESSAGE_BURST, mayPass, strike } from './socket-limits'

/** Answers a frame after the earlier frames of the connection, or refuses it at once if it is over the limits. */
export function receiveMessage(server: SocketServer, connection: Connection, frame: string | Buffer): void {
  const limited = server.deps.env.RATE_LIMITS === 'on' && !mayPass(connection)
  if (limited || connection.queued >= MESSAGE_BURST) {
    const refusal = refusalOf(new AppError('RATE_LIMITED', 'Too many messages. Slow down.'))
    refuse(connection, refusal, requestIdOf(readMessage(frame)))
    return
  }
  connection.queued += 1
  connection.queue = (connection.queue ?? Promise.resolve())
    .then(() => handle(server, connection, frame))
    .finally(() => {
      connection.queued -= 1
      if (connection.queued === 0) connection.queue = undefined
    })
}

async function handle(server: SocketServer, connection: Connection, frame: string | Buffer): Promise<void> {
  // The socket may have closed while the frame waited. A board joined now would never be left.
  if (!connection.open) return
  const raw = readMessage(frame)
  let requestId: string | undefined
  try {
    const message = parseMessage(raw)
    requestId = message.requestId
    for (const reply of await answerMessage(server, connection, message)) send(connection, reply)
  } catch (error) {
    const refusal = refusalOfThrown(error)
    if (refusal.reason === 'INTERNAL')
      server.deps.log.error({ error, requestId, socket: connection.id }, 'socket message failed')
    refuse(connection, refusal, requestId ?? requestIdOf(raw))
  }
}

function refuse(connection: Connection, { code, reason, message }: Refusal, requestId?: string): void {
  const close = strike(connection, reason)
  if (close !== undefined) {
    connection.socket.close(close, 'too many refusals')
    return
  }
  send(connection, { type: 'error', code, reason, message, ...(requestId !== undefined && { requestId }) })
}
