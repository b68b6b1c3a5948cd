import type { RunningServer } from '../../src/server'
import { startRedis, type TestRedis } from './redis'

/** Whether each server that a test starts is two, of one database and one Redis, which are asked in turns. */
export const paired = process.env.TEST_SERVERS === '2'

let redis: Promise<TestRedis> | undefined
let pairs = 0

/** A Redis for one pair: a numbered database of its own in the one process of this run. */
export async function redisOfPair(): Promise<{ REDIS_URL: string }> {
  redis ??= startRedis('--databases', '2000')
  pairs += 1
  return { REDIS_URL: `${(await redis).url}/${pairs}` }
}

export const stopPairs = async (): Promise<void> => (await redis)?.stop()

/** What lets a second server pay where the first one does, if that has a stand-in for Stripe. */
export function sameStripe({ sandbox }: RunningServer): Record<string, string> {
  if (!sandbox) return {}
  return {
    STRIPE_SECRET_KEY: sandbox.secretKey,
    STRIPE_PUBLISHABLE_KEY: sandbox.publishableKey,
    STRIPE_WEBHOOK_SECRET: sandbox.webhookSecret,
    STRIPE_API_URL: sandbox.url,
  }
}

/** Two servers as one: each time that its address is asked for it is the other's. What is looked at inside is the first's. */
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
