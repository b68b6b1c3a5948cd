import { AggregatorRegistry, type MetricObject } from 'prom-client'
import { startEmbeddedDatabase } from '../db/embedded'
import { ConfigurationError, type Env } from '../env'
import type { Log } from '../lib/logger'

/** What a worker tells its supervisor. */
export type FromWorker =
  | { ready: true }
  | { alive: true }
  | { askMetrics: string }
  | { answerMetrics: string; metrics: MetricObject[] }
/** What the supervisor tells a worker. */
export type ToWorker = { collectMetrics: string } | { metrics: string; askedAs: string }

type Worker = {
  number: number
  process: Bun.Subprocess
  ready: Promise<boolean>
  startedAt: number
  heardAt: number
  leaving: boolean
}

/** A worker that says nothing for so long hangs, and is killed. */
const SILENT_MS = 15_000
/** How long a worker may take to start, and to finish what it is doing when it is told to stop. */
const START_MS = 60_000
const STOP_MS = 30_000

/**
 * Runs WORKERS servers on one port, each a process of its own: what dies or hangs is started again, a stop reaches all, and
 * `restart` replaces one after the other, the new one ready before the old one stops taking connections.
 * @param command starts one worker; a number is added to it
 * @throws {ConfigurationError} where the configuration is for one process only
 */
export async function superviseWorkers(
  env: Env,
  log: Log,
  command: string[],
  environment: Record<string, string | undefined>,
): Promise<{ url: string; restart(): Promise<void>; stop(): Promise<void> }> {
  refuseUnlessShareable(env)
  const embedded = env.DATABASE_URL ? undefined : await startEmbeddedDatabase(env.DATA_DIR, log)
  const workers = new Map<number, Worker>()
  let stopping = false
  let failures = 0

  function spawn(number: number): Worker {
    const ready = Promise.withResolvers<boolean>()
    const worker: Worker = {
      number,
      ready: ready.promise,
      startedAt: performance.now(),
      heardAt: performance.now(),
      leaving: false,
      process: Bun.spawn([...command, `--worker=${number}`], {
        env: { ...environment, ...(embedded && { DATABASE_URL: embedded.url }) },
        stdin: 'ignore',
        stdout: 'inherit',
        stderr: 'inherit',
        ipc(message: FromWorker) {
          worker.heardAt = performance.now()
          if ('ready' in message) ready.resolve(true)
          if ('askMetrics' in message) void answerMetrics(worker, message.askMetrics)
          if ('answerMetrics' in message) collecting.get(message.answerMetrics)?.(message.metrics)
        },
        onExit(_process, code, signal) {
          ready.resolve(false)
          if (workers.get(number) !== worker || worker.leaving || stopping) return
          log.error({ worker: number, code, signal }, 'a worker ended; starting another one')
          failures = performance.now() - worker.startedAt > 10_000 ? 0 : failures + 1
          const again = () => !stopping && void workers.set(number, spawn(number))
          setTimeout(again, Math.min(5000, 100 * 2 ** failures))
        },
      }),
    }
    return worker
  }

  const collecting = new Map<string, (metrics: MetricObject[]) => void>()

  /** The metrics of all workers together: a scrape reaches any one of them. */
  async function answerMetrics(asker: Worker, askedAs: string): Promise<void> {
    const collected = [...workers.values()].map(({ process, number }) => {
      const id = `${askedAs}/${number}`
      const answer = new Promise<MetricObject[]>((resolve) => collecting.set(id, resolve))
      tellWorker(process, { collectMetrics: id })
      return Promise.race([answer, Bun.sleep(3000).then(() => [])]).finally(() => collecting.delete(id))
    })
    const metrics = await AggregatorRegistry.aggregate(await Promise.all(collected)).metrics()
    tellWorker(asker.process, { metrics, askedAs })
  }

  async function isReady(worker: Worker): Promise<boolean> {
    return Promise.race([worker.ready, Bun.sleep(START_MS).then(() => false)])
  }

  let watchedAt = performance.now()
  const watch = setInterval(() => {
    const now = performance.now()
    // Where this process itself was paused, everybody seems silent.
    const paused = now - watchedAt > 5000
    watchedAt = now
    for (const worker of workers.values()) {
      if (paused) worker.heardAt = now
      else if (now - worker.heardAt > Math.max(SILENT_MS, isStarting(worker) ? START_MS : 0)) {
        log.error({ worker: worker.number }, 'a worker hangs; killing it')
        worker.process.kill('SIGKILL')
      }
    }
  }, 1000)
  const starting = new Set<Worker>()
  const isStarting = (worker: Worker) => starting.has(worker)

  async function start(number: number): Promise<Worker | undefined> {
    const worker = spawn(number)
    starting.add(worker)
    const ready = await isReady(worker)
    starting.delete(worker)
    if (ready) return worker
    worker.leaving = true
    worker.process.kill('SIGKILL')
    return undefined
  }

  async function end(worker: Worker): Promise<void> {
    worker.leaving = true
    worker.process.kill('SIGTERM')
    const late = setTimeout(() => worker.process.kill('SIGKILL'), STOP_MS)
    await worker.process.exited
    clearTimeout(late)
  }

  async function stop(): Promise<void> {
    stopping = true
    clearInterval(watch)
    await Promise.all([...workers.values()].map(end))
    await embedded?.stop()
  }

  // The first one alone: it brings the schema up to date and seeds, and what is wrong is said once.
  for (let number = 1; number <= env.WORKERS; number++) {
    const worker = await start(number)
    if (!worker) {
      await stop()
      throw new ConfigurationError('A worker did not start; what it said stands above.')
    }
    workers.set(number, worker)
  }

  return {
    url: `http://${env.HOST}:${env.PORT}`,
    async restart() {
      for (const [number, old] of [...workers]) {
        const worker = stopping ? undefined : await start(number)
        if (!worker) {
          log.error({ worker: number }, 'a new worker did not start; the old ones stay')
          return
        }
        workers.set(number, worker)
        await end(old)
      }
      log.info('every worker was replaced')
    },
    stop,
  }
}

function tellWorker(process: Bun.Subprocess, message: ToWorker): void {
  // It may have ended a moment ago.
  if (process.exitCode === null && !process.killed) process.send(message)
}

/** Processes share a port only where it is named, and one world only through Redis. */
function refuseUnlessShareable(env: Env): void {
  if (!env.REDIS_URL)
    throw new ConfigurationError(
      'WORKERS: several processes find each other through Redis. Set REDIS_URL, or WORKERS=1.',
    )
  if (env.PORT === 0)
    throw new ConfigurationError('PORT: several processes share one port, which must be named.')
  try {
    Bun.listen({ hostname: env.HOST, port: env.PORT, socket: { data() {} } }).stop(true)
  } catch (error) {
    throw new ConfigurationError(`Port ${env.PORT} is taken. Choose another one with PORT.`, { cause: error })
  }
}
