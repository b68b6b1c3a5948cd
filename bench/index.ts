/**
 * Compares this server with a hand-written one that shares no code with it: interleaved runs, medians of five.
 * Usage: `bun run bench [--quick] [--full] [NAME...]`. `--quick` takes seconds, `--full` sweeps one million holds, and names
 * select measurements. A run without `--quick` and names also writes the table to bench/RESULTS.md.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus, tmpdir, totalmem } from 'node:os'
import path from 'node:path'
import { root } from '../src/lib/project-root'
import { freePort } from '../tests/support/port'
import { load, type Run, request } from './load'
import { sweepWhileHolding } from './sweep'
import { createWorld, DATES, JWT_SECRET, type World } from './world'

const words = process.argv.slice(2)
const quick = words.includes('--quick')
const full = words.includes('--full')
const chosen = words.filter((word) => !word.startsWith('--'))
const ROUNDS = quick ? 3 : 5
const SECONDS = quick ? 1 : 3
const CLIENTS = 64
/** Memory per socket is measured beyond these, which allocate what all sockets share. */
const FIRST_SOCKETS = 1000
const IDLE_SOCKETS = 2000
/** Until the garbage collection has given its pages back. */
const COLLECT_MS = 2000
/** Everything from this heading on stays in RESULTS.md. */
const NOTES_HEADING = '\n## Where the time goes'

type Server = { port: number; pid: number; readyMs: number; stop(): Promise<void> }
type Row = { name: string; unit: string; ours: string; limit: string; ratio: string; target: string }
const rows: Row[] = []
const children: Bun.Subprocess[] = []

const folder = await mkdtemp(path.join(tmpdir(), 'coworkspace-bench-'))
const world = await createWorld(folder)
try {
  await measureReads(world)
  await measureHolds(world)
  await measureFanOut(world)
  await measureIdleSockets(world)
  await measureStart(world)
  if (wants('sweep')) {
    const swept = await sweepWhileHolding(world, full ? 1_000_000 : quick ? 10_000 : 100_000)
    rows.push({
      name: `sweep of ${swept.count} expired holds`,
      unit: 's',
      ours: swept.seconds.toFixed(1),
      limit: '-',
      ratio: '-',
      target: '-',
    })
    rows.push({
      name: `longest of ${swept.holds} holds during the sweep`,
      unit: 'ms',
      ours: `${swept.longestMs.toFixed(0)} (median ${swept.medianMs.toFixed(1)}, p99 ${swept.p99Ms.toFixed(0)})`,
      limit: '-',
      ratio: '-',
      target: 'at most 150',
    })
  }
  const table = asTable()
  process.stdout.write(`\n${table}\n`)
  if (!quick && chosen.length === 0) await writeResults(table)
} finally {
  for (const child of children) child.kill()
  await world.stop()
  await rm(folder, { recursive: true, force: true })
}
process.exit(0)

function wants(name: string): boolean {
  return chosen.length === 0 || chosen.some((word) => name.includes(word))
}

async function start(file: string, env: Record<string, string> = {}, flags: string[] = []): Promise<Server> {
  const port = freePort()
  const started = performance.now()
  const child = Bun.spawn([process.execPath, ...flags, path.resolve(import.meta.dir, file)], {
    env: {
      PATH: process.env.PATH,
      DATABASE_URL: world.databaseUrl,
      PORT: String(port),
      JWT_SECRET,
      NODE_ENV: 'production',
      SEED: 'none',
      RATE_LIMITS: 'off',
      MAX_HOLDS_PER_PERSON: '1000',
      LIMIT_SPACES: world.spaceIds.join(),
      ...env,
    },
    stdout: 'ignore',
    stderr: 'inherit',
  })
  children.push(child)
  while (!(await fetch(`http://127.0.0.1:${port}/api/health`).catch(() => undefined))?.ok) await Bun.sleep(2)
  const readyMs = performance.now() - started
  // The web app is bundled after the start, which would slow down the first measurement.
  await fetch(`http://127.0.0.1:${port}/`).then((page) => page.text())
  return {
    port,
    pid: child.pid,
    readyMs,
    async stop() {
      child.kill('SIGTERM')
      await child.exited
    },
  }
}

/** `cpuMicros` is the server's processor time per request, which varies less than its speed on a shared machine. */
type Measured = Run & { cpuMicros: number }
type Contender = { server: Server; nextOf: (client: number) => (status: number) => Buffer }

/** Runs both servers alternately and reports the median of the ratios, because the load of the machine varies. */
async function race(name: string, target: string, ours: Contender, limit: Contender): Promise<void> {
  if (!wants(name)) return
  const runs: { ours: Measured; limit: Measured }[] = []
  for (let round = -1; round < ROUNDS; round++) {
    const seconds = round < 0 ? Math.min(1.5, SECONDS) : SECONDS
    const run = async ({ server, nextOf }: Contender): Promise<Measured> => {
      const before = await cpuSeconds(server.pid)
      const run = await load(server.port, seconds, CLIENTS, nextOf)
      return {
        ...run,
        cpuMicros: (((await cpuSeconds(server.pid)) - before) / (run.perSecond * seconds)) * 1e6,
      }
    }
    const [first, second] = round % 2 === 0 ? [ours, limit] : [limit, ours]
    const results = [await run(first), await run(second)] as const
    const [own, other] = round % 2 === 0 ? results : [results[1], results[0]]
    if (round >= 0) runs.push({ ours: own, limit: other })
  }
  const of = (side: 'ours' | 'limit') =>
    `${Math.round(median(runs.map((run) => run[side].perSecond)))} (p99 ${median(runs.map((run) => run[side].p99)).toFixed(1)} ms, ${median(runs.map((run) => run[side].cpuMicros)).toFixed(0)} µs)`
  const ratio = median(runs.map((run) => run.ours.perSecond / run.limit.perSecond))
  report({ name, unit: 'requests/s', ours: of('ours'), limit: of('limit'), ratio: ratio.toFixed(2), target })
}

function report(row: Row): void {
  rows.push(row)
  process.stdout.write(
    `${row.name}: ${row.ours}, limit ${row.limit}, ratio ${row.ratio} (target: ${row.target})\n`,
  )
}

/** Processor time of a process, in seconds. Linux counts in hundredths. */
async function cpuSeconds(pid: number): Promise<number> {
  const text = await Bun.file(`/proc/${pid}/stat`).text()
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** The path of a query as tRPC's own client sends it: as a batch, even if it is a batch of one. */
function trpcQuery(procedure: string, input: object): string {
  return `/trpc/${procedure}?batch=1&input=${encodeURIComponent(JSON.stringify({ 0: input }))}`
}

type Route = { path: string; bodyOf: (input: object) => object }

function trpcCall(procedure: string): Route {
  return { path: `/trpc/${procedure}?batch=1`, bodyOf: (input) => ({ 0: input }) }
}

function plainCall(path: string): Route {
  return { path, bodyOf: (input) => input }
}

function median(values: number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

async function measureReads({ spaceIds }: World): Promise<void> {
  if (!['read of a day, tRPC', 'read of a day, REST', 'cached read, tRPC', 'cached read, REST'].some(wants))
    return
  const limit = await start('limit.ts')
  const uncached = await start('../src/index.ts', { CACHE: 'off' })
  const cached = await start('../src/index.ts', { CACHE: 'on' })
  const days = spaceIds.flatMap((spaceId, n) => DATES.map((date) => ({ spaceId, date, n })))
  const few = days.filter((_, index) => index % 10 === 0)
  const cycle = (list: Buffer[]) => (client: number) => {
    let at = (client * 97) % list.length
    return () => {
      at = (at + 7) % list.length
      return list[at] ?? Buffer.alloc(0)
    }
  }
  const asTrpc = (list: typeof days) =>
    cycle(list.map(({ spaceId, date }) => request('GET', trpcQuery('slots.day', { spaceId, date }))))
  const asRest = (list: typeof days) =>
    cycle(list.map(({ spaceId, date }) => request('GET', `/api/slots/${spaceId}/${date}`)))
  const fromLimit = (list: typeof days, route: string) =>
    cycle(list.map(({ spaceId, date }) => request('GET', `/${route}/${spaceId}/${date}`)))
  await race(
    'read of a day, tRPC',
    '0.80',
    { server: uncached, nextOf: asTrpc(days) },
    { server: limit, nextOf: fromLimit(days, 'day') },
  )
  await race(
    'read of a day, REST',
    '0.64',
    { server: uncached, nextOf: asRest(days) },
    { server: limit, nextOf: fromLimit(days, 'day') },
  )
  await race(
    'cached read, tRPC',
    '0.60',
    { server: cached, nextOf: asTrpc(few) },
    { server: limit, nextOf: fromLimit(few, 'cached') },
  )
  await race(
    'cached read, REST',
    '0.48',
    { server: cached, nextOf: asRest(few) },
    { server: limit, nextOf: fromLimit(few, 'cached') },
  )
  await Promise.all([limit, uncached, cached].map((server) => server.stop()))
}

async function measureHolds({ spaceIds, tokens }: World): Promise<void> {
  if (!['hold and release, spread', 'hold and release, contended'].some(wants)) return
  const limit = await start('limit.ts')
  const ours = await start('../src/index.ts')
  const slots = spaceIds.map((spaceId) => `${spaceId}@2027-03-02T09:00:00Z`)
  /** Holds a slot and releases it if the hold succeeded. If contended, all connections use one slot. */
  const pairs = (hold: Route, release: Route, contended: boolean) => (client: number) => {
    let turn = client
    let held: string | undefined
    return (status: number) => {
      if (held && status === 200) {
        const slotId = held
        held = undefined
        return request('POST', release.path, release.bodyOf({ slotId }), tokens[client])
      }
      turn += CLIENTS
      held = contended ? slots[0] : slots[turn % (CLIENTS * 3)]
      return request('POST', hold.path, hold.bodyOf({ slotId: held }), tokens[client])
    }
  }
  for (const [name, target, contended] of [
    ['hold and release, spread', '0.80', false],
    ['hold and release, contended', '0.65', true],
  ] as const) {
    await race(
      name,
      target,
      { server: ours, nextOf: pairs(trpcCall('slots.hold'), trpcCall('slots.release'), contended) },
      { server: limit, nextOf: pairs(plainCall('/hold'), plainCall('/release'), contended) },
    )
    await world.sql`UPDATE bookings SET status = 'cancelled' WHERE status = 'held'`
    await world.sql`UPDATE bench_reservations SET status = 'released' WHERE status = 'held'`
  }
  await Promise.all([limit, ours].map((server) => server.stop()))
}

type WatcherReply = { joined?: number; received?: number }

/** Starts a process of watchers, whose memory does not count as the server's. */
function startWatchers(server: Server, spaceIds: string[]) {
  const answers: ((message: WatcherReply) => void)[] = []
  const script = path.join(import.meta.dir, 'watchers.ts')
  const watchers = Bun.spawn(
    [process.execPath, script, String(server.port), spaceIds.join(','), '2027-03-03'],
    { ipc: (message: WatcherReply) => answers.shift()?.(message) },
  )
  const ask = (message: { sockets?: number }) =>
    new Promise<WatcherReply>((resolve) => {
      answers.push(resolve)
      watchers.send(message)
    })
  return { watchers, ask }
}

/** Holds and releases slots of a space that all sockets watch, and counts the messages that they receive. */
async function fanOut(server: Server, sockets: number, routes: [Route, Route]) {
  const [spaceId = ''] = world.spaceIds
  const { watchers, ask } = startWatchers(server, [spaceId])
  await ask({ sockets: FIRST_SOCKETS })
  const before = await rssKb(server.pid)
  const further = sockets - FIRST_SOCKETS
  if (further > 0) await ask({ sockets: further })
  const kbPerSocket = ((await rssKb(server.pid)) - before) / further
  const slotId = `${spaceId}@2027-03-03T09:00:00Z`
  const [token] = world.tokens
  const call = ({ path, bodyOf }: Route) =>
    fetch(`http://127.0.0.1:${server.port}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(bodyOf({ slotId })),
    }).then((response) => response.text())
  const send = async (changes: number) => {
    const { received: had = 0 } = await ask({})
    for (let change = 0; change < changes; change += 2) for (const route of routes) await call(route)
    const end = performance.now() + 60_000
    while (((await ask({})).received ?? 0) < had + changes * sockets) {
      if (performance.now() > end) throw new Error('sockets did not receive all messages within 60 s')
      await Bun.sleep(1)
    }
  }
  await send(20)
  const changes = quick ? 40 : sockets > 1000 ? 100 : 400
  const started = performance.now()
  await send(changes)
  const perSecond = (changes * sockets) / ((performance.now() - started) / 1000)
  watchers.kill()
  await watchers.exited
  return { perSecond, kbPerSocket }
}

async function rssKb(pid: number): Promise<number> {
  return Number(/VmRSS:\s+(\d+)/.exec(await Bun.file(`/proc/${pid}/status`).text())?.[1])
}

async function measureFanOut(_world: World): Promise<void> {
  for (const sockets of quick ? [1000] : [1000, 5000]) {
    const name = `fan-out of one change to ${sockets} sockets`
    if (!wants(name)) continue
    const runs: { ours: number; limit: number; kb: number; limitKb: number }[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const limit = await start('limit.ts')
      const other = await fanOut(limit, sockets, [plainCall('/hold'), plainCall('/release')])
      await limit.stop()
      const server = await start('../src/index.ts')
      const own = await fanOut(server, sockets, [trpcCall('slots.hold'), trpcCall('slots.release')])
      await server.stop()
      runs.push({
        ours: own.perSecond,
        limit: other.perSecond,
        kb: own.kbPerSocket,
        limitKb: other.kbPerSocket,
      })
    }
    const ratio = median(runs.map((run) => run.ours / run.limit))
    const whole = (values: number[]) => String(Math.round(median(values)))
    report({
      name,
      unit: 'messages/s',
      ours: whole(runs.map((run) => run.ours)),
      limit: whole(runs.map((run) => run.limit)),
      ratio: ratio.toFixed(2),
      target: '0.90',
    })
    const kb = (values: number[]) => median(values).toFixed(1)
    if (sockets === FIRST_SOCKETS) continue
    report({
      name: `memory per socket beyond the first ${FIRST_SOCKETS} of ${sockets}`,
      unit: 'kB',
      ours: kb(runs.map((run) => run.kb)),
      limit: kb(runs.map((run) => run.limitKb)),
      ratio: '-',
      target: 'at most 6',
    })
  }
}

/** Memory per idle socket of 20 boards, with a garbage collection before and after. */
async function measureIdleSockets({ spaceIds }: World): Promise<void> {
  const name = `memory per idle socket, ${IDLE_SOCKETS} joined to 20 boards`
  if (!wants(name)) return
  const kbOf = async (file: string) => {
    const server = await start(file, {}, ['--preload', path.join(import.meta.dir, 'collect.ts')])
    const collectedKb = async () => {
      process.kill(server.pid, 'SIGUSR2')
      await Bun.sleep(COLLECT_MS)
      return rssKb(server.pid)
    }
    const { watchers, ask } = startWatchers(server, spaceIds.slice(0, 20))
    const before = await collectedKb()
    await ask({ sockets: IDLE_SOCKETS })
    const kb = ((await collectedKb()) - before) / IDLE_SOCKETS
    watchers.kill()
    await watchers.exited
    await server.stop()
    return kb
  }
  const runs: { ours: number; limit: number }[] = []
  for (let round = 0; round < ROUNDS; round++)
    runs.push({ limit: await kbOf('limit.ts'), ours: await kbOf('../src/index.ts') })
  report({
    name,
    unit: 'kB',
    ours: median(runs.map((run) => run.ours)).toFixed(1),
    limit: median(runs.map((run) => run.limit)).toFixed(1),
    ratio: '-',
    target: 'at most 8',
  })
}

async function measureStart(_world: World): Promise<void> {
  if (!wants('start')) return
  const builds = path.join(root, `dist-bench-${process.pid}`)
  const build = Bun.spawn([process.execPath, path.join(root, 'scripts/build.ts'), builds], {
    stdout: 'ignore',
  })
  if ((await build.exited) !== 0) throw new Error('scripts/build.ts failed')
  const files = { limit: 'limit.ts', sources: '../src/index.ts', built: path.join(builds, 'index.js') }
  const times = { limit: [] as number[], sources: [] as number[], built: [] as number[] }
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of ['limit', 'sources', 'built'] as const) {
      const server = await start(files[kind])
      await server.stop()
      times[kind].push(server.readyMs)
    }
  }
  await rm(builds, { recursive: true })
  const ms = (values: number[]) => median(values).toFixed(0)
  const against = { unit: 'ms', limit: ms(times.limit), ratio: '-' }
  report({
    ...against,
    name: 'start with an existing database, built',
    ours: ms(times.built),
    target: 'at most 300',
  })
  report({
    ...against,
    name: 'start with an existing database, from source',
    ours: ms(times.sources),
    target: '-',
  })
}

function asTable(): string {
  const lines = rows.map(
    (row) => `| ${row.name} | ${row.unit} | ${row.ours} | ${row.limit} | ${row.ratio} | ${row.target} |`,
  )
  return [
    '| measurement | unit | CoworkSpace | limit | ratio | target |',
    '|---|---|---|---|---|---|',
    ...lines,
  ].join('\n')
}

async function writeResults(table: string): Promise<void> {
  const file = Bun.file(path.join(import.meta.dir, 'RESULTS.md'))
  const before = await file.text().catch(() => '')
  const at = before.indexOf(NOTES_HEADING)
  await Bun.write(file, results(table) + (at < 0 ? '' : before.slice(at)))
}

function results(table: string): string {
  const [cpu] = cpus()
  return `# Results

Output of \`bun run bench${full ? ' --full' : ''}\` on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} × ${cpu?.model ?? 'unknown'},
${Math.round(totalmem() / 2 ** 30)} GB, ${process.platform} ${process.arch}, Bun ${Bun.version}. The server, PostgreSQL and the load generator share these cores.
Runs are interleaved. Each figure is the median of ${ROUNDS} runs of ${SECONDS} s over ${CLIENTS} connections, and each ratio is the median of the ratios per round.
The limit is \`bench/limit.ts\`: a hand-written \`Bun.serve\` with its own SQL and its own table, without routing, validation, metrics and logs.
In brackets are the 99th percentile of the latency and the server's processor time per request, without PostgreSQL.
Compare ratios only: absolute figures differ between machines and between days.

${table}
`
}
