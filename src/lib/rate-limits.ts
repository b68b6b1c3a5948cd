import ipaddr from 'ipaddr.js'
import proxyAddress from 'proxy-addr'
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import type { Actor } from '../actor'
import { AppError } from '../errors'
import type { RedisLink } from './redis'

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

export type Allowance = {
  tier: Tier
  points: number
  periodSeconds: number
  remaining: number
  resetSeconds: number
}

/** The source of a request, and the tightest allowance for its response headers. Shared by the calls of a batch. */
export type Caller = { address: string; allowance: Allowance | null }

export type RateLimits = {
  /** @throws RATE_LIMITED, with the seconds to wait */
  countCall(actor: Actor, caller: Caller, type: 'query' | 'mutation' | 'subscription'): Promise<void>
  /** @throws RATE_LIMITED */
  countSocket(caller: Caller): Promise<void>
  /** @throws RATE_LIMITED */
  countSignIn(caller: Caller, email: string): Promise<void>
  forgiveSignIn(email: string): Promise<void>
}

const unlimited: RateLimits = {
  countCall: async () => undefined,
  countSocket: async () => undefined,
  countSignIn: async () => undefined,
  forgiveSignIn: async () => undefined,
}

/** Counts in Redis for all servers together. Without Redis, or while it is down, each process counts on its own. */
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
    throw new AppError('RATE_LIMITED', 'Too many requests. Wait and try again.', {
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
    // Refuses further calls of a blocked caller without asking Redis.
    inMemoryBlockOnConsumed: memory.points + 1,
  })
}

export function limitHeaders(allowance: Allowance | null): Record<string, string> {
  if (!allowance) return {}
  const { tier, points, periodSeconds, remaining, resetSeconds } = allowance
  return {
    'ratelimit-policy': `"${tier}";q=${points};w=${periodSeconds}`,
    ratelimit: `"${tier}";r=${remaining};t=${resetSeconds}`,
  }
}

type Connected = { requestIP(request: Request): { address: string } | null }

/** Reads the address of a request: the last one in `X-Forwarded-For` that is not a trusted proxy. */
export function addressReader(trustedProxies: string[]) {
  const trust = proxyAddress.compile(trustedProxies)
  return (request: Request, server: Connected | null): string => {
    const direct = server?.requestIP(request)?.address ?? 'unknown'
    if (trustedProxies.length === 0) return limitedAddress(direct)
    const headers = { 'x-forwarded-for': request.headers.get('x-forwarded-for') ?? undefined }
    // proxy-addr expects a Node request but reads only these fields.
    const nodeRequest = { headers, socket: { remoteAddress: direct }, connection: { remoteAddress: direct } }
    return limitedAddress(proxyAddress(nodeRequest as unknown as Parameters<typeof proxyAddress>[0], trust))
  }
}

/** The address to count against: for IPv6 the /64 network, which usually belongs to one household. */
export function limitedAddress(address: string): string {
  if (!ipaddr.isValid(address)) return address
  const parsed = ipaddr.process(address)
  if (parsed.kind() === 'ipv4') return parsed.toString()
  return parsed.toNormalizedString().split(':').slice(0, 4).join(':')
}
