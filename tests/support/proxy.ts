import { connect, createServer, type Socket } from 'node:net'

export type Proxy = {
  url: string
  /** Ends every connection at once, without a goodbye. @returns how many */
  cut(): number
  stop(): Promise<void>
}

type ProxyOptions = {
  /** A new connection is ended where the first that it says is not passed. */
  passes?: (first: Buffer) => boolean
  /** Hears everything that goes to the servers, by connection. */
  onSent?: (connection: number, bytes: Buffer) => void
}

/** A stretch of network before some addresses, which it connects to in turns. */
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

/** A way to a database that counts what is run over it, by PostgreSQL's own messages. */
export async function countQueries(databaseUrl: string): Promise<QueryCounter> {
  const unread = new Map<number, Buffer>()
  let queries = 0
  const proxy = await startProxy([databaseUrl], {
    onSent(connection, bytes) {
      const known = unread.get(connection)
      let buffer = known ? Buffer.concat([known, bytes]) : bytes
      // The first message of a connection has no type before its length.
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
