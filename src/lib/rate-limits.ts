import ipaddr from 'ipaddr.js'
import proxyAddress from 'proxy-addr'
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import type { Actor } from '../actor'
import { AppError } from '../errors'
import type { RedisLink } from './redis'

/** How much somebody may ask, by who he is and what he asks for. `points` in `seconds`, then wait for the next period. */
export const TIERS = {
  anonymous: { points: 300, seconds: 60 },
  person: { points: 600, seconds: 60 },
  admin: { points: 3000, seconds: 60 },
  write: { points: 120, seconds: 60 },
  socket: { points: 600, seconds: 60 },
  'sign-in-address': { points: 50, seconds: 900 },
  'sign-in-email': { points: 10, seconds: 900 },
} as const

export type Tier = keyof typeof TIERS
export type Tiers = Record<Tier, { points: number; seconds: number }>

/** What is left to a caller of one tier: the one that is told is the one that ends first. */
export type Allowance = {
  tier: Tier
  points: number
  periodSeconds: number
  remaining: number
  resetSeconds: number
}

/** From where somebody asks, and what the answer will tell him of his limits; one for each request, also of a batch. */
export type Caller = { address: string; allowance: Allowance | null }

export type RateLimits = {
  /**
   * Counts one call against its caller.
   * @throws RATE_LIMITED, with the seconds to wait
   */
  countCall(actor: Actor, caller: Caller, type: 'query' | 'mutation' | 'subscription'): Promise<void>
  /**
   * Counts the opening of a socket against its address.
   * @throws RATE_LIMITED
   */
  countSocket(caller: Caller): Promise<void>
  /**
   * Counts an attempt to sign in, against the address and against the e-mail that is tried.
   * @throws RATE_LIMITED
   */
  countSignIn(caller: Caller, email: string): Promise<void>
  /** Whoever has proved to be the owner of an e-mail starts anew. */
  forgiveSignIn(email: string): Promise<void>
}

const unlimited: RateLimits = {
  countCall: async () => undefined,
  countSocket: async () => undefined,
  countSignIn: async () => undefined,
  forgiveSignIn: async () => undefined,
}

/**
 * Limits are counted in Redis for all servers together, and in this process where there is no Redis or while it is away:
 * then each server allows as much on its own.
 */
export function createRateLimits(redis: RedisLink | null, on: boolean, tiers: Tiers = TIERS): RateLimits {
  if (!on) return unlimited
  const limiters = Object.fromEntries(
    Object.entries(tiers).map(([tier, { points, seconds }]) => {
      const memory = new RateLimiterMemory({ keyPrefix: tier, points, duration: seconds })
      return [tier, redis ? shared(redis, memory) : memory]
    }),
  ) as Record<Tier, RateLimiterMemory | RateLimiterRedis>

  async function count(caller: Caller, tier: Tier, key: string): Promise<void> {
    const found = await limiters[tier].consume(key).catch((refused: unknown) => refused)
    if (!(found instanceof RateLimiterRes)) throw found
    const { points, seconds } = tiers[tier]
    const allowance = {
      tier,
      points,
      periodSeconds: seconds,
      remaining: Math.max(0, points - found.consumedPoints),
      resetSeconds: Math.max(1, Math.ceil(found.msBeforeNext / 1000)),
    }
    if (!caller.allowance || share(allowance) < share(caller.allowance)) caller.allowance = allowance
    if (found.consumedPoints <= points) return
    throw new AppError('RATE_LIMITED', 'Too many requests. Please wait a little.', {
      retryAfterSeconds: allowance.resetSeconds,
    })
  }

  return {
    async countCall(actor, caller, type) {
      const key = actor.kind === 'user' ? actor.id : caller.address
      const tier = actor.kind === 'user' ? (actor.role === 'admin' ? 'admin' : 'person') : 'anonymous'
      await count(caller, tier, key)
      if (type === 'mutation' && tier !== 'admin') await count(caller, 'write', key)
    },
    countSocket: (caller) => count(caller, 'socket', caller.address),
    async countSignIn(caller, email) {
      await count(caller, 'sign-in-address', caller.address)
      await count(caller, 'sign-in-email', email)
    },
    async forgiveSignIn(email) {
      await limiters['sign-in-email'].delete(email).catch(() => undefined)
    },
  }
}

const share = ({ remaining, points }: Allowance) => remaining / points

function shared(redis: RedisLink, memory: RateLimiterMemory): RateLimiterRedis {
  return new RateLimiterRedis({
    storeClient: redis.commands,
    keyPrefix: `coworkspace:limit:${memory.keyPrefix}`,
    points: memory.points,
    duration: memory.duration,
    insuranceLimiter: memory,
    rejectIfRedisNotReady: true,
    // Who is far beyond his limit is refused without asking Redis again.
    inMemoryBlockOnConsumed: memory.points + 1,
  })
}

/** The standard headers that tell a caller where he stands. */
export function limitHeaders(allowance: Allowance | null): Record<string, string> {
  if (!allowance) return {}
  const { tier, points, periodSeconds, remaining, resetSeconds } = allowance
  return {
    'ratelimit-policy': `"${tier}";q=${points};w=${periodSeconds}`,
    ratelimit: `"${tier}";r=${remaining};t=${resetSeconds}`,
  }
}

type Connected = { requestIP(request: Request): { address: string } | null }

/** Reads where a request comes from: the last address that no trusted proxy has. */
export function addressReader(trustedProxies: string[]) {
  const trust = proxyAddress.compile(trustedProxies)
  return (request: Request, server: Connected | null): string => {
    const direct = server?.requestIP(request)?.address ?? 'unknown'
    if (trustedProxies.length === 0) return limitedAddress(direct)
    const headers = { 'x-forwarded-for': request.headers.get('x-forwarded-for') ?? undefined }
    // The package asks for a request of Node's, and reads no more of it than this.
    const asked = { headers, socket: { remoteAddress: direct }, connection: { remoteAddress: direct } }
    return limitedAddress(proxyAddress(asked as unknown as Parameters<typeof proxyAddress>[0], trust))
  }
}

/** What stands for an address: an IPv6 network of 64 bits is one household, and one attacker. */
export function limitedAddress(address: string): string {
  if (!ipaddr.isValid(address)) return address
  const parsed = ipaddr.process(address)
  if (parsed.kind() === 'ipv4') return parsed.toString()
  return parsed.toNormalizedString().split(':').slice(0, 4).join(':')
}
