import type { Registry } from 'prom-client'
import { withTimeout } from '../lib/with-timeout'
import type { FromWorker, ToWorker } from './messages'

const METRICS_MS = 5000

export type Supervisor = {
  ready(): void
  /** The text of `/metrics` for all workers, or for this one if the supervisor does not respond. */
  readMetrics(): Promise<string>
  /** Called when the supervisor has died: then this process must end by itself. */
  onGone(listener: () => void): void
}

/** Connects to the supervisor, and sends it a sign of life every second. Null without a supervisor. */
export function connectSupervisor(registry: () => Registry): Supervisor | null {
  if (!process.send) return null
  const sendMessage = (message: FromWorker) => void process.send?.(message)
  const pending = new Map<string, (text: string) => void>()
  const timer = setInterval(() => sendMessage({ alive: true }), 1000)
  timer.unref()
  process.on('message', async (message: ToWorker) => {
    if ('collectMetrics' in message) {
      sendMessage({ answerMetrics: message.collectMetrics, metrics: await registry().getMetricsAsJSON() })
    } else pending.get(message.askedAs)?.(message.metrics)
  })
  return {
    ready: () => sendMessage({ ready: true }),
    readMetrics() {
      const id = Bun.randomUUIDv7()
      const text = new Promise<string>((resolve) => pending.set(id, resolve))
      sendMessage({ askMetrics: id })
      return withTimeout(text, METRICS_MS, () => registry().metrics()).finally(() => pending.delete(id))
    },
    onGone: (listener) => void process.on('disconnect', listener),
  }
}
