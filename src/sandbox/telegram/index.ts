import type { Log } from '../../lib/logger'
import { deliver } from '../parts'
import { type Call, createApi, type Failure, type Webhook } from './api'
import { createPeople, type People } from './people'
import { openStore } from './store'

export type TelegramSandbox = {
  url: string
  /** What a person asks who looks at the chats, or talks to the bot, without Telegram. */
  handle(request: Request): Promise<Response>
  people: People
  /** The next calls of a method, or of any, fail. */
  failNext(failure: Failure, options?: { times?: number; method?: string }): void
  /** The last calls that were made here, the oldest first. */
  calls(): Call[]
  /** How many updates are still to be taken by the webhook. */
  pendingUpdates(): Promise<number>
  stop(): Promise<void>
}

type Options = {
  databaseUrl: string
  log: Log
  token: string
}

/** After which times an update that was not taken is sent again. */
const RETRIES_MS = [200, 1000, 2000, 5000, 10_000, 30_000, 60_000, 300_000, 3_600_000]
const LOOK_EVERY_MS = 1000
const CALLS_KEPT = 1000

/**
 * Stands in for Telegram's Bot API on loopback where no token is set: the real client talks to it, it keeps the chats in the
 * database, and it sends updates to the webhook that it was given, with the secret, until they are taken.
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
    setWebhook(given) {
      webhook = given
      woken.resolve()
    },
    nextFailure(method) {
      const planned = failures.find((one) => one.left > 0 && (one.method ?? method) === method)
      if (planned) planned.left -= 1
      return planned?.failure
    },
    noted(call) {
      calls.push(call)
      if (calls.length > CALLS_KEPT) calls.shift()
    },
  })
  const people = createPeople({ token, store, queued: () => woken.resolve() })
  const server = Bun.serve({
    hostname: '127.0.0.1',
    port: 0,
    fetch: api,
    error(error) {
      log.error({ error }, 'the Telegram sandbox failed')
      return Response.json(
        { ok: false, error_code: 500, description: 'The sandbox failed.' },
        { status: 500 },
      )
    },
  })

  const deliveries = (async () => {
    while (!stopping) {
      const due = webhook ? await store.dueUpdates().catch(() => []) : []
      // In order, as Telegram sends them.
      for (const update of due) await handOn(update).catch((error) => log.debug({ error }, 'an update waits'))
      if (due.length > 0) continue
      woken = Promise.withResolvers<void>()
      await Promise.race([Bun.sleep(LOOK_EVERY_MS), woken.promise])
    }
  })()

  async function handOn({ updateId, body, attempts }: { updateId: number; body: string; attempts: number }) {
    const taken = webhook ? await send(webhook, { update_id: updateId, ...JSON.parse(body) }) : false
    const later = RETRIES_MS[attempts - 1]
    if (taken || later === undefined) await store.delivered(updateId)
    else await store.deliverLater(updateId, later)
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
