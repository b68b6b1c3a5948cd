import type { Registry } from 'prom-client'
import type { FromWorker, ToWorker } from './supervisor'

/** The channel of a worker to its supervisor. */
export type Supervisor = {
  ready(): void
  /** The metrics of all workers as one text. */
  readMetrics(): Promise<string>
  /** Called when the supervisor is gone: without it nobody would end this process. */
  onGone(listener: () => void): void
}

/** Tells the supervisor every second that this process runs. Null where there is none. */
export function connectSupervisor(registry: () => Registry): Supervisor | null {
  if (!process.send) return null
  const tell = (message: FromWorker) => void process.send?.(message)
  const asked = new Map<string, (text: string) => void>()
  const timer = setInterval(() => tell({ alive: true }), 1000)
  timer.unref()
  process.on('message', async (message: ToWorker) => {
    if ('collectMetrics' in message) {
      tell({ answerMetrics: message.collectMetrics, metrics: await registry().getMetricsAsJSON() })
    } else asked.get(message.askedAs)?.(message.metrics)
  })
  return {
    ready: () => tell({ ready: true }),
    readMetrics() {
      const id = Bun.randomUUIDv7()
      const answer = new Promise<string>((resolve) => asked.set(id, resolve))
      tell({ askMetrics: id })
      return Promise.race([answer, Bun.sleep(5000).then(() => registry().metrics())]).finally(() =>
        asked.delete(id),
      )
    },
    onGone: (listener) => void process.on('disconnect', listener),
  }
}
