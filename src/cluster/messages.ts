import type { MetricObject } from 'prom-client'

export type FromWorker =
  | { ready: true }
  | { alive: true }
  | { askMetrics: string }
  | { answerMetrics: string; metrics: MetricObject[] }

export type ToWorker = { collectMetrics: string } | { metrics: string; askedAs: string }
