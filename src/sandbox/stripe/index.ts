import { randomBytes } from 'node:crypto'
import Stripe from 'stripe'
import type { Log } from '../../lib/logger'
import { deliver } from '../parts'
import { type CallFate, createApi } from './api'
import { newEvent } from './objects'
import { REFUND_SETTLES_AFTER_MS, settleRefund } from './refunds'
import { openStore, type Session, type Thing } from './store'

/** Simulated faults, as shares of calls and deliveries from 0 to 1. */
export type Faults = {
  /** The call fails without effect. */
  failBefore: number
  /** The call takes effect, but it responds with 500, also to retries with the same idempotency key. */
  failAfter: number
  /** The call takes effect, but its response is lost. */
  loseAnswer: number
  dropWebhook: number
  duplicateWebhook: number
  /** Maximum random delay of a delivery, so that deliveries arrive out of order. */
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
  /** Handles a request like the server at `url`. */
  handle(request: Request): Promise<Response>
  setFaults(faults: Partial<Faults>): void
  /** Sets the webhook. Until then no events are sent. */
  setWebhookUrl(url: string): void
  /** The number of deliveries that the webhook has not accepted yet. */
  pendingDeliveries(): Promise<number>
  stop(): Promise<void>
}

type Options = {
  databaseUrl: string
  log: Log
  /** Without one, any test key is accepted. */
  secretKey?: string
  webhookSecret?: string
  /** Returns 0 to 1 and decides which calls get a fault. */
  random?: () => number
}

/** Delays before a delivery that the webhook did not accept is repeated. */
const RETRIES_MS = [500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000, 3_600_000]
const POLL_MS = 1000

/**
 * Starts an API on loopback that replaces Stripe's if no key is set. Stripe's SDK can use it, its state is stored in the
 * database, its webhooks are signed, and Stripe's test cards behave as they do at Stripe.
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

  async function emitEvent(session: Session, event: Thing): Promise<void> {
    await session.put(event)
    if (event.type === 'refund.created') scheduleSettlement(event.data as { object: Thing })
    if (random() < faults.dropWebhook) return
    await session.deliver(event.id, random() * faults.delayWebhookMs)
    if (random() < faults.duplicateWebhook)
      await session.deliver(event.id, random() * (faults.delayWebhookMs + 200))
  }

  const timers = new Set<Timer>()
  function scheduleSettlement({ object }: { object: Thing }): void {
    const timer = setTimeout(() => {
      timers.delete(timer)
      store
        .session((session) =>
          settleRefund(
            { session, emit: (type, thing) => emitEvent(session, newEvent(type, thing, null)) },
            object,
          ),
        )
        .catch((error) => log.debug({ error }, 'Stripe sandbox refund settlement failed'))
    }, REFUND_SETTLES_AFTER_MS)
    timers.add(timer)
  }

  const handle = createApi({
    store,
    keys: { secretKey: options.secretKey ?? null, publishableKey },
    fateOf: () => fateOf(faults, random),
    emitEvent,
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
      log.error({ error }, 'Stripe sandbox failed')
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
          const accepted = webhookUrl ? await send(webhookUrl, event) : false
          const delay = RETRIES_MS[attempts - 1]
          if (accepted || delay === undefined) await store.delivered(id)
          else await store.deliverLater(id, delay)
        }),
      ).catch((error) => log.debug({ error }, 'Stripe sandbox delivery failed'))
      if (due.length === 0) await Promise.race([Bun.sleep(await untilNext()), woken.promise])
    }
  })()

  /** At most POLL_MS, because another server may add a delivery or die. */
  async function untilNext(): Promise<number> {
    woken = Promise.withResolvers<void>()
    const next = webhookUrl ? await store.nextDeliveryMs().catch(() => null) : null
    return Math.min(Math.max(next ?? POLL_MS, 1), POLL_MS)
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
