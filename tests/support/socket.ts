import type { ClientMessage, ServerMessage } from '../../src/schemas/socket-messages'
import type { RunningServer } from '../../src/server'
import { until } from './world'

export type SocketClient = {
  received: ServerMessage[]
  send(message: ClientMessage | Record<string, unknown> | string): void
  /** The first message of a type, received already or later. */
  next<T extends ServerMessage['type']>(
    type: T,
    fits?: (message: Extract<ServerMessage, { type: T }>) => boolean,
  ): Promise<Extract<ServerMessage, { type: T }>>
  close(): Promise<void>
  closed: Promise<{ code: number }>
}

/** Opens a WebSocket and waits for `connection_confirmed`. */
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

/** Opens a socket that watches a location and has received its `initial` message. */
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
