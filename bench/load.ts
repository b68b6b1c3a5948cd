/** A cheap load generator: plain sockets, prepared requests, and responses parsed only for status and length. */

export type Run = { perSecond: number; p50: number; p99: number; refused: number }

export function request(method: string, path: string, body?: unknown, token?: string): Buffer {
  const text = body === undefined ? '' : JSON.stringify(body)
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'host: localhost',
    ...(token ? [`authorization: Bearer ${token}`] : []),
    ...(body === undefined
      ? []
      : ['content-type: application/json', `content-length: ${Buffer.byteLength(text)}`]),
  ]
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${text}`)
}

type Client = {
  sentAt: number
  waitingFor: number
  status: number
  head: string
  next: (status: number) => Buffer
}

/**
 * Keeps `clients` connections busy for `seconds`, one request at a time on each.
 * @param nextOf returns for each connection a function from the status of the last response (0 at first) to the next request
 */
export async function load(
  port: number,
  seconds: number,
  clients: number,
  nextOf: (client: number) => (status: number) => Buffer,
): Promise<Run> {
  const latencies: number[] = []
  let refused = 0
  let running = true
  const ended = Promise.withResolvers<never>()

  function send(socket: Bun.Socket<Client>): void {
    const { data } = socket
    data.sentAt = performance.now()
    data.waitingFor = -1
    data.head = ''
    const bytes = data.next(data.status)
    if (socket.write(bytes) !== bytes.length)
      ended.reject(new Error('socket buffer is full: a request needs more than one write'))
  }

  function receive(socket: Bun.Socket<Client>, chunk: Buffer): void {
    const { data } = socket
    if (data.waitingFor < 0) {
      data.head += chunk.toString('latin1')
      const end = data.head.indexOf('\r\n\r\n')
      if (end < 0) return
      data.status = Number(data.head.slice(9, 12))
      const length = /\r\ncontent-length: (\d+)/i.exec(data.head)
      if (!length) {
        ended.reject(new Error(`response without content-length: ${data.head.slice(0, 200)}`))
        return
      }
      data.waitingFor = Number(length[1]) - (data.head.length - end - 4)
    } else data.waitingFor -= chunk.length
    if (data.waitingFor > 0) return
    latencies.push(performance.now() - data.sentAt)
    if (data.status >= 400) refused += 1
    if (running) send(socket)
  }

  const sockets = await Promise.all(
    Array.from({ length: clients }, (_, client) =>
      Bun.connect<Client>({
        hostname: '127.0.0.1',
        port,
        data: { sentAt: 0, waitingFor: -1, status: 0, head: '', next: nextOf(client) },
        socket: {
          data: receive,
          close() {
            if (running) ended.reject(new Error('the server closed a connection'))
          },
        },
      }),
    ),
  )
  const started = performance.now()
  for (const socket of sockets) send(socket)
  await Promise.race([Bun.sleep(seconds * 1000), ended.promise])
  running = false
  const took = (performance.now() - started) / 1000
  const done = latencies.length
  for (const socket of sockets) socket.end()
  latencies.sort((a, b) => a - b)
  const at = (share: number) => Math.round((latencies[Math.floor(done * share)] ?? 0) * 100) / 100
  return { perSecond: done / took, p50: at(0.5), p99: at(0.99), refused }
}
