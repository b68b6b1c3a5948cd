import type { RunningServer } from '../../src/server'
import { startRedis, type TestRedis } from './redis'

/** Whether each test server is a pair with one database and one Redis, called in turn. */
export const paired = process.env.TEST_SERVERS === '2'

let redis: Promise<TestRedis> | undefined
let pairs = 0

/** Gives a pair its own numbered database in the Redis of this run. */
export async function redisOfPair(): Promise<{ REDIS_URL: string }> {
  redis ??= startRedis('--databases', '2000')
  pairs += 1
  return { REDIS_URL: `${(await redis).url}/${pairs}` }
}

export const stopPairs = async (): Promise<void> => (await redis)?.stop()

/** Settings with which a second server uses the first one's Stripe sandbox, if it has one. */
export function sameStripe({ sandbox }: RunningServer): Record<string, string> {
  if (!sandbox) return {}
  return {
    STRIPE_SECRET_KEY: sandbox.secretKey,
    STRIPE_PUBLISHABLE_KEY: sandbox.publishableKey,
    STRIPE_WEBHOOK_SECRET: sandbox.webhookSecret,
    STRIPE_API_URL: sandbox.url,
  }
}

/** Presents two servers as one. `url` alternates between them; `deps` are those of the first. */
export function asOne(one: RunningServer, two: RunningServer): RunningServer {
  let asked = 0
  const realtimeStats = () => {
    const [first, second] = [one.deps.realtimeStats(), two.deps.realtimeStats()]
    const names = Object.keys(first) as (keyof typeof first)[]
    return Object.fromEntries(names.map((name) => [name, first[name] + second[name]])) as typeof first
  }
  return {
    ...one,
    deps: { ...one.deps, realtimeStats },
    get url() {
      asked += 1
      return (asked % 2 === 0 ? one : two).url
    },
    async stop() {
      await Promise.all([one.stop(), two.stop()])
    },
  }
}
