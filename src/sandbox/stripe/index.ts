import { randomBytes } from 'node:crypto'
import type { Log } from '../../lib/logger'
import { createApi } from './api'
import { startDeliveries } from './deliveries'
import { createEvents } from './events'
import { type Faults, fateOf, NO_FAULTS } from './faults'
import { openStore } from './store'

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

  const events = createEvents({ store, log, random, faults: () => faults })
  const answer = createApi({
    store,
    keys: { secretKey: options.secretKey ?? null, publishableKey },
    fateOf: () => fateOf(faults, random),
    emitEvent: events.emit,
  })
  async function handle(request: Request): Promise<Response> {
    const response = await answer(request)
    if (request.method !== 'GET') deliveries.wake()
    return response
  }
  const server = serve(handle, log)
  const deliveries = startDeliveries({ store, log, webhookSecret })

  return {
    url: `http://127.0.0.1:${server.port}`,
    secretKey: options.secretKey ?? 'sk_test_sandbox',
    publishableKey,
    webhookSecret,
    handle,
    setFaults: (given) => {
      faults = { ...NO_FAULTS, ...given }
    },
    setWebhookUrl: deliveries.setWebhookUrl,
    pendingDeliveries: store.pending,
    async stop() {
      await deliveries.stop()
      events.stop()
      await server.stop(true)
      await store.close()
    },
  }
}

const serve = (handle: StripeSandbox['handle'], log: Log) =>
  Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: handle,
    error(error) {
      log.error({ error }, 'Stripe sandbox failed')
      return Response.json({ error: { type: 'api_error', message: 'The sandbox failed.' } }, { status: 500 })
    },
  })
