import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from './port'

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
  /** Asks it to end, as an operator does; `start` starts it again. */
  shutDown(): Promise<void>
  /** For the end of a test. */
  stop(): Promise<void>
  /** Stops it from running, with its connections open, until `resume`. */
  pause(): void
  resume(): void
}

/** A Redis of one's own, on a free port of loopback, that keeps nothing. */
export async function startRedis(...options: string[]): Promise<TestRedis> {
  const folder = await mkdtemp(path.join(tmpdir(), 'coworkspace-redis-'))
  const port = freePort()
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
    async shutDown() {
      child?.kill('SIGTERM')
      await child?.exited
      child = undefined
    },
    async stop() {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
    pause: () => child?.kill('SIGSTOP'),
    resume: () => child?.kill('SIGCONT'),
  }
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

export type Network = {
  port: number
  /** Nothing gets through any more, and nothing is closed: neither side hears of it. */
  cut(): void
  /** What was held back gets through, as TCP would have sent it again. */
  mend(): void
  stop(): Promise<void>
}

type Pair = { near: Socket; far: Socket | undefined }

/** The network between servers and something else on loopback, which can be cut while its connections stay open. */
export async function startNetwork(target: number): Promise<Network> {
  let isCut = false
  const pairs = new Set<Pair>()
  const listener = createServer({ pauseOnConnect: true }, (near) => {
    const pair: Pair = { near, far: undefined }
    pairs.add(pair)
    near.on('error', () => near.destroy())
    near.on('close', () => !isCut && end(pair))
    if (!isCut) join(pair)
  })

  function join(pair: Pair): void {
    const { near } = pair
    const far = pair.far ?? connect(target, '127.0.0.1')
    if (!pair.far) {
      pair.far = far
      far.on('error', () => far.destroy())
      far.on('close', () => !isCut && end(pair))
    }
    if (near.destroyed || far.destroyed) end(pair)
    else near.pipe(far).pipe(near)
  }

  function part({ near, far }: Pair): void {
    if (far) near.unpipe(far)
    far?.unpipe(near)
    near.pause()
    far?.pause()
  }

  function end(pair: Pair): void {
    pairs.delete(pair)
    pair.near.destroy()
    pair.far?.destroy()
  }

  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve))
  const address = listener.address()
  return {
    port: typeof address === 'object' && address ? address.port : 0,
    cut() {
      isCut = true
      for (const pair of pairs) part(pair)
    },
    mend() {
      isCut = false
      for (const pair of [...pairs]) join(pair)
    },
    async stop() {
      for (const pair of [...pairs]) end(pair)
      await new Promise((resolve) => listener.close(resolve))
    },
  }
}
