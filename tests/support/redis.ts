import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'

/** Where this machine has no Redis, what needs one is skipped, and says so. */
export const hasRedis = Bun.which('redis-server') !== null
export const whyNoRedis = hasRedis
  ? ''
  : 'skipped: there is no redis-server on this machine (on Debian: apt-get install redis-server)'
if (!hasRedis) process.stderr.write(`Tests with Redis are ${whyNoRedis}\n`)

export type TestRedis = {
  url: string
  port: number
  start(): Promise<void>
  /** Ends it at once; `start` starts it again on the same port. */
  kill(): Promise<void>
  /** For the end of a test. */
  stop(): Promise<void>
  /** Stops it from running, with its connections open, until `resume`. */
  pause(): void
  resume(): void
}

/** A Redis of one's own, on a free port of loopback, that keeps nothing. */
export async function startRedis(...options: string[]): Promise<TestRedis> {
  const folder = await mkdtemp(path.join(tmpdir(), 'coworkspace-redis-'))
  const port = await freePort()
  let child: Bun.Subprocess | undefined

  async function start(): Promise<void> {
    const words = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '']
    child = Bun.spawn(['redis-server', ...words, ...options], { stdout: 'ignore', stderr: 'ignore' })
    await whenOpen(port)
  }
  async function kill(): Promise<void> {
    child?.kill('SIGCONT')
    child?.kill('SIGKILL')
    await child?.exited
    child = undefined
  }
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    start,
    kill,
    async stop() {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
    pause: () => child?.kill('SIGSTOP'),
    resume: () => child?.kill('SIGCONT'),
  }
}

/** A port of loopback that nobody listens on. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address ? address.port : 0
}

/** Waits until somebody answers on a port of loopback. */
export async function whenOpen(port: number, timeoutMs = 10_000): Promise<void> {
  const end = performance.now() + timeoutMs
  for (;;) {
    const open = await Bun.connect({ hostname: '127.0.0.1', port, socket: { data() {} } }).then(
      (socket) => {
        socket.end()
        return true
      },
      () => false,
    )
    if (open) return
    if (performance.now() > end) throw new Error(`nobody listens on port ${port}`)
    await Bun.sleep(10)
  }
}

type Side = { other?: Bun.Socket<Side>; waiting: Buffer[] }

/**
 * The network between a server and something else on loopback: `cut` holds everything back, both ways, while the
 * connections stay open; `mend` lets it through, as TCP would.
 */
export async function startNetwork(
  target: number,
): Promise<{ port: number; cut(): void; mend(): void; stop(): void }> {
  let isCut = false
  const sides = new Set<Bun.Socket<Side>>()
  const pass = (socket: Bun.Socket<Side>, data?: Buffer) => {
    if (data) socket.data.waiting.push(Buffer.from(data))
    const { other, waiting } = socket.data
    if (other && !isCut) for (const piece of waiting.splice(0)) other.write(piece)
  }
  const close = (socket: Bun.Socket<Side>) => {
    sides.delete(socket)
    socket.data.other?.end()
  }
  const listener = Bun.listen<Side>({
    hostname: '127.0.0.1',
    port: 0,
    socket: {
      async open(socket) {
        socket.data = { waiting: [] }
        const other = await Bun.connect<Side>({
          hostname: '127.0.0.1',
          port: target,
          data: { other: socket, waiting: [] },
          socket: { data: pass, close },
        }).catch(() => undefined)
        if (!other) return void socket.end()
        sides.add(socket).add(other)
        socket.data.other = other
        pass(socket)
      },
      data: pass,
      close,
    },
  })
  return {
    port: listener.port,
    cut: () => {
      isCut = true
    },
    mend: () => {
      isCut = false
      for (const side of sides) pass(side)
    },
    stop: () => listener.stop(true),
  }
}
