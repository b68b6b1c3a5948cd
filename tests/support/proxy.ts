import { connect, createServer, type Socket } from 'node:net'

export type Proxy = {
  url: string
  /** Resets every connection. @returns how many */
  cut(): number
  stop(): Promise<void>
}

type ProxyOptions = {
  /** Closes a new connection if its first bytes do not pass. */
  passes?: (first: Buffer) => boolean
  /** Receives all bytes sent to the servers, by connection. */
  onSent?: (connection: number, bytes: Buffer) => void
}

/** A TCP proxy that connects to the addresses in turn. */
export async function startProxy(
  urls: string[],
  { passes = () => true, onSent }: ProxyOptions = {},
): Promise<Proxy> {
  const open = new Set<Socket>()
  let made = 0
  const proxy = createServer((near) => {
    const connection = made++
    const { hostname, port } = new URL(urls[connection % urls.length] ?? '')
    open.add(near)
    near.on('close', () => open.delete(near))
    near.on('error', () => near.destroy())
    near.once('data', (first: Buffer) => {
      if (!passes(first)) return near.destroy()
      const far = connect(Number(port), hostname)
      far.write(first)
      onSent?.(connection, first)
      if (onSent) near.on('data', (bytes: Buffer) => onSent(connection, bytes))
      near.pipe(far).pipe(near)
      far.on('error', () => near.destroy())
      far.on('close', () => near.destroy())
      near.on('close', () => far.destroy())
    })
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const address = proxy.address()
  const cut = () => {
    const cutting = [...open]
    for (const socket of cutting) socket.resetAndDestroy()
    return cutting.length
  }
  return {
    url: `${new URL(urls[0] ?? '').protocol}//127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    cut,
    async stop() {
      cut()
      await new Promise((resolve) => proxy.close(resolve))
    },
  }
}

export type QueryCounter = { databaseUrl: string; queries(): number; stop(): Promise<void> }

/** A proxy to a database that counts queries by PostgreSQL's protocol messages. */
export async function countQueries(databaseUrl: string): Promise<QueryCounter> {
  const unread = new Map<number, Buffer>()
  let queries = 0
  const proxy = await startProxy([databaseUrl], {
    onSent(connection, bytes) {
      const known = unread.get(connection)
      let buffer = known ? Buffer.concat([known, bytes]) : bytes
      // The first message of a connection has a length but no type.
      let head = known ? 1 : 0
      while (buffer.length >= head + 4 && buffer.length >= head + buffer.readUInt32BE(head)) {
        const type = String.fromCharCode(head === 0 ? 0 : (buffer[0] ?? 0))
        if (type === 'E' || type === 'Q') queries += 1
        buffer = buffer.subarray(head + buffer.readUInt32BE(head))
        head = 1
      }
      unread.set(connection, buffer)
    },
  })
  const address = new URL(databaseUrl)
  address.host = new URL(proxy.url.replace('postgres:', 'http:')).host
  return { databaseUrl: address.href, queries: () => queries, stop: proxy.stop }
}
