import type { ClientMessage, ServerMessage } from '../../src/schemas/socket-messages'
import type { RunningServer } from '../../src/server'
import { until } from './world'

/** A message without `requestId`; the socket adds one where an answer is waited for. */
export type SocketClient = {
  received: ServerMessage[]
  send(message: ClientMessage | Record<string, unknown> | string): void
  /** The first message of a type, whether it came already or is still to come. */
  next<T extends ServerMessage['type']>(
    type: T,
    fits?: (message: Extract<ServerMessage, { type: T }>) => boolean,
  ): Promise<Extract<ServerMessage, { type: T }>>
  close(): Promise<void>
  closed: Promise<{ code: number }>
}

/** A real WebSocket to the door of live boards, ready when the server has confirmed it. */
export async function openSocket({ url }: Pick<RunningServer, 'url'>, token?: string): Promise<SocketClient> {
  const address = `${url.replace(/^http/, 'ws')}/realtime`
  const socket = token === undefined ? new WebSocket(address) : new WebSocket(address, ['bearer', token])
  const received: ServerMessage[] = []
  const closed = Promise.withResolvers<{ code: number }>()
  socket.onmessage = ({ data }) => received.push(JSON.parse(String(data)))
  socket.onclose = ({ code }) => closed.resolve({ code })
  await new Promise<void>((resolve, reject) => {
    socket.onopen = () => resolve()
    socket.onerror = () => reject(new Error('the socket was refused'))
  })
  const client: SocketClient = {
    received,
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    next: (type, fits = () => true) =>
      until(() =>
        received.find(
          (message): message is Extract<ServerMessage, { type: typeof type }> =>
            message.type === type && fits(message as never),
        ),
      ),
    async close() {
      socket.close()
      await closed.promise
    },
    closed: closed.promise,
  }
  await client.next('connection_confirmed')
  return client
}

/** A socket that watches a location, and has seen what is there. */
export async function openAtLocation(
  server: Pick<RunningServer, 'url'>,
  locationId: string,
  token?: string,
): Promise<SocketClient> {
  const socket = await openSocket(server, token)
  socket.send({ type: 'join_location', locationId })
  await socket.next('initial')
  return socket
}
