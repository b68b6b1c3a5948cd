import type { Log } from '../../lib/logger'
import { deliver } from '../parts'
import { type Call, createApi, type Failure, type Webhook } from './api'
import { createPeople, type People } from './people'
import { openStore } from './store'

export type TelegramSandbox = {
  url: string
  /** Handles `/people/{id}/…`, which acts for a user without Telegram. */
  handle(request: Request): Promise<Response>
  people: People
  /** Makes the next calls of a method, or of any, fail. */
  failNext(failure: Failure, options?: { times?: number; method?: string }): void
  /** The last CALLS_STORED calls, oldest first. */
  calls(): Call[]
  /** The number of updates that the webhook has not accepted yet. */
  pendingUpdates(): Promise<number>
  stop(): Promise<void>
}

type Options = {
  databaseUrl: string
  log: Log
  token: string
}

/** Delays before an update that the webhook did not accept is sent again. */
const RETRIES_MS = [200, 1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000, 3_600_000]
const POLL_MS = 1000
const CALLS_STORED = 1000

/**
 * Starts a Bot API on loopback that replaces Telegram's if no token is set. It stores the chats in the database and sends
 * updates to the registered webhook, with its secret, until they are accepted.
 */
export async function startTelegramSandbox({ databaseUrl, log, token }: Options): Promise<TelegramSandbox> {
  const store = await openStore(databaseUrl)
  const calls: Call[] = []
  const failures: { failure: Failure; left: number; method: string | undefined }[] = []
  let webhook: Webhook | null = null
  let stopping = false
  let woken = Promise.withResolvers<void>()

  const api = createApi({
    token,
    store,
    webhook: () => webhook,
    setWebhook(next) {
      webhook = next
      woken.resolve()
    },
    nextFailure(method) {
      const planned = failures.find((failure) => failure.left > 0 && (failure.method ?? method) === method)
      if (planned) planned.left -= 1
      return planned?.failure
    },
    onCall(call) {
      calls.push(call)
      if (calls.length > CALLS_STORED) calls.shift()
    },
  })
  const people = createPeople({ token, store, queued: () => woken.resolve() })
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: api,
    error(error) {
      log.error({ error }, 'Telegram sandbox failed')
      return Response.json(
        { ok: false, error_code: 500, description: 'The sandbox failed.' },
        { status: 500 },
      )
    },
  })

  const deliveries = (async () => {
    while (!stopping) {
      const due = webhook ? await store.dueUpdates().catch(() => []) : []
      // Sequential, because Telegram sends updates in order.
      for (const update of due)
        await deliverUpdate(update).catch((error) => log.debug({ error }, 'Telegram sandbox update failed'))
      if (due.length > 0) continue
      woken = Promise.withResolvers<void>()
      await Promise.race([Bun.sleep(POLL_MS), woken.promise])
    }
  })()

  async function deliverUpdate({
    updateId,
    body,
    attempts,
  }: {
    updateId: number
    body: string
    attempts: number
  }) {
    const accepted = webhook ? await send(webhook, { update_id: updateId, ...JSON.parse(body) }) : false
    const delay = RETRIES_MS[attempts - 1]
    if (accepted || delay === undefined) await store.delivered(updateId)
    else await store.deliverLater(updateId, delay)
  }

  const send = ({ url, secret }: Webhook, update: Record<string, unknown>): Promise<boolean> =>
    deliver(url, JSON.stringify(update), { 'x-telegram-bot-api-secret-token': secret })

  return {
    url: `http://127.0.0.1:${server.port}`,
    handle: people.handle,
    people,
    failNext: (failure, { times = 1, method } = {}) => {
      failures.push({ failure, left: times, method })
    },
    calls: () => [...calls],
    pendingUpdates: store.pending,
    async stop() {
      stopping = true
      woken.resolve()
      await deliveries
      await server.stop(true)
      await store.close()
    },
  }
}
