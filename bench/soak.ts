/**
 * Loads one server with watching sockets and with connections that read and hold, to find errors, lost sockets and growing
 * memory. Usage: `bun bench/soak.ts [SOCKETS] [CONNECTIONS] [SECONDS]`.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from '../tests/support/port'
import { createWorld, DATES, JWT_SECRET, type World } from './world'

export type Size = { sockets: number; connections: number; seconds: number }
export type Soaked = {
  /** Calls that succeeded or were refused with SLOT_TAKEN. */
  calls: number
  /** Number of other results by response; status 0 for a call without a response. */
  errors: Record<string, number>
  heard: number
  /** Sockets that the server closed. */
  lost: number
  /** Resident memory of the server after each tenth of the time. */
  megabytes: number[]
}

const DATE = DATES[0] ?? ''
const HOURS = Array.from({ length: 12 }, (_, hour) => `${DATE}T${String(8 + hour).padStart(2, '0')}:00:00Z`)

/** Runs the load in a new database. @param onTenth receives the server's memory after each tenth of the time */
export async function soak(
  size: Size,
  onTenth: (megabytes: number) => void = () => undefined,
): Promise<Soaked> {
  const folder = await mkdtemp(path.join(tmpdir(), 'coworkspace-soak-'))
  const world = await createWorld(folder)
  try {
    return await soakServer(world, size, onTenth)
  } finally {
    await world.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function soakServer(world: World, size: Size, onTenth: (megabytes: number) => void): Promise<Soaked> {
  const server = await startServer(world)
  const watchers = await startWatchers(server.url, world.spaceIds, size.sockets)
  const result: Soaked = { calls: 0, errors: {}, heard: 0, lost: 0, megabytes: [] }
  const end = performance.now() + size.seconds * 1000
  const running = Array.from({ length: size.connections }, async (_, client) => {
    const headers = { authorization: `Bearer ${world.tokens[client % world.tokens.length]}` }
    const ask = async (method: string, address: string): Promise<number> => {
      const asked = fetch(`${server.url}/api${address}`, { method, headers })
      const outcome = await asked.then(
        async (response) => ({ status: response.status, text: await response.text() }),
        (error) => ({ status: 0, text: String(error) }),
      )
      const fine = outcome.status === 200 || (outcome.status === 409 && outcome.text.includes('SLOT_TAKEN'))
      const name = `${method} ${outcome.status} ${outcome.text.slice(0, 100)}`
      if (fine) result.calls += 1
      else result.errors[name] = (result.errors[name] ?? 0) + 1
      return outcome.status
    }
    for (let turn = client; performance.now() < end; turn++) {
      const space = pick(world.spaceIds)
      await ask('GET', `/slots/${space}/${DATE}`)
      await ask('GET', `/spaces/${space}`)
      const slot = `/slots/${encodeURIComponent(`${space}@${pick(HOURS)}`)}`
      if (turn % 3 === 0 && (await ask('POST', `${slot}/hold`)) === 200) await ask('POST', `${slot}/release`)
    }
  })
  for (let tenth = 1; tenth <= 10; tenth++) {
    await Bun.sleep(Math.max(0, end - performance.now()) / (11 - tenth))
    const megabytes = await residentMegabytes(server.pid)
    result.megabytes.push(megabytes)
    onTenth(megabytes)
  }
  await Promise.all(running)
  const watched = await watchers.stop()
  await server.stop()
  return { ...result, ...watched }
}

const pick = <T>(items: readonly T[]): T => items[Math.floor(Math.random() * items.length)] as T

async function startServer({ databaseUrl }: World) {
  const port = freePort()
  const child = Bun.spawn([process.execPath, path.join(import.meta.dir, '../src/index.ts')], {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: databaseUrl,
      PORT: String(port),
      JWT_SECRET,
      SEED: 'none',
      RATE_LIMITS: 'off',
      MAX_HOLDS_PER_PERSON: '1000',
      LOG_LEVEL: 'warn',
    },
    stdin: 'ignore',
    stdout: 'ignore',
    stderr: 'inherit',
  })
  const url = `http://127.0.0.1:${port}`
  while (!(await fetch(`${url}/api/health`).catch(() => undefined))?.ok) await Bun.sleep(10)
  return {
    url,
    pid: child.pid,
    async stop() {
      child.kill('SIGTERM')
      await child.exited
    },
  }
}

async function residentMegabytes(pid: number): Promise<number> {
  const status = await Bun.file(`/proc/${pid}/status`).text()
  return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024)
}

async function startWatchers(url: string, spaceIds: string[], sockets: number) {
  const counted = Promise.withResolvers<{ heard: number; lost: number }>()
  const ready = Promise.withResolvers<void>()
  const child = Bun.spawn([process.execPath, import.meta.path, 'watch', url, String(sockets), ...spaceIds], {
    stdin: 'ignore',
    stdout: 'inherit',
    stderr: 'inherit',
    ipc: (message: 'ready' | { heard: number; lost: number }) =>
      message === 'ready' ? ready.resolve() : counted.resolve(message),
    onExit: () => ready.reject(new Error('the watching process ended before all sockets were open')),
  })
  await ready.promise
  return {
    async stop() {
      child.send('stop')
      const counts = await counted.promise
      await child.exited
      return counts
    },
  }
}

async function watch([url = '', count = '0', ...spaceIds]: string[]): Promise<void> {
  let heard = 0
  let lost = 0
  let stopping = false
  const open: WebSocket[] = []
  for (let index = 0; index < Number(count); index++) {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/realtime`)
    const joined = Promise.withResolvers<void>()
    socket.onopen = () =>
      socket.send(
        JSON.stringify({ type: 'join_space', spaceId: spaceIds[index % spaceIds.length], date: DATE }),
      )
    socket.onmessage = () => {
      heard += 1
      joined.resolve()
    }
    socket.onclose = () => {
      if (!stopping) lost += 1
      joined.resolve()
    }
    open.push(socket)
    if (index % 50 === 0) await joined.promise
  }
  process.send?.('ready')
  process.on('message', () => {
    stopping = true
    process.send?.({ heard, lost })
    for (const socket of open) socket.close()
    process.exit(0)
  })
}

const [first, ...rest] = process.argv.slice(2)
if (import.meta.main && first === 'watch') await watch(rest)
else if (import.meta.main) {
  const [sockets = 5000, connections = 64, seconds = 300] = process.argv.slice(2).map(Number)
  const result = await soak({ sockets, connections, seconds }, (megabytes) =>
    process.stdout.write(`${megabytes} MB\n`),
  )
  process.stdout.write(`${JSON.stringify(result, null, 2)}\n`)
  process.exit(Object.keys(result.errors).length === 0 && result.lost === 0 ? 0 : 1)
}
