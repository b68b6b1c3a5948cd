import type { Actor, UserActor } from './actor'
import type { Db } from './db/client'
import type { Source } from './db/schema/activity'
import type { Env } from './env'
import type { Tokens } from './lib/access-tokens'
import type { Cache } from './lib/cache'
import type { Log } from './lib/logger'
import type { Mailer } from './lib/mailer'
import type { Metrics, RealtimeStats } from './lib/metrics'
import type { Caller, RateLimits } from './lib/rate-limits'
import type { RedisLink } from './lib/redis'
import type { StripeAccount } from './lib/stripe'
import type { TelegramBot } from './lib/telegram'
import type { BoardKey } from './schemas/slots'
import type { BoardMessage, LocationMessage, ServerMessage, Topic } from './schemas/socket-messages'

/**
 * Publishes a message to all subscribers of a topic. Never fails; versions reveal a lost message. A function builds the
 * message only if there can be subscribers; it returns undefined to publish nothing.
 */
export type Publish = (topic: Topic, message: ServerMessage | (() => ServerMessage | undefined)) => void

/** Sends the whole board again to all watchers, on every server, after a change of hours, prices or closures. */
export type RefreshBoards = (calendarIds: string[]) => void

/**
 * Streams a board: first the whole board, then its changes, until the signal aborts. All watchers of a board in this process
 * share one subscription and one read.
 * @throws NOT_FOUND
 */
export type WatchBoard = (board: BoardKey, signal: AbortSignal) => Promise<AsyncIterable<BoardMessage>>

/**
 * Streams check-ins and coming events of a location, as a signed-out user sees them, until the signal aborts.
 * @throws NOT_FOUND
 */
export type WatchLocation = (
  locationId: string,
  signal: AbortSignal,
) => Promise<AsyncIterable<LocationMessage>>

/** Dependencies of a server, built once at the start. */
export type Deps = {
  db: Db
  /** Can lag behind `db`: for searches and statistics, never for a claim, a board or the caller's own change. */
  replica: Db
  env: Env
  log: Log
  tokens: Tokens
  stripe: StripeAccount
  telegram: TelegramBot
  publish: Publish
  refreshBoards: RefreshBoards
  /** Closes all connections of a deleted account, on every server. */
  disconnectUser: (userId: string) => void
  watchBoard: WatchBoard
  watchLocation: WatchLocation
  /** Null if this is the only server. */
  redis: RedisLink | null
  /** Null without SMTP_URL: no email is sent. */
  mailer: Mailer | null
  limits: RateLimits
  cache: Cache
  metrics: Metrics
  realtimeStats: () => RealtimeStats
}

export type Reply = {
  /** Set if all signed-out callers get the same response, which can be reused while this returns true. */
  isFresh?: () => boolean
}

/** The context of one call: the caller, the request and the dependencies. */
export type Context = Deps & {
  actor: Actor
  caller: Caller
  requestId: string
  device: string | null
  reply: Reply
  source: Source
  idempotencyKey?: string
}
export type SignedInContext = Context & { actor: UserActor }

/** A context for actions without a request, with a new request id. */
export const contextOf = <A extends Actor>(
  deps: Deps,
  actor: A,
  source: Source = 'system',
): Context & { actor: A } => ({
  ...deps,
  actor,
  caller: { address: actor.kind, allowance: null },
  requestId: Bun.randomUUIDv7(),
  device: null,
  reply: {},
  source,
})

/** A context for jobs, in which the system acts. */
export const systemContext = (deps: Deps, kind: 'clock' | 'payment'): Context => contextOf(deps, { kind })
