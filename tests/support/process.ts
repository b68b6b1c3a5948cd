import { cpus } from 'node:os'
import { root } from '../../src/lib/project-root'
import { until } from './world'

export type ServerProcess = {
  pid: number
  /** Standard output and standard error so far. */
  output(): string
  exited: Promise<number>
  kill(signal: NodeJS.Signals): void
}

const started: ServerProcess[] = []

/** Starts the server as a separate process with exactly these settings. */
export function spawnServer(
  env: Record<string, string>,
  command = [process.execPath, 'src/index.ts'],
): ServerProcess {
  const { PATH = '', HOME = '' } = process.env
  const child = Bun.spawn(command, {
    cwd: root,
    env: { PATH, HOME, ...env },
    stdin: 'ignore',
    stdout: 'pipe',
    stderr: 'pipe',
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) void collect(stream, (text) => (output += text))
  const server = {
    pid: child.pid,
    output: () => output,
    exited: child.exited,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
  }
  started.push(server)
  return server
}

async function collect(stream: ReadableStream<Uint8Array>, add: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder()
  for await (const chunk of stream) add(decoder.decode(chunk, { stream: true }))
}

/** Waits until the server responds. Fails with its output if it exits first. */
export async function whenUp(server: ServerProcess, url: string): Promise<void> {
  let ended = false
  void server.exited.then(() => {
    ended = true
  })
  await until(
    async () => {
      if (ended) throw new Error(`the server exited:\n${server.output()}`)
      return (await fetch(`${url}/api/health`).catch(() => undefined))?.ok
    },
    60_000 * Math.max(1, 2 / cpus().length),
  )
}

/** For `afterAll`: stops the servers that this file has started. */
export async function stopProcesses(): Promise<void> {
  for (const server of started) server.kill('SIGTERM')
  await Promise.all(started.map(({ exited }) => exited))
}
