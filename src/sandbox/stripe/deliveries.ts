import Stripe from 'stripe'
import type { Log } from '../../lib/logger'
import { deliver } from '../parts'
import type { Delivery, Store } from './store'

/** Delays before a delivery that the webhook did not accept is repeated. */
const RETRIES_MS = [500, 1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000, 3_600_000]
const POLL_MS = 1000

type Options = {
  store: Store
  log: Log
  webhookSecret: string
}

/** Sends queued events, signed, to the webhook until it accepts them. Call `wake` after queueing one. */
export function startDeliveries({ store, log, webhookSecret }: Options) {
  let webhookUrl: string | undefined
  let stopping = false
  let woken = Promise.withResolvers<void>()
  const loop = deliverUntilStopped()

  async function deliverUntilStopped(): Promise<void> {
    while (!stopping) {
      const due = webhookUrl ? await store.dueDeliveries().catch(() => []) : []
      await Promise.all(due.map(attempt)).catch((error) =>
        log.debug({ error }, 'Stripe sandbox delivery failed'),
      )
      if (due.length === 0) await Promise.race([Bun.sleep(await untilNext()), woken.promise])
    }
  }

  async function attempt({ id, event, attempts }: Delivery): Promise<void> {
    const accepted = webhookUrl ? await send(webhookUrl, event) : false
    const delay = RETRIES_MS[attempts - 1]
    if (accepted || delay === undefined) await store.delivered(id)
    else await store.deliverLater(id, delay)
  }

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
    wake: () => woken.resolve(),
    setWebhookUrl(url: string) {
      webhookUrl = url
      woken.resolve()
    },
    async stop() {
      stopping = true
      woken.resolve()
      await loop
    },
  }
}
