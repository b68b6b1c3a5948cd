/**
 * Measures how calls slow down as bookings accumulate, with ten thousand, a hundred thousand and a million of them.
 * Usage: `bun bench/growth.ts [SIZE...]`. Takes a few minutes.
 */
import postgres from 'postgres'
import { contextOf } from '../src/context'
import { markMissedArrivals } from '../src/services/bookings/arrivals'
import { listBookings } from '../src/services/bookings/bookings'
import { remindOfBookings } from '../src/services/bookings/reminders'
import { searchSpaces } from '../src/services/catalog/spaces'
import { countPaymentProblems } from '../src/services/payments/payment-health'
import { listRefunds } from '../src/services/payments/payments'
import { listUsers } from '../src/services/users/users'
import { closeCluster, createDatabase } from '../tests/support/database'
import { startTestServer, stopTestServers } from '../tests/support/world'
import { fillBookings, fullHour } from './fill'

const DAY_MS = 86_400_000
/** Unmeasured calls first, so that every connection has its statements and PostgreSQL its generic plans. */
const WARM_UP = 20
const ROUNDS = 100

type Calls = Record<string, () => Promise<unknown>>
type Times = { p50: number; p99: number }

/** Returns the calls by name, on a database with bookings and a server without scheduled jobs. */
async function callsOn(databaseUrl: string, sql: postgres.Sql): Promise<Calls> {
  const { deps } = await startTestServer({ databaseUrl, env: { DATABASE_POOL: '2' } })
  const [admin] =
    await sql`INSERT INTO users (id, name, role) VALUES (uuidv7(), 'Admin', 'admin') RETURNING id`
  const [expert] = await sql`SELECT user_id FROM specialists ORDER BY id LIMIT 1`
  const [location] = await sql`SELECT id FROM locations ORDER BY id OFFSET 7 LIMIT 1`
  const asAdmin = contextOf(deps, { kind: 'user', id: admin?.id, role: 'admin' })
  const asExpert = contextOf(deps, { kind: 'user', id: expert?.user_id, role: 'specialist' })
  const locationId = location?.id as string
  const page = { limit: 20 }
  const start = { ...page, order: 'start' as const }
  const midnight = Math.floor(Date.now() / DAY_MS) * DAY_MS
  const today = { from: new Date(midnight).toISOString(), to: new Date(midnight + DAY_MS).toISOString() }
  const list = (input: Parameters<typeof listBookings>[1]) => () => listBookings(asAdmin, input)
  // Does first what is due, so that the measured calls find nothing new, as in most minutes.
  while ((await remindOfBookings(deps)) > 0);
  while ((await markMissedArrivals(deps)) > 0);
  return {
    "bookings: a location's day": list({ ...start, ...today, locationId }),
    "bookings: a location's day, newest first": list({ ...page, ...today, locationId }),
    'bookings: a day of all locations': list({ ...start, ...today }),
    'bookings: a day of all locations, newest first': list({ ...page, ...today }),
    'bookings: from today on, all locations': list({ ...start, from: today.from }),
    'bookings: oldest, all locations': list(start),
    'bookings: newest, all locations': list(page),
    'bookings: pending': list({ ...page, status: 'pending' }),
    'bookings: pending, by start': list({ ...start, status: 'pending' }),
    'bookings: declined': list({ ...page, status: 'declined' }),
    'bookings: no-shows': list({ ...page, status: 'no_show' }),
    'bookings: held, none found': list({ ...page, status: 'held' }),
    'bookings: attendance': list({ ...page, kind: 'attendance' }),
    'bookings: attendance, by start': list({ ...start, ...today, kind: 'attendance' }),
    'bookings: pending seats, none found': list({ ...page, kind: 'attendance', status: 'pending' }),
    "bookings: a specialist's day": () => listBookings(asExpert, { ...page, ...today, as: 'specialist' }),
    "bookings: a specialist's pending": () =>
      listBookings(asExpert, { ...start, as: 'specialist', status: 'pending' }),
    'refunds: failed': () => listRefunds(asAdmin, { ...page, status: 'failed' }),
    'refunds: requested, none found': () => listRefunds(asAdmin, { ...page, status: 'requested' }),
    'users: search, none found': () => listUsers(asAdmin, { ...page, search: 'no such name' }),
    'spaces: search, none found': () => searchSpaces(asAdmin, { ...page, ...fullHour() }),
    'metrics: payment problems': () => countPaymentProblems(deps),
    'job: reminders': () => remindOfBookings(deps),
    'job: missed arrivals': () => markMissedArrivals(deps),
  }
}

/** Measures one call at all sizes in turn, because the load of the machine varies. */
async function measure(calls: (() => Promise<unknown>)[]): Promise<Times[]> {
  const times: number[][] = calls.map(() => [])
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const [index, call] of calls.entries()) {
      const started = performance.now()
      await call()
      if (round >= 0) times[index]?.push(performance.now() - started)
    }
  }
  return times.map((list) => {
    list.sort((a, b) => a - b)
    const at = (share: number) => list[Math.min(list.length - 1, Math.floor(list.length * share))] ?? 0
    return { p50: at(0.5), p99: at(0.99) }
  })
}

/** Renders p50 and p99 at each size, and the growth of p50 from the smallest size to the largest. */
function rowOf(name: string, times: Times[]): string {
  const growth = (times.at(-1)?.p50 ?? 0) / (times[0]?.p50 ?? 1)
  const cells = times.map(({ p50, p99 }) => `${p50.toFixed(2)} (${p99.toFixed(1)})`)
  return `| ${[name, ...cells, growth.toFixed(2)].join(' | ')} |\n`
}

const words = process.argv.slice(2)
const sizes = words.length > 0 ? words.map(Number) : [10_000, 100_000, 1_000_000]
const servers: Calls[] = []
const open: postgres.Sql[] = []
for (const size of sizes) {
  const databaseUrl = await createDatabase()
  const sql = postgres(databaseUrl, { max: 1, onnotice() {} })
  open.push(sql)
  await fillBookings(sql, size)
  servers.push(await callsOn(databaseUrl, sql))
}
const head = ['p50 (p99) in ms', ...sizes.map((size) => size.toLocaleString('en')), 'growth']
process.stdout.write(`| ${head.join(' | ')} |\n|${head.map(() => '---|').join('')}\n`)
for (const name of Object.keys(servers[0] ?? {})) {
  const calls = servers.flatMap((server) => server[name] ?? [])
  process.stdout.write(rowOf(name, await measure(calls)))
}
await stopTestServers()
for (const sql of open) await sql.end()
await closeCluster()
process.exit(0)
