import { AggregatorRegistry, type MetricObject } from 'prom-client'
import { withTimeout } from '../lib/with-timeout'
import { sendToWorker, type WorkerProcess } from './worker-process'

const COLLECT_MS = 3000

export type WorkerMetrics = {
  /** Sends the sum of all workers' metrics to the worker that asked, because a scrape reaches only one of them. */
  answer(asker: WorkerProcess, askedAs: string): Promise<void>
  receive(id: string, metrics: MetricObject[]): void
}

export function createWorkerMetrics(workers: ReadonlyMap<number, WorkerProcess>): WorkerMetrics {
  const pending = new Map<string, (metrics: MetricObject[]) => void>()

  function collect(worker: WorkerProcess, id: string): Promise<MetricObject[]> {
    const metrics = new Promise<MetricObject[]>((resolve) => pending.set(id, resolve))
    sendToWorker(worker, { collectMetrics: id })
    return withTimeout(metrics, COLLECT_MS, () => []).finally(() => pending.delete(id))
  }

  return {
    receive: (id, metrics) => pending.get(id)?.(metrics),
    async answer(asker, askedAs) {
      const all = [...workers.values()].map((worker) => collect(worker, `${askedAs}/${worker.number}`))
      const metrics = await AggregatorRegistry.aggregate(await Promise.all(all)).metrics()
      sendToWorker(asker, { metrics, askedAs })
    },
  }
}
