import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { RealtimeStats } from './context'

/** What the parts of a server report; each server process has its own. */
export type Metrics = {
  registry: Registry
  /** The text of /metrics: of this process, or of all workers where there are several. */
  readAll: () => Promise<string>
  /** One call of a procedure, through whichever door; `reason` is OK or why it was refused. */
  countCall(procedure: string, reason: string, seconds: number): void
  /** One answer of the HTTP server. */
  countAnswer(status: number): void
  /** Somebody asked for a time, and got it or was told why not. */
  countHold(outcome: string): void
  /** Holds that were freed by the sweep; each as late as `lateSeconds`. */
  countSwept(lateSeconds: number[]): void
  /** A notification went out through a channel, or did not. */
  countNotification(channel: string, outcome: 'sent' | 'failed' | 'refused' | 'withdrawn'): void
  countCacheRead(found: 'near' | 'far' | 'missed'): void
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]

/** Everything that `/metrics` tells, in the format of Prometheus. */
export function createMetrics(): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry, prefix: 'coworkspace_' })

  const calls = new Counter({
    name: 'coworkspace_calls_total',
    help: 'Calls of procedures, by how they ended: OK, or the reason of the refusal.',
    labelNames: ['procedure', 'reason'],
    registers,
  })
  const callSeconds = new Histogram({
    name: 'coworkspace_call_seconds',
    help: 'How long calls of procedures took.',
    labelNames: ['procedure'],
    buckets: SECONDS,
    registers,
  })
  const answers = new Counter({
    name: 'coworkspace_http_responses_total',
    help: 'Answers of the HTTP server, by status.',
    labelNames: ['status'],
    registers,
  })
  const holds = new Counter({
    name: 'coworkspace_holds_total',
    help: 'Attempts to hold a time, by outcome: HELD, SLOT_TAKEN and so on.',
    labelNames: ['outcome'],
    registers,
  })
  const swept = new Histogram({
    name: 'coworkspace_swept_late_seconds',
    help: 'Holds freed by the sweep, by how long after their end.',
    buckets: [1, 5, 10, 30, 60, 120, 300, 900],
    registers,
  })
  const notifications = new Counter({
    name: 'coworkspace_notifications_total',
    help: 'Notifications by channel and outcome: sent, failed (and tried again), refused for good, or withdrawn since it is not so any more.',
    labelNames: ['channel', 'outcome'],
    registers,
  })
  const cacheReads = new Counter({
    name: 'coworkspace_cache_reads_total',
    help: 'Reads of cached answers: found in this process (near), in Redis (far), or made anew (missed).',
    labelNames: ['found'],
    registers,
  })
  // Finding a labelled child costs more than counting in it, and procedures are few.
  const procedures = new Map<string, ReturnType<typeof callSeconds.labels>>()

  return {
    registry,
    readAll: () => registry.metrics(),
    countCall(procedure, reason, seconds) {
      calls.inc({ procedure, reason })
      procedures.getOrInsertComputed(procedure, () => callSeconds.labels(procedure)).observe(seconds)
    },
    countAnswer: (status) => answers.inc({ status }),
    countHold: (outcome) => holds.inc({ outcome }),
    countSwept(lateSeconds) {
      for (const seconds of lateSeconds) swept.observe(seconds)
    },
    countNotification: (channel, outcome) => notifications.inc({ channel, outcome }),
    countCacheRead: (found) => cacheReads.inc({ found }),
  }
}

type Readings = {
  realtime: () => RealtimeStats
  bus: () => { published: number; received: number; undelivered: number }
  redisUp: (() => boolean) | undefined
  poolSize: number
  /** Connections of all servers to the database, by what they do; throws where the database does not answer. */
  connections: () => Promise<{ state: string; count: number }[]>
  /** What of payments does not go as it should, by kind; throws where the database does not answer. */
  payments: () => Promise<Record<string, number>>
}

/** What is read when somebody asks, rather than counted as it happens. */
export function addReadings({ registry }: Metrics, readings: Readings): void {
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `coworkspace_${name}`,
      help,
      registers: [registry],
      collect() {
        this.set(read())
      },
    })
  gauge('sockets', 'Sockets that are open.', () => readings.realtime().sockets)
  gauge('sockets_signed_in', 'Sockets of people who are signed in.', () => readings.realtime().signedIn)
  gauge('watched_spaces', 'Topics: spaces that some socket watches.', () => readings.realtime().watchedSpaces)
  gauge('watched_boards', 'Days of spaces that some socket watches.', () => readings.realtime().watchedBoards)
  gauge('messages_in', 'Messages from sockets since the start.', () => readings.realtime().messagesIn)
  gauge('messages_out', 'Messages published since the start.', () => readings.bus().published)
  gauge('messages_shared_in', 'Messages from other servers since the start.', () => readings.bus().received)
  gauge('messages_undelivered', 'Messages that could not be told to other servers: Redis was away.', () => {
    return readings.bus().undelivered
  })
  gauge('slow_readers_closed', 'Sockets that were closed because they read too slowly.', () => {
    return readings.realtime().slowReadersClosed
  })
  gauge(
    'database_pool_size',
    'Connections that this process may have to the database.',
    () => readings.poolSize,
  )
  const { redisUp } = readings
  if (redisUp) gauge('redis_up', 'Whether messages go out to Redis and come back.', () => Number(redisUp()))
  // Both gauges are read at once: they ask together, and one does not tell what the other found the time before.
  let asked: Promise<{ state: string; count: number }[] | undefined> | undefined
  const ask = () => {
    asked ??= readings
      .connections()
      .catch(() => undefined)
      .finally(() => {
        asked = undefined
      })
    return asked
  }
  new Gauge({
    name: 'coworkspace_database_up',
    help: 'Whether the database answers.',
    registers: [registry],
    async collect() {
      this.set((await ask()) ? 1 : 0)
    },
  })
  new Gauge({
    name: 'coworkspace_database_connections',
    help: 'Connections of all servers to the database, by state.',
    labelNames: ['state'],
    registers: [registry],
    async collect() {
      const states = await ask()
      this.reset()
      for (const { state, count } of states ?? []) this.set({ state }, count)
    },
  })
  new Gauge({
    name: 'coworkspace_payment_troubles',
    help: 'Events of Stripe and durable jobs that nobody took for a minute, that failed, or were given up; refunds not made for ten minutes; disputes.',
    labelNames: ['kind'],
    // Every worker reads the same database.
    aggregator: 'max',
    registers: [registry],
    async collect() {
      this.reset()
      const troubles = await readings.payments().catch(() => ({}))
      for (const [kind, count] of Object.entries(troubles)) this.set({ kind }, count)
    },
  })
}
