import { ConfigurationError, readEnv } from './env'
import { createLog, openLogFile } from './log'
import { type RunningServer, startServer } from './server'

async function main(): Promise<void> {
  const env = readEnv()
  const file = env.LOG_FILE ? await openLogFile(env.LOG_FILE) : undefined
  const log = createLog({ level: env.LOG_LEVEL, terminal: process.stdout.isTTY, file })
  const server = await startServer(env, log)
  stopOnSignals(server, log)
  process.stdout.write(welcome(env.PUBLIC_URL ?? server.url, env.SEED === 'demo'))
}

function welcome(url: string, demo: boolean): string {
  const lines = [
    '',
    '  CoworkSpace is ready.',
    `    API     ${url}/api      (tRPC at ${url}/trpc)`,
    `    Docs    ${url}/swagger`,
    `    Socket  ${url.replace(/^http/, 'ws')}/realtime`,
    ...(demo ? ['    Sign in as customer@example.com, password coworkspace-demo'] : []),
    '',
    '',
  ]
  return lines.join('\n')
}

function stopOnSignals(server: RunningServer, log: ReturnType<typeof createLog>): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, async () => {
      log.info({ signal }, 'stopping')
      await server.stop()
      process.exit(0)
    })
  }
}

main().catch((error) => {
  // What the operator can mend is said in a sentence; anything else is a bug and shows where it happened.
  process.stderr.write(
    error instanceof ConfigurationError ? `\n${error.message}\n\n` : `${Bun.inspect(error)}\n`,
  )
  process.exit(1)
})
