import type { Log } from '../../lib/logger'
import { type Call, createApi, type Failure } from './api'
import { createPeople, type People } from './people'
import { openStore } from './store'
import { startUpdates } from './updates'

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

const CALLS_STORED = 1000

/**
 * Starts a Bot API on loopback that replaces Telegram's if no token is set. It stores the chats in the database and sends
 * updates to the registered webhook, with its secret, until they are accepted.
 */
export async function startTelegramSandbox({ databaseUrl, log, token }: Options): Promise<TelegramSandbox> {
  const store = await openStore(databaseUrl)
  const updates = startUpdates({ store, log })
  const calls: Call[] = []
  const failures = createFailurePlan()
  const api = createApi({
    token,
    store,
    webhook: updates.webhook,
    setWebhook: updates.setWebhook,
    nextFailure: failures.next,
    onCall(call) {
      calls.push(call)
      if (calls.length > CALLS_STORED) calls.shift()
    },
  })
  const people = createPeople({ token, store, queued: updates.wake })
  const server = serve(api, log)

  return {
    url: `http://127.0.0.1:${server.port}`,
    handle: people.handle,
    people,
    failNext: failures.add,
    calls: () => [...calls],
    pendingUpdates: store.pending,
    async stop() {
      await updates.stop()
      await server.stop(true)
      await store.close()
    },
  }
}

function createFailurePlan() {
  const planned: { failure: Failure; left: number; method: string | undefined }[] = []
  return {
    add(failure: Failure, { times = 1, method }: { times?: number; method?: string } = {}) {
      planned.push({ failure, left: times, method })
    },
    next(method: string): Failure | undefined {
      const match = planned.find(({ left, method: only }) => left > 0 && (only ?? method) === method)
      if (match) match.left -= 1
      return match?.failure
    },
  }
}

const serve = (api: ReturnType<typeof createApi>, log: Log) =>
  Bun.serve({
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
