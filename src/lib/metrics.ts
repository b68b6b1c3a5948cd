import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

/** What the parts of a server report; each server process has its own. */
export type Metrics = {
  registry: Registry
  /** The text of /metrics: of this process, or of all workers where there are several. */
  readAll: () => Promise<string>
  /** One call of a procedure, through whichever door; `reason` is OK or why it was refused. */
  countCall(procedure: string, reason: string, seconds: number): void
  /** One call whose answer was kept from another one. */
  countCacheHit(procedure: string): void
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

  /** A counter that is told what was counted when somebody reads it: counting is an addition and nothing else. */
  function counter<Label extends string>(name: string, help: string, labelNames: Label[]) {
    const counted = new Map<string, { labels: Record<Label, string>; count: number }>()
    new Counter({
      name,
      help,
      labelNames,
      registers,
      collect() {
        for (const entry of counted.values()) {
          this.inc(entry.labels, entry.count)
          entry.count = 0
        }
      },
    })
    return (...values: string[]) => {
      const key = values.length === 1 ? (values[0] ?? '') : values.join('\n')
      const entry = counted.getOrInsertComputed(key, () => ({
        labels: Object.fromEntries(labelNames.map((label, n) => [label, values[n] ?? ''])) as Record<
          Label,
          string
        >,
        count: 0,
      }))
      entry.count += 1
    }
  }

  const countCalls = counter(
    'coworkspace_calls_total',
    'Calls of procedures, by how they ended: OK, or the reason of the refusal.',
    ['procedure', 'reason'],
  )
  const callSeconds = new Histogram({
    name: 'coworkspace_call_seconds',
    help: 'How long calls of procedures took.',
    labelNames: ['procedure'],
    buckets: SECONDS,
    registers,
  })
  const countAnswers = counter('coworkspace_http_responses_total', 'Answers of the HTTP server, by status.', [
    'status',
  ])
  const countHolds = counter(
    'coworkspace_holds_total',
    'Attempts to hold a time, by outcome: HELD, SLOT_TAKEN and so on.',
    ['outcome'],
  )
  const swept = new Histogram({
    name: 'coworkspace_swept_late_seconds',
    help: 'Holds freed by the sweep, by how long after their end.',
    buckets: [1, 5, 10, 30, 60, 120, 300, 900],
    registers,
  })
  const countNotifications = counter(
    'coworkspace_notifications_total',
    'Notifications by channel and outcome: sent, failed (and tried again), refused for good, or withdrawn since it is not so any more.',
    ['channel', 'outcome'],
  )
  const countCacheReads = counter(
    'coworkspace_cache_reads_total',
    'Reads of cached answers: found in this process (near), in Redis (far), or made anew (missed).',
    ['found'],
  )
  // Finding a labelled child costs more than observing with it, and procedures are few.
  const procedures = new Map<string, ReturnType<typeof callSeconds.labels>>()

  function countCall(procedure: string, reason: string, seconds: number): void {
    countCalls(procedure, reason)
    procedures.getOrInsertComputed(procedure, () => callSeconds.labels(procedure)).observe(seconds)
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

/** Counts of this server's own sockets and event streams, since it started. */
export type RealtimeStats = {
  sockets: number
  signedIn: number
  eventStreams: number
  /** Calendars, of spaces and of specialists. */
  watchedSpaces: number
  watchedBoards: number
  messagesIn: number
  messagesOut: number
  slowReadersClosed: number
}
