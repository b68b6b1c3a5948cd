import pLimit from 'p-limit'
import Stripe from 'stripe'
import type { Env } from '../env'
import { AppError } from '../errors'

/** A call and its retry end well before the database ends the transaction that waits for them. */
const CALL_TIMEOUT_MS = 12_000
const RETRIES = 1
/** Concurrent transactions that wait for Stripe: a slow Stripe must not use up the connection pool. */
const maxConcurrentCalls = (pool: number) => Math.min(4, Math.floor(pool / 2))

export type StripeAccount = {
  api(): Stripe
  publishableKey: string
  webhookSecrets: string[]
  sandbox?: ((request: Request) => Promise<Response>) | undefined
  withConcurrencyLimit<T>(run: () => Promise<T>): Promise<T>
}

export type Sandbox = {
  url: string
  secretKey: string
  publishableKey: string
  webhookSecret: string
  handle(request: Request): Promise<Response>
}

/** Without a key, a sandbox replaces Stripe, except in production. */
export const needsSandbox = (env: Env): boolean => !env.STRIPE_SECRET_KEY && env.NODE_ENV !== 'production'

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
    withConcurrencyLimit: pLimit(maxConcurrentCalls(env.DATABASE_POOL)),
  }
}

function serverOf(url: string): { host: string; port: string; protocol: 'http' | 'https' } {
  const { hostname, port, protocol } = new URL(url)
  const secure = protocol === 'https:'
  return { host: hostname, port: port || (secure ? '443' : '80'), protocol: secure ? 'https' : 'http' }
}

const { StripeConnectionError, StripeAPIError, StripeRateLimitError, StripeInvalidRequestError } =
  Stripe.errors

/** Stripe is unreachable, failed or limits the rate. Whether the call took effect is unknown. */
export const isStripeDown = (error: unknown): boolean =>
  error instanceof StripeConnectionError ||
  error instanceof StripeAPIError ||
  error instanceof StripeRateLimitError

export const isStripeError = (error: unknown): error is Error => error instanceof Stripe.errors.StripeError

type Refusal = Error & { type: string; code?: string; param?: string }

/** Stripe refused an invalid request, such as cancelling a paid intent. */
export const isStripeRefusal = (error: unknown): error is Refusal =>
  error instanceof StripeInvalidRequestError

export const isDecline = (error: unknown): boolean => error instanceof Stripe.errors.StripeCardError

/** Stripe repeats this error for the same idempotency key, so a retry needs a new one. */
export const isStuckOnKey = (error: unknown): boolean =>
  error instanceof StripeAPIError || error instanceof Stripe.errors.StripeIdempotencyError
