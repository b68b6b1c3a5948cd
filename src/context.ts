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
 * Sends a message to everyone who listens to a topic. Never fails: what is lost is healed by versions. What takes long to
 * make is given as a function, which is not asked where nobody can hear, and may find that there is nothing to say.
 */
export type Publish = (topic: Topic, message: ServerMessage | (() => ServerMessage | undefined)) => void

/** Hours, prices or closures changed: whoever watches one of these calendars, on whichever server, gets the board again. */
export type RefreshBoards = (calendarIds: string[]) => void

/**
 * One day of a calendar, live: the whole board at once, then what changes it, until the signal ends it. However many watch,
 * the process listens once and reads once.
 * @throws NOT_FOUND
 */
export type WatchBoard = (board: BoardKey, signal: AbortSignal) => Promise<AsyncIterable<BoardMessage>>

/**
 * Who is at a location and what is coming, live, as whoever is not signed in may see it: the whole at once, then what
 * changes it, until the signal ends it.
 * @throws NOT_FOUND
 */
export type WatchLocation = (
  locationId: string,
  signal: AbortSignal,
) => Promise<AsyncIterable<LocationMessage>>

/** What a server is made of; built once by index.ts and passed down. */
export type Deps = {
  db: Db
  /** A copy that may be a moment behind: for searches and sums, never for a claim, a board or one's own change. */
  replica: Db
  env: Env
  log: Log
  tokens: Tokens
  stripe: StripeAccount
  telegram: TelegramBot
  publish: Publish
  refreshBoards: RefreshBoards
  /** Ends the connections of somebody whose account is gone, on every server. */
  disconnectUser: (userId: string) => void
  watchBoard: WatchBoard
  watchLocation: WatchLocation
  /** What this server shares with others; null where it is the only one. */
  redis: RedisLink | null
  /** Null where no SMTP_URL is set: then nobody gets mail. */
  mailer: Mailer | null
  limits: RateLimits
  cache: Cache
  metrics: Metrics
  realtimeStats: () => RealtimeStats
}

/** What a door may do with the answer of a call. */
export type Reply = {
  /** Set by what answers the same to everybody who is not signed in: the answer may be given again while this is true. */
  isFresh?: () => boolean
}

/** One call: who makes it, and with what. Services take this, or a narrower one. */
export type Context = Deps & {
  actor: Actor
  caller: Caller
  requestId: string
  device: string | null
  reply: Reply
  /** Through which door it came. */
  source: Source
  /** What the caller named this one call by, so that asking again does not do it again. */
  idempotencyKey?: string
}
export type SignedInContext = Context & { actor: UserActor }

/** The context of whoever acts without a request: nobody's connection, and a request id of its own. */
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

/** The context of a job: nobody asked for it, the system itself acts. */
export const systemContext = (deps: Deps, kind: 'clock' | 'payment'): Context => contextOf(deps, { kind })
