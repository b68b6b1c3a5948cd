import { randomBytes } from 'node:crypto'
import Stripe from 'stripe'
import type { Log } from '../../lib/logger'
import { deliver } from '../parts'
import { type CallFate, createApi } from './api'
import { newEvent } from './objects'
import { REFUND_SETTLES_AFTER_MS, settleRefund } from './refunds'
import { openStore, type Session, type Thing } from './store'

/** What the stand-in was told to do wrong: shares of calls and of deliveries, from 0 to 1. */
export type Faults = {
  /** A call fails and has done nothing. */
  failBefore: number
  /** A call has done its work and says that it failed, again and again for the same key. */
  failAfter: number
  /** A call has done its work and its answer is lost. */
  loseAnswer: number
  dropWebhook: number
  duplicateWebhook: number
  /** Each delivery is late by a random time up to this, so that they overtake each other. */
  delayWebhookMs: number
}
const NO_FAULTS: Faults = {
  failBefore: 0,
  failAfter: 0,
  loseAnswer: 0,
  dropWebhook: 0,
  duplicateWebhook: 0,
  delayWebhookMs: 0,
}

export type StripeSandbox = {
  url: string
  secretKey: string
  publishableKey: string
  webhookSecret: string
  /** Answers a request of Stripe's API; the same as over `url`. */
  handle(request: Request): Promise<Response>
  setFaults(faults: Partial<Faults>): void
  /** Where events are sent; none are, until it is told. */
  setWebhookUrl(url: string): void
  /** How many deliveries are still to be made. */
  pendingDeliveries(): Promise<number>
  stop(): Promise<void>
}

type Options = {
  databaseUrl: string
  log: Log
  /** Without one any test key is taken. */
  secretKey?: string
  webhookSecret?: string
  /** From 0 to 1, decides which calls go wrong. */
  random?: () => number
}

/** After which times a delivery that was not taken is made again; Stripe itself is at it for three days. */
const RETRIES_MS = [500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000, 3_600_000]
const LOOK_EVERY_MS = 1000

/**
 * Stands in for Stripe on loopback where no key is set: the real SDK talks to it, its state is in the database, and its
 * webhooks are signed. Stripe's test cards do what they do at Stripe.
 */
export async function startStripeSandbox({
  databaseUrl,
  log,
  random = Math.random,
  ...options
}: Options): Promise<StripeSandbox> {
  const store = await openStore(databaseUrl)
  const webhookSecret =
    options.webhookSecret ?? (await store.sharedSecret(`whsec_${randomBytes(24).toString('hex')}`))
  const publishableKey = 'pk_test_sandbox'
  let faults = NO_FAULTS
  let webhookUrl: string | undefined

  async function emitted(session: Session, event: Thing): Promise<void> {
    await session.put(event)
    if (event.type === 'refund.created') scheduled(event.data as { object: Thing })
    if (random() < faults.dropWebhook) return
    await session.deliver(event.id, random() * faults.delayWebhookMs)
    if (random() < faults.duplicateWebhook)
      await session.deliver(event.id, random() * (faults.delayWebhookMs + 200))
  }

  const timers = new Set<Timer>()
  function scheduled({ object }: { object: Thing }): void {
    const timer = setTimeout(() => {
      timers.delete(timer)
      store
        .session((session) =>
          settleRefund(
            { session, emit: (type, thing) => emitted(session, newEvent(type, thing, null)) },
            object,
          ),
        )
        .catch((error) => log.debug({ error }, 'the sandbox could not settle a refund'))
    }, REFUND_SETTLES_AFTER_MS)
    timers.add(timer)
  }

  const handle = createApi({
    store,
    keys: { secretKey: options.secretKey ?? null, publishableKey },
    fateOf: () => fateOf(faults, random),
    emitted,
  })
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: async (request) => {
      const response = await handle(request)
      if (request.method !== 'GET') woken.resolve()
      return response
    },
    error(error) {
      log.error({ error }, 'the Stripe sandbox failed')
      return Response.json({ error: { type: 'api_error', message: 'The sandbox failed.' } }, { status: 500 })
    },
  })

  let stopping = false
  let woken = Promise.withResolvers<void>()
  const deliveries = (async () => {
    while (!stopping) {
      const due = webhookUrl ? await store.dueDeliveries().catch(() => []) : []
      await Promise.all(
        due.map(async ({ id, event, attempts }) => {
          const taken = webhookUrl ? await send(webhookUrl, event) : false
          const later = RETRIES_MS[attempts - 1]
          if (taken || later === undefined) await store.delivered(id)
          else await store.deliverLater(id, later)
        }),
      ).catch((error) => log.debug({ error }, 'the sandbox could not note a delivery'))
      if (due.length === 0) await Promise.race([Bun.sleep(await untilNext()), woken.promise])
    }
  })()

  /** Another server's deliveries, and those of one that died, are seen within a second. */
  async function untilNext(): Promise<number> {
    woken = Promise.withResolvers<void>()
    const next = webhookUrl ? await store.nextDeliveryMs().catch(() => null) : null
    return Math.min(Math.max(next ?? LOOK_EVERY_MS, 1), LOOK_EVERY_MS)
  }

  async function send(url: string, eventId: string): Promise<boolean> {
    const event = await store.session((session) => session.get(eventId))
    if (!event) return true
    const payload = JSON.stringify(event)
    const signature = await Stripe.webhooks.generateTestHeaderStringAsync({ payload, secret: webhookSecret })
    return deliver(url, payload, { 'stripe-signature': signature })
  }

  return {
    url: `http://127.0.0.1:${server.port}`,
    secretKey: options.secretKey ?? 'sk_test_sandbox',
    publishableKey,
    webhookSecret,
    handle: async (request) => {
      const response = await handle(request)
      if (request.method !== 'GET') woken.resolve()
      return response
    },
    setFaults: (given) => {
      faults = { ...NO_FAULTS, ...given }
    },
    setWebhookUrl: (url) => {
      webhookUrl = url
      woken.resolve()
    },
    pendingDeliveries: store.pending,
    async stop() {
      stopping = true
      woken.resolve()
      await deliveries
      for (const timer of timers) clearTimeout(timer)
      await server.stop(true)
      await store.close()
    },
  }
}

function fateOf({ failBefore, failAfter, loseAnswer }: Faults, random: () => number): CallFate {
  const at = random()
  if (at < failBefore) return 'fails_before'
  if (at < failBefore + failAfter) return 'fails_after'
  return at < failBefore + failAfter + loseAnswer ? 'answer_lost' : 'fine'
}
