import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from './port'

/** Tests that need Redis are skipped if redis-server is not installed. */
export const hasRedis = Bun.which('redis-server') !== null
export const whyNoRedis = hasRedis
  ? ''
  : 'skipped: redis-server is not installed (on Debian: apt-get install redis-server)'
if (!hasRedis) process.stderr.write(`Tests with Redis are ${whyNoRedis}\n`)

export type TestRedis = {
  url: string
  port: number
  start(): Promise<void>
  /** Kills it. `start` starts it again on the same port. */
  kill(): Promise<void>
  /** Shuts it down cleanly. `start` starts it again. */
  shutDown(): Promise<void>
  /** Kills it and deletes its files. */
  stop(): Promise<void>
  /** Suspends it, with its connections open, until `resume`. */
  pause(): void
  resume(): void
}

/** Starts a Redis on a free port of 127.0.0.1, without persistence. */
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

/** Waits until a port of 127.0.0.1 accepts connections. */
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
    if (performance.now() > end) throw new Error(`nothing listens on port ${port}`)
    await Bun.sleep(10)
  }
}

export type Network = {
  port: number
  /** Blocks all traffic without closing connections, so that neither side notices. */
  cut(): void
  /** Delivers the blocked traffic, as TCP would by sending it again. */
  mend(): void
  stop(): Promise<void>
}

type Pair = { near: Socket; far: Socket | undefined }

/** A proxy to a port of 127.0.0.1 that can be cut while its connections stay open. */
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
