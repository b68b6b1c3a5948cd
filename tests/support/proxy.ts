import { connect, createServer, type Socket } from 'node:net'

export type CuttingProxy = {
  url: string
  /** Ends every connection at once, without a goodbye. @returns how many */
  cut(): number
  /** While it is true, new connections are ended as soon as they come. */
  refuse(refusing: boolean): void
  stop(): Promise<void>
}

/** A stretch of network between a client and some servers, one after the other, that can be cut. */
export async function startProxy(urls: string[]): Promise<CuttingProxy> {
  const open = new Set<Socket>()
  let made = 0
  let refusing = false
  const proxy = createServer((near) => {
    if (refusing) {
      near.destroy()
      return
    }
    const { hostname, port } = new URL(urls[made++ % urls.length] ?? '')
    const far = connect(Number(port), hostname)
    open.add(near)
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.pipe(to)
      from.on('error', () => to.destroy())
      from.on('close', () => to.destroy())
    }
    near.on('close', () => open.delete(near))
  })
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  const address = proxy.address()
  const port = typeof address === 'object' && address ? address.port : 0
  const cut = () => {
    const cutting = [...open]
    for (const socket of cutting) socket.resetAndDestroy()
    return cutting.length
  }
  return {
    url: `http://127.0.0.1:${port}`,
    cut,
    refuse: (value) => {
      refusing = value
    },
    async stop() {
      cut()
      await new Promise((resolve) => proxy.close(resolve))
    },
  }
}
