import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export type Metrics = {
  registry: Registry
  /** The text of `/metrics`, for all workers if there are several. */
  readAll: () => Promise<string>
  countCall(procedure: string, reason: string, seconds: number): void
  countCacheHit(procedure: string): void
  countAnswer(status: number): void
  countHold(outcome: string): void
  countSwept(lateSeconds: number[]): void
  countNotification(channel: string, outcome: 'sent' | 'failed' | 'refused' | 'withdrawn'): void
  countCacheRead(found: 'near' | 'far' | 'missed'): void
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

export function createMetrics(): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'coworkspace_' })
  const countCalls = createCounter(registry, {
    name: 'coworkspace_calls_total',
    help: 'Calls of procedures, by outcome: OK or the reason of the refusal.',
    labelNames: ['procedure', 'reason'],
  })
  const countAnswers = createCounter(registry, {
    name: 'coworkspace_http_responses_total',
    help: 'HTTP responses, by status.',
    labelNames: ['status'],
  })
  const countHolds = createCounter(registry, {
    name: 'coworkspace_holds_total',
    help: 'Attempts to hold a time, by outcome: HELD or the reason of the refusal, such as SLOT_TAKEN.',
    labelNames: ['outcome'],
  })
  const countNotifications = createCounter(registry, {
    name: 'coworkspace_notifications_total',
    help: 'Notifications by channel and outcome: sent, failed (retried), refused (not retried) or withdrawn (no longer true).',
    labelNames: ['channel', 'outcome'],
  })
  const countCacheReads = createCounter(registry, {
    name: 'coworkspace_cache_reads_total',
    help: 'Cache reads by result: found in this process (near), in Redis (far), or loaded (missed).',
    labelNames: ['found'],
  })
  const swept = new Histogram({
    name: 'coworkspace_swept_late_seconds',
    help: 'Holds that the sweep expired, by the time since their end.',
    buckets: [1, 5, 10, 30, 60, 120, 300, 900],
    registers: [registry],
  })
  const observeCall = createCallTimer(registry)

  function countCall(procedure: string, reason: string, seconds: number): void {
    countCalls(procedure, reason)
    observeCall(procedure, seconds)
  }

  return {
    registry,
    readAll: () => registry.metrics(),
    countCall,
    countCacheHit(procedure) {
      countCacheReads('near')
      countCall(procedure, 'OK', 0)
    },
    countAnswer: (status) => countAnswers(String(status)),
    countHold: (outcome) => countHolds(outcome),
    countSwept(lateSeconds) {
      for (const seconds of lateSeconds) swept.observe(seconds)
    },
    countNotification: (channel, outcome) => countNotifications(channel, outcome),
    countCacheRead: (found) => countCacheReads(found),
  }
}

/** A counter that only adds to a number per call; prom-client gets the sums when the metrics are read. */
function createCounter<Label extends string>(
  registry: Registry,
  { labelNames, ...config }: { name: string; help: string; labelNames: Label[] },
): (...values: string[]) => void {
  const counted = new Map<string, { labels: Record<Label, string>; count: number }>()
  new Counter({
    ...config,
    labelNames,
    registers: [registry],
    collect() {
      for (const entry of counted.values()) {
        this.inc(entry.labels, entry.count)
        entry.count = 0
      }
    },
  })
  const labelsOf = (values: string[]) =>
    Object.fromEntries(labelNames.map((label, n) => [label, values[n] ?? ''])) as Record<Label, string>
  return (...values) => {
    const key = values.length === 1 ? (values[0] ?? '') : values.join('\n')
    counted.getOrInsertComputed(key, () => ({ labels: labelsOf(values), count: 0 })).count += 1
  }
}

function createCallTimer(registry: Registry): (procedure: string, seconds: number) => void {
  const histogram = new Histogram({
    name: 'coworkspace_call_seconds',
    help: 'Duration of procedure calls.',
    labelNames: ['procedure'],
    buckets: SECONDS,
    registers: [registry],
  })
  // Finding a labelled child costs more than observing with it, and there are few procedures.
  const children = new Map<string, ReturnType<typeof histogram.labels>>()
  return (procedure, seconds) =>
    children.getOrInsertComputed(procedure, () => histogram.labels(procedure)).observe(seconds)
}

type ConnectionCounts = { state: string; count: number }[]
type Readings = {
  realtime: () => RealtimeStats
  bus: () => { published: number; received: number; undelivered: number }
  redisUp: (() => boolean) | undefined
  poolSize: number
  // Both reject if the database is down.
  connections: () => Promise<ConnectionCounts>
  payments: () => Promise<Record<string, number>>
}

export function addReadings({ registry }: Metrics, readings: Readings): void {
  const { realtime, bus, redisUp, poolSize } = readings
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `coworkspace_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      },
    })
  gauge('sockets', 'Open sockets.', () => realtime().sockets)
  gauge('sockets_signed_in', 'Open sockets of signed-in users.', () => realtime().signedIn)
  gauge('watched_spaces', 'Calendars that a socket or stream watches.', () => realtime().watchedSpaces)
  gauge('watched_boards', 'Boards that a socket or stream watches.', () => realtime().watchedBoards)
  gauge('messages_in', 'Messages from sockets since the start.', () => realtime().messagesIn)
  gauge('messages_out', 'Messages published since the start.', () => bus().published)
  gauge('messages_shared_in', 'Messages from other servers since the start.', () => bus().received)
  gauge('messages_undelivered', 'Messages not sent to other servers while Redis was down.', () => {
    return bus().undelivered
  })
  gauge('slow_readers_closed', 'Sockets closed because they read too slowly.', () => {
    return realtime().slowReadersClosed
  })
  gauge('database_pool_size', 'Maximum database connections of this process.', () => poolSize)
  if (redisUp) gauge('redis_up', 'Whether messages reach Redis and come back.', () => Number(redisUp()))
  addDatabaseGauges(registry, readings.connections)
  addPaymentGauge(registry, readings.payments)
}

function addDatabaseGauges(registry: Registry, read: () => Promise<ConnectionCounts>): void {
  // One query per scrape, so that both gauges report the same state.
  let query: Promise<ConnectionCounts | undefined> | undefined
  const readOnce = () => {
    query ??= read()
      .catch(() => undefined)
      .finally(() => {
        query = undefined
      })
    return query
  }
  new Gauge({
    name: 'coworkspace_database_up',
    help: 'Whether the database responds.',
    registers: [registry],
    async collect() {
      this.set((await readOnce()) ? 1 : 0)
    },
  })
  new Gauge({
    name: 'coworkspace_database_connections',
    help: 'Database connections of all servers, by state.',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      const states = await readOnce()
      this.reset()
      for (const { state, count } of states ?? []) this.set({ state }, count)
    },
  })
}

function addPaymentGauge(registry: Registry, read: () => Promise<Record<string, number>>): void {
  new Gauge({
    name: 'coworkspace_payment_troubles',
    help: 'Stripe events and jobs that waited a minute, failed or were given up; refunds that waited ten minutes; disputes.',
    labelNames: ['kind'],
    // Every worker reads the same database.
    aggregator: 'max',
    registers: [registry],
    async collect() {
      this.reset()
      const troubles = await read().catch(() => ({}))
      for (const [kind, count] of Object.entries(troubles)) this.set({ kind }, count)
    },
  })
}

export type RealtimeStats = {
  sockets: number
  signedIn: number
  eventStreams: number
  watchedSpaces: number
  watchedBoards: number
  messagesIn: number
  messagesOut: number
  slowReadersClosed: number
}
