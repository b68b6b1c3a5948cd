import type { Log } from '../../lib/logger'
import { deliver } from '../parts'
import type { Webhook } from './api'
import type { Store, Update } from './store'

/** Delays before an update that the webhook did not accept is sent again. */
const RETRIES_MS = [200, 1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000, 3_600_000]
const POLL_MS = 1000

/** Sends queued updates to the webhook until it accepts them. Call `wake` after queueing one. */
export function startUpdates({ store, log }: { store: Store; log: Log }) {
  let webhook: Webhook | null = null
  let stopping = false
  let woken = Promise.withResolvers<void>()
  const loop = deliverUntilStopped()

  async function deliverUntilStopped(): Promise<void> {
    while (!stopping) {
      const due = webhook ? await store.dueUpdates().catch(() => []) : []
      // Sequential, because Telegram sends updates in order.
      for (const update of due)
        await attempt(update).catch((error) => log.debug({ error }, 'Telegram sandbox update failed'))
      if (due.length > 0) continue
      woken = Promise.withResolvers<void>()
      await Promise.race([Bun.sleep(POLL_MS), woken.promise])
    }
  }

  async function attempt({ updateId, body, attempts }: Update): Promise<void> {
    const accepted = webhook ? await send(webhook, { update_id: updateId, ...JSON.parse(body) }) : false
    const delay = RETRIES_MS[attempts - 1]
    if (accepted || delay === undefined) await store.delivered(updateId)
    else await store.deliverLater(updateId, delay)
  }

  return {
    wake: () => woken.resolve(),
    webhook: () => webhook,
    setWebhook(next: Webhook | null) {
      webhook = next
      woken.resolve()
    },
    async stop() {
      stopping = true
      woken.resolve()
      await loop
    },
  }
}

const send = ({ url, secret }: Webhook, update: Record<string, unknown>): Promise<boolean> =>
  deliver(url, JSON.stringify(update), { 'x-telegram-bot-api-secret-token': secret })
