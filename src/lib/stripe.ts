import Stripe from 'stripe'
import type { Env } from '../env'
import { AppError } from '../errors'

/**
 * A call ends, or is tried once more and ends, well before the database ends a transaction that waits for it. The queue
 * tries again whatever failed for longer.
 */
const CALL_TIMEOUT_MS = 12_000
const RETRIES = 1
/** Transactions that wait for Stripe at once, in each server: a slow Stripe must not take every connection. */
const callsAtOnce = (pool: number) => Math.min(4, Math.floor(pool / 2))

/** Our account at Stripe, or at what stands in for it. */
export type StripeAccount = {
  /** @throws UNAVAILABLE where payments are not set up */
  api(): Stripe
  publishableKey: string
  webhookSecrets: string[]
  /** What a browser may ask of the stand-in, where there is one. */
  sandbox?: ((request: Request) => Promise<Response>) | undefined
  /** Runs what waits for Stripe inside a transaction, with few others at once. */
  withConcurrencyLimit<T>(run: () => Promise<T>): Promise<T>
}

/** How to reach what stands in for Stripe. */
export type Sandbox = {
  url: string
  secretKey: string
  publishableKey: string
  webhookSecret: string
  handle(request: Request): Promise<Response>
}

/** Without a key there is a stand-in for Stripe; production is not fooled. */
export const needsSandbox = (env: Env): boolean => !env.STRIPE_SECRET_KEY && env.NODE_ENV !== 'production'

/** @param sandbox where there is no key, the stand-in */
export function createStripeAccount(env: Env, sandbox?: Sandbox): StripeAccount {
  const secretKey = env.STRIPE_SECRET_KEY ?? sandbox?.secretKey
  const url = env.STRIPE_SECRET_KEY ? env.STRIPE_API_URL : sandbox?.url
  const stripe = secretKey
    ? new Stripe(secretKey, {
        timeout: CALL_TIMEOUT_MS,
        maxNetworkRetries: RETRIES,
        telemetry: false,
        ...(url && serverOf(url)),
      })
    : undefined
  return {
    api() {
      if (!stripe) throw new AppError('UNAVAILABLE', 'Payments are not set up on this server.')
      return stripe
    },
    publishableKey: env.STRIPE_PUBLISHABLE_KEY ?? sandbox?.publishableKey ?? '',
    webhookSecrets: [...env.STRIPE_WEBHOOK_SECRET, ...(sandbox ? [sandbox.webhookSecret] : [])],
    sandbox: sandbox?.handle,
    withConcurrencyLimit: createTurns(callsAtOnce(env.DATABASE_POOL)),
  }
}

function serverOf(url: string): { host: string; port: string; protocol: 'http' | 'https' } {
  const { hostname, port, protocol } = new URL(url)
  const secure = protocol === 'https:'
  return { host: hostname, port: port || (secure ? '443' : '80'), protocol: secure ? 'https' : 'http' }
}

/** At most `places` at once; the others wait in the order in which they came. */
function createTurns(places: number) {
  let free = places
  const waiting: (() => void)[] = []
  return async function inTurn<T>(run: () => Promise<T>): Promise<T> {
    if (free > 0) free -= 1
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await run()
    } finally {
      const next = waiting.shift()
      if (next) next()
      else free += 1
    }
  }
}

const { StripeConnectionError, StripeAPIError, StripeRateLimitError, StripeInvalidRequestError } =
  Stripe.errors

/** Stripe could not be reached or did not do its work; whether it took effect is unknown. */
export const isStripeDown = (error: unknown): boolean =>
  error instanceof StripeConnectionError ||
  error instanceof StripeAPIError ||
  error instanceof StripeRateLimitError

/** Whatever Stripe, or the way to it, said no with. */
export const isStripeError = (error: unknown): error is Error => error instanceof Stripe.errors.StripeError

type Refusal = Error & { type: string; code?: string; param?: string }

/** Stripe says that what we ask cannot be done, such as to cancel what is paid. */
export const isStripeRefusal = (error: unknown): error is Refusal =>
  error instanceof StripeInvalidRequestError

/** A card was declined; the intent itself says why. */
export const isDecline = (error: unknown): boolean => error instanceof Stripe.errors.StripeCardError

/** An answer that Stripe gives again and again for the same idempotency key, so that another key is needed. */
export const isStuckOnKey = (error: unknown): boolean =>
  error instanceof StripeAPIError || error instanceof Stripe.errors.StripeIdempotencyError
