import { startEmbeddedDatabase } from '../db/embedded'
import { ConfigurationError, type Env } from '../env'
import type { Log } from '../lib/logger'
import { createWorkerMetrics } from './worker-metrics'
import { becomesReady, spawnWorker, stopWorker, type WorkerProcess } from './worker-process'

/** A worker without a message for this long hangs and is killed. */
const SILENT_MS = 15_000
const WATCH_MS = 1000
/** A longer pause between two checks means that this process itself was suspended. */
const SUSPENDED_MS = 5000
const STABLE_MS = 10_000
const MAX_RESTART_DELAY_MS = 5000

export type Cluster = { url: string; restart(): Promise<void>; stop(): Promise<void> }

/**
 * Runs WORKERS server processes on one port. A worker that ends or hangs is started again. `restart` replaces the workers one
 * by one: each new one is ready before the old one stops.
 * @param command starts one worker; `--worker=<number>` is appended
 * @throws {ConfigurationError} if the settings allow only one process, or a worker does not start
 */
export async function superviseWorkers(
  env: Env,
  log: Log,
  command: string[],
  environment: Record<string, string | undefined>,
): Promise<Cluster> {
  assertShareable(env)
  const embedded = env.DATABASE_URL ? undefined : await startEmbeddedDatabase(env.DATA_DIR, log)
  const workers = new Map<number, WorkerProcess>()
  let stopping = false
  const spawn = createSpawner({
    workers,
    log,
    command,
    env: { ...environment, ...(embedded && { DATABASE_URL: embedded.url }) },
    isStopping: () => stopping,
  })
  const stopWatching = killHangingWorkers(workers, log)

  async function start(number: number): Promise<WorkerProcess | undefined> {
    const worker = spawn(number)
    return (await becomesReady(worker)) ? worker : undefined
  }

  async function stop(): Promise<void> {
    stopping = true
    stopWatching()
    await Promise.all([...workers.values()].map(stopWorker))
    await embedded?.stop()
  }

  async function restart(): Promise<void> {
    for (const [number, old] of [...workers]) {
      const worker = stopping ? undefined : await start(number)
      if (!worker) {
        log.error({ worker: number }, 'new worker did not start; the old ones continue')
        return
      }
      workers.set(number, worker)
      await stopWorker(old)
    }
    log.info('all workers replaced')
  }

  // One after the other: the first one migrates and seeds, and a configuration error is reported only once.
  for (let number = 1; number <= env.WORKERS; number++) {
    const worker = await start(number)
    if (!worker) {
      await stop()
      throw new ConfigurationError('A worker did not start. Its own error message is above.')
    }
    workers.set(number, worker)
  }
  return { url: `http://${env.HOST}:${env.PORT}`, restart, stop }
}

type SpawnerOptions = {
  workers: Map<number, WorkerProcess>
  log: Log
  command: string[]
  env: Record<string, string | undefined>
  isStopping: () => boolean
}

function createSpawner({ workers, log, command, env, isStopping }: SpawnerOptions) {
  const metrics = createWorkerMetrics(workers)
  let failures = 0

  return function spawn(number: number): WorkerProcess {
    return spawnWorker(number, {
      command,
      env,
      onMessage(worker, message) {
        if ('askMetrics' in message) void metrics.answer(worker, message.askMetrics)
        if ('answerMetrics' in message) metrics.receive(message.answerMetrics, message.metrics)
      },
      onExit(worker, { code, signal }) {
        if (workers.get(number) !== worker || worker.leaving || isStopping()) return
        log.error({ worker: number, code, signal }, 'worker ended; starting another one')
        failures = performance.now() - worker.startedAt > STABLE_MS ? 0 : failures + 1
        const delay = Math.min(MAX_RESTART_DELAY_MS, 100 * 2 ** failures)
        setTimeout(() => !isStopping() && void workers.set(number, spawn(number)), delay)
      },
    })
  }
}

function killHangingWorkers(workers: ReadonlyMap<number, WorkerProcess>, log: Log): () => void {
  let checkedAt = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    const suspended = now - checkedAt > SUSPENDED_MS
    checkedAt = now
    for (const worker of workers.values()) {
      if (suspended) worker.lastMessageAt = now
      else if (now - worker.lastMessageAt > SILENT_MS) {
        log.error({ worker: worker.number }, 'worker hangs; killing it')
        worker.process.kill('SIGKILL')
      }
    }
  }, WATCH_MS)
  return () => clearInterval(timer)
}

function assertShareable(env: Env): void {
  if (!env.REDIS_URL)
    throw new ConfigurationError('WORKERS: several processes need Redis. Set REDIS_URL, or WORKERS=1.')
  if (env.PORT === 0)
    throw new ConfigurationError('PORT: several processes need a fixed port. Set PORT to a number above 0.')
  try {
    Bun.listen({ hostname: env.HOST, port: env.PORT, socket: { data() {} } }).stop(true)
  } catch (error) {
    throw new ConfigurationError(`Port ${env.PORT} is in use. Choose another one with PORT.`, {
      cause: error,
    })
  }
}
