import { createTRPCClient, httpLink } from '@trpc/client'
import { sql } from 'drizzle-orm'
import type { Role } from '../../src/actor'
import { systemContext } from '../../src/context'
import { users } from '../../src/db/schema'
import { type Env, readEnv } from '../../src/env'
import { createLog, type Log } from '../../src/lib/logger'
import type { AppRouter } from '../../src/routers'
import { type RunningServer, startServer } from '../../src/server'
import type { SpaceInput } from '../../src/services/catalog/spaces'
import { createSpace } from '../../src/services/catalog/spaces'
import { createLocation } from '../../src/services/locations/locations'
import { createDatabase } from './database'
import { asOne, paired, redisOfPair, sameStripe } from './pair'

const running: RunningServer[] = []

type ServerOptions = {
  env?: Record<string, string>
  databaseUrl?: string
  log?: Log
  jobs?: boolean
  queue?: boolean
}

/**
 * A server on a free port and a database of its own (or one that is shared), without its clock unless asked for. Two of them
 * that are asked in turns, where a run is told to prove that two promise what one does.
 */
export async function startTestServer({
  env = {},
  databaseUrl,
  log,
  jobs = false,
  queue = jobs,
}: ServerOptions = {}): Promise<RunningServer> {
  const settings = {
    PORT: '0',
    NODE_ENV: 'test',
    SEED: 'none',
    RATE_LIMITS: 'off',
    CACHE: 'off',
    DATABASE_URL: databaseUrl ?? (await createDatabase()),
    ...(paired && (await redisOfPair())),
    ...env,
  }
  const start = async (more: Record<string, string> = {}) => {
    const loggedTo = log ?? createLog({ level: process.env.TEST_LOG ?? 'silent', terminal: false })
    const started = await startServer(testEnv({ ...settings, ...more }), loggedTo, { jobs, queue })
    if (paired) await until(() => started.deps.redis?.isUp())
    return started
  }
  const one = await start()
  const server = paired ? asOne(one, await start(sameStripe(one))) : one
  running.push(server)
  return server
}

export const testEnv = (settings: Record<string, string>): Env => readEnv(settings)

/** For `afterAll`: ends every server that this file has started. */
export async function stopTestServers(): Promise<void> {
  await Promise.all(running.splice(0).map((server) => server.stop()))
}

export type TestPerson = { id: string; email: string; role: Role; token: string }

let people = 0

/** A person of any role, with an access token, and no password. */
export async function makePerson({ deps }: RunningServer, role: Role = 'customer'): Promise<TestPerson> {
  people += 1
  const email = `person-${people}-${Bun.randomUUIDv7()}@example.com`
  const [row] = await deps.db
    .insert(users)
    .values({ email, name: `Person ${people}`, role })
    .returning()
  if (!row) throw new Error('the person was not made')
  return { id: row.id, email, role, token: await deps.tokens.sign({ id: row.id, role }) }
}

export const allDay = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({
  weekday: weekday as 1 | 2 | 3 | 4 | 5 | 6 | 7,
  opensAt: '00:00',
  closesAt: '24:00',
}))

/** A space of a location of its own that is always open; free of charge and without limits, unless asked otherwise. */
export async function makeSpace(
  { deps }: RunningServer,
  { timeZone = 'UTC', ...settings }: Partial<SpaceInput> & { timeZone?: string } = {},
) {
  const ctx = systemContext(deps, 'clock')
  const locationId =
    settings.locationId ?? (await createLocation(ctx, { name: 'House', timeZone, hours: allDay })).id
  return createSpace(ctx, {
    locationId,
    name: 'Desk',
    kind: 'desk',
    slotMinutes: 60,
    maxSlots: 24,
    maxNoticeDays: 3650,
    ...settings,
  })
}

/** The typed client of this server, as one person or as nobody. One call, one request. */
export function clientOf(server: Pick<RunningServer, 'url'>, person?: Pick<TestPerson, 'token'>) {
  const headers = person ? { authorization: `Bearer ${person.token}` } : {}
  // Its address is asked for at each call: it may be another one each time.
  const ask = (path: string, init: object) => fetch(`${server.url}${path}`, init)
  return createTRPCClient<AppRouter>({ links: [httpLink({ url: '/trpc', headers, fetch: ask as never })] })
}
export type TestClient = ReturnType<typeof clientOf>

type RestOptions = {
  method?: string
  person?: Pick<TestPerson, 'token'>
  body?: unknown
  headers?: Record<string, string>
}

/** One call of the REST door: its status, its headers and its parsed answer. */
export async function rest<T = Record<string, unknown>>(
  { url }: RunningServer,
  path: string,
  options: RestOptions = {},
) {
  const { method = 'GET', person, body, headers = {} } = options
  const response = await fetch(`${url}/api${path}`, {
    method,
    headers: {
      ...(person && { authorization: `Bearer ${person.token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return { status: response.status, headers: response.headers, body: (await response.json()) as T }
}

/** The `reason` with which a promise is refused; fails where it is not refused at all. */
export async function reasonOf(call: Promise<unknown>): Promise<string> {
  try {
    await call
  } catch (error) {
    const data = (error as { data?: { reason?: string } }).data
    return data?.reason ?? (error as { reason?: string }).reason ?? `no reason: ${error}`
  }
  return 'was not refused'
}

/** An hour of a day far enough ahead that no notice matters: `at(9)` is 09:00 UTC. */
export const testDate = '2027-01-04'
export const at = (hour: number, date = testDate): string =>
  new Date(Date.parse(`${date}T00:00:00Z`) + hour * 3_600_000).toISOString().replace('.000Z', 'Z')

/** Lets the holds of a space, or all holds, run out now rather than in a quarter of an hour. */
export async function endHolds({ deps }: RunningServer, spaceId?: string): Promise<void> {
  const only = spaceId ? sql` AND space_id = ${spaceId}` : sql``
  await deps.db.execute(
    sql`UPDATE bookings SET hold_expires_at = clock_timestamp() - interval '1 second' WHERE status = 'held'${only}`,
  )
}

/** Waits until something is true, asking again and again; fails after `timeoutMs`. */
export async function until<T>(ask: () => T | Promise<T>, timeoutMs = 10_000): Promise<NonNullable<T>> {
  const end = performance.now() + timeoutMs
  for (;;) {
    const found = await ask()
    if (found) return found
    if (performance.now() > end) throw new Error('it did not become true in time')
    await Bun.sleep(5)
  }
}
