import type { Server } from 'bun'
import { type App, createApp } from './app'
import type { Deps } from './context'
import { startJobs } from './cron'
import { startQueue } from './cron/queue'
import { type EmbeddedDatabase, startEmbeddedDatabase } from './db/embedded'
import { isTurnedAway, isUnavailable } from './db/errors'
import { migrateDatabase } from './db/migrate'
import { openDeps, stopAll } from './deps'
import { ConfigurationError, type Env } from './env'
import type { Log } from './lib/logger'
import { needsSandbox } from './lib/stripe'
import { needsTelegramSandbox, telegramSandboxKeys } from './lib/telegram'
import { withTimeout } from './lib/with-timeout'
import type { BoardStreams } from './realtime/board-streams'
import type { Connections } from './realtime/connections'
import { type StripeSandbox, startStripeSandbox } from './sandbox/stripe'
import { startTelegramSandbox, type TelegramSandbox } from './sandbox/telegram'
import { seedDatabase } from './seed'
import { registerWebhook } from './telegram-bot/webhook'

export type RunningServer = {
  url: string
  deps: Deps
  /** Present if no Stripe key is set. */
  sandbox?: StripeSandbox | undefined
  /** Present if no bot token is set. */
  telegramSandbox?: TelegramSandbox | undefined
  stop(): Promise<void>
}

/**
 * Starts a server: database, migrations, demo data, HTTP, jobs. If a step fails, everything started so far is stopped.
 * @param options.jobs runs the scheduled jobs in this process; `queue` runs the job queue
 * @throws {ConfigurationError} if the settings or the machine do not allow it
 */
export async function startServer(
  env: Env,
  log: Log,
  { jobs = true, queue = jobs }: { jobs?: boolean; queue?: boolean } = {},
): Promise<RunningServer> {
  const releasers: (() => Promise<unknown>)[] = []
  let stopped: Promise<void> | undefined
  const stop = () => {
    stopped ??= stopAll(releasers, log)
    return stopped
  }
  try {
    refuseTakenPort(env)
    const embedded: EmbeddedDatabase | undefined = env.DATABASE_URL
      ? undefined
      : await startEmbeddedDatabase(env.DATA_DIR, log)
    if (embedded) releasers.push(embedded.stop)
    const databaseUrl = env.DATABASE_URL ?? embedded?.url ?? ''
    await migrateDatabase(databaseUrl).catch((error) => {
      throw env.DATABASE_URL ? unusableDatabase(error) : error
    })
    const sandbox = queue && needsSandbox(env) ? await startStripeSandbox({ databaseUrl, log }) : undefined
    if (sandbox) releasers.push(sandbox.stop)
    const telegramSandbox =
      queue && needsTelegramSandbox(env)
        ? await startTelegramSandbox({ databaseUrl, log, token: telegramSandboxKeys(env).token })
        : undefined
    if (telegramSandbox) releasers.push(telegramSandbox.stop)
    const core = await openDeps(env, log, databaseUrl, { sandbox, telegramSandbox })
    const { deps, boards, locations, connections, bus } = core
    releasers.push(core.release)
    if (env.SEED === 'demo') await seedDatabase(deps)

    const server = listen(createApp(deps, connections, env.PUBLIC_URL ?? ''), env)
    bus.attach(server, connections.noteUnread)
    releasers.push(() => closeConnections(server, connections, [core.feeds, core.locationFeeds]))
    const ownUrl = `http://${reachableHost(env.HOST)}:${server.port}`
    sandbox?.setWebhookUrl(`${ownUrl}/webhooks/stripe`)
    // Not awaited: the server is ready without it.
    if (telegramSandbox) releasers.push(announceBot(deps, ownUrl))
    else if (queue && env.TELEGRAM_BOT_TOKEN) announcePublicly(deps)
    if (queue) releasers.push(startQueue(deps, databaseUrl).stop)
    if (jobs) releasers.push(startJobs(deps, { boards, locations }).stop)
    return { url: `http://${env.HOST}:${server.port}`, deps, sandbox, telegramSandbox, stop }
  } catch (error) {
    await stop()
    throw error
  }
}

/** Registers the webhook at Telegram or its sandbox. @returns a function that waits for it */
function announceBot(deps: Deps, url: string): () => Promise<void> {
  const announced = registerWebhook(deps, url).then(
    (where) => {
      if (!deps.telegram.sandbox) deps.log.info({ url: where }, 'Telegram webhook registered')
    },
    (error) => deps.log.error({ error }, 'Telegram webhook registration failed'),
  )
  return () => announced
}

function announcePublicly(deps: Deps): void {
  const { PUBLIC_URL, TELEGRAM_WEBHOOK_SECRET } = deps.env
  if (PUBLIC_URL && TELEGRAM_WEBHOOK_SECRET) announceBot(deps, PUBLIC_URL)
  else deps.log.warn('Telegram bot inactive: set PUBLIC_URL and TELEGRAM_WEBHOOK_SECRET')
}

const reachableHost = (host: string) => (host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host)

/** Names DATABASE_URL if that is the cause. The driver's message contains no password. */
function unusableDatabase(error: Error): Error {
  if (!isUnavailable(error) && !isTurnedAway(error)) return error
  return new ConfigurationError(
    `DATABASE_URL: cannot connect: ${error.message}. Check that PostgreSQL runs and that address, name and password are right.`,
    { cause: error },
  )
}

function listen({ app, websocket }: App, env: Env) {
  try {
    app.listen({ port: env.PORT, hostname: env.HOST, websocket: websocket as never })
  } catch (error) {
    if (isTaken(error)) throw portTaken(env)
    throw new ConfigurationError(`HOST ${env.HOST}, PORT ${env.PORT}: cannot listen on this address.`, {
      cause: error,
    })
  }
  if (!app.server) throw new Error('server is not listening')
  return app.server
}

/** Fails before anything else starts. Workers share a port and find out when they listen. */
function refuseTakenPort({ HOST, PORT, WORKERS }: Env): void {
  if (PORT === 0 || WORKERS > 1) return
  try {
    Bun.listen({ hostname: HOST, port: PORT, socket: { data() {} } }).stop(true)
  } catch (error) {
    if (isTaken(error)) throw portTaken({ PORT })
  }
}

const isTaken = (error: unknown) => error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'

const portTaken = ({ PORT }: Pick<Env, 'PORT'>) =>
  new ConfigurationError(
    `Port ${PORT} is taken. Choose another one with PORT, for example: PORT=${PORT + 1} npx bun start`,
  )

/** How long open requests and streams may take at a stop. */
const STOP_SECONDS = 10

/** Accepts no new connections, closes sockets and streams, waits for open requests, then cuts the rest. */
async function closeConnections(
  server: Server<unknown>,
  connections: Connections,
  feeds: Pick<BoardStreams, 'close'>[],
): Promise<void> {
  const answered = server.stop()
  for (const feed of feeds) feed.close()
  await connections.close()
  await withTimeout(answered, STOP_SECONDS * 1000, () => undefined)
  await server.stop(true)
}
