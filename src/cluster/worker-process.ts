import { withTimeout } from '../lib/with-timeout'
import type { FromWorker, ToWorker } from './messages'

export type WorkerProcess = {
  number: number
  process: Bun.Subprocess
  ready: Promise<boolean>
  startedAt: number
  lastMessageAt: number
  leaving: boolean
}

const START_MS = 60_000
const STOP_MS = 30_000

type Options = {
  command: string[]
  env: Record<string, string | undefined>
  onMessage(worker: WorkerProcess, message: FromWorker): void
  onExit(worker: WorkerProcess, end: { code: number | null; signal: number | NodeJS.Signals | null }): void
}

export function spawnWorker(number: number, { command, env, onMessage, onExit }: Options): WorkerProcess {
  const ready = Promise.withResolvers<boolean>()
  const worker: WorkerProcess = {
    number,
    ready: ready.promise,
    startedAt: performance.now(),
    lastMessageAt: performance.now(),
    leaving: false,
    process: Bun.spawn([...command, `--worker=${number}`], {
      env,
      stdin: 'ignore',
      stdout: 'inherit',
      stderr: 'inherit',
      ipc(message: FromWorker) {
        worker.lastMessageAt = performance.now()
        if ('ready' in message) ready.resolve(true)
        else onMessage(worker, message)
      },
      onExit(_process, code, signal) {
        ready.resolve(false)
        onExit(worker, { code, signal })
      },
    }),
  }
  return worker
}

/** Waits until a worker is ready, and kills one that is not within START_MS. */
export async function becomesReady(worker: WorkerProcess): Promise<boolean> {
  if (await withTimeout(worker.ready, START_MS, () => false)) return true
  worker.leaving = true
  worker.process.kill('SIGKILL')
  return false
}

export async function stopWorker(worker: WorkerProcess): Promise<void> {
  worker.leaving = true
  worker.process.kill('SIGTERM')
  const timer = setTimeout(() => worker.process.kill('SIGKILL'), STOP_MS)
  await worker.process.exited
  clearTimeout(timer)
}

export function sendToWorker({ process }: WorkerProcess, message: ToWorker): void {
  if (process.exitCode === null && !process.killed) process.send(message)
}
