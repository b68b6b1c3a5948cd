import { webApp } from '../web/build'
import { superviseWorkers } from './cluster/supervisor'
import { connectSupervisor } from './cluster/worker'
import { ConfigurationError, type Env, readEnv } from './env'
import { createLog, type Log, openLogFile } from './lib/logger'
import { startServer } from './server'

async function main(): Promise<void> {
  const env = readEnv()
  const worker = process.argv.find((argument) => argument.startsWith('--worker='))?.slice('--worker='.length)
  const file = env.LOG_FILE
    ? await openLogFile(worker ? `${env.LOG_FILE}-${worker}` : env.LOG_FILE)
    : undefined
  const log = createLog({ level: env.LOG_LEVEL, terminal: process.stdout.isTTY, file })
  const demo = env.SEED === 'demo'
  if (worker) {
    await runWorker(env, worker, log)
  } else if (env.WORKERS > 1) {
    const command = [process.execPath, import.meta.path]
    const workers = await superviseWorkers(env, log, command, process.env)
    stopOnSignals(workers.stop, log)
    process.on('SIGHUP', () => void workers.restart())
    process.stdout.write(welcome(env.PUBLIC_URL ?? workers.url, demo))
  } else {
    const server = await startServer(env, log)
    stopOnSignals(server.stop, log, ['SIGINT', 'SIGTERM', 'SIGHUP'])
    prepareWebApp(log)
    process.stdout.write(welcome(env.PUBLIC_URL ?? server.url, demo))
  }
}

async function runWorker(env: Env, number: string, parent: Log): Promise<void> {
  const log = parent.child({ worker: number })
  const server = await startServer(env, log)
  const supervisor = connectSupervisor(() => server.deps.metrics.registry)
  if (supervisor) server.deps.metrics.readAll = supervisor.readMetrics
  stopOnSignals(server.stop, log, ['SIGTERM'])
  // The terminal sends these to every process, but the supervisor decides when to stop.
  for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined)
  supervisor?.onGone(() => process.kill(process.pid, 'SIGTERM'))
  supervisor?.ready()
  prepareWebApp(log)
}

/** Bundles the web app before the first visit. The API works without it. */
function prepareWebApp(log: Log): void {
  webApp().catch((error) => log.error({ error }, 'building the web app failed'))
}

function welcome(url: string, demo: boolean): string {
  const lines = [
    '',
    '  CoworkSpace is ready.',
    `    App     ${url}/`,
    `    API     ${url}/api      (tRPC at ${url}/trpc)`,
    `    Docs    ${url}/swagger`,
    `    Socket  ${url.replace(/^http/, 'ws')}/realtime`,
    ...(demo ? ['    Sign in as customer@example.com, password coworkspace-demo'] : []),
    '',
    '',
  ]
  return lines.join('\n')
}

function stopOnSignals(
  stop: () => Promise<void>,
  log: Log,
  signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM'],
): void {
  for (const signal of signals) {
    process.once(signal, async () => {
      log.info({ signal }, 'stopping')
      await stop()
      process.exit(0)
    })
  }
}

main().catch((error) => {
  // An operator can fix a ConfigurationError. Anything else is a bug and needs its stack.
  process.stderr.write(
    error instanceof ConfigurationError ? `\n${error.message}\n\n` : `${Bun.inspect(error)}\n`,
  )
  process.exit(1)
})
