import { connect, createServer, type Server, type Socket } from 'node:net'

/** A proxy to a database whose connections can be cut and restored. */
export async function startProxy(databaseUrl: string) {
  const target = new URL(databaseUrl)
  const open = new Set<Socket>()
  let server: Server | undefined
  let port = 0

  function join(incoming: Socket): void {
    const outgoing = connect(Number(target.port), target.hostname)
    for (const [from, to] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      open.add(from)
      from.pipe(to)
      from.on('error', () => to.destroy())
      from.on('close', () => {
        open.delete(from)
        to.destroy()
      })
    }
  }

  async function mend(): Promise<void> {
    const listening = createServer(join)
    server = listening
    await new Promise<void>((ready) => listening.listen(port, '127.0.0.1', ready))
    const address = listening.address()
    if (address && typeof address === 'object') port = address.port
  }

  /** Closes every connection and accepts no new ones. */
  async function cut(): Promise<void> {
    const closed = new Promise((done) => server?.close(done))
    for (const socket of open) socket.destroy()
    await closed
  }

  await mend()
  const through = new URL(databaseUrl)
  through.host = `127.0.0.1:${port}`
  return { url: through.href, cut, mend }
}
