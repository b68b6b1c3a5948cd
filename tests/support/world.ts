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
 * Starts a server on a free port, by default with a new database and without scheduled jobs. With `TEST_SERVERS=2` it is a
 * pair of servers that are called in turn.
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

/** For `afterAll`: stops every server that this file has started. */
export async function stopTestServers(): Promise<void> {
  await Promise.all(running.splice(0).map((server) => server.stop()))
}

export type TestPerson = { id: string; email: string; role: Role; token: string }

let people = 0

/** Inserts a user with an access token and no password. */
export async function makePerson({ deps }: RunningServer, role: Role = 'customer'): Promise<TestPerson> {
  people += 1
  const email = `person-${people}-${Bun.randomUUIDv7()}@example.com`
  const [row] = await deps.db
    .insert(users)
    .values({ email, name: `Person ${people}`, role })
    .returning()
  if (!row) throw new Error('the user was not inserted')
  return { id: row.id, email, role, token: await deps.tokens.sign({ id: row.id, role }) }
}

export const allDay = [1, 2, 3, 4, 5, 6, 7].map((weekday) => ({
  weekday: weekday as 1 | 2 | 3 | 4 | 5 | 6 | 7,
  opensAt: '00:00',
  closesAt: '24:00',
}))

/** Creates a space, by default free of charge, without limits and at a new location that is always open. */
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

/** A typed client, signed in or anonymous. Each call is a request of its own. */
export function clientOf(server: Pick<RunningServer, 'url'>, person?: Pick<TestPerson, 'token'>) {
  const headers = person ? { authorization: `Bearer ${person.token}` } : {}
  // Reads `url` at each call, because it alternates for a pair of servers.
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

/** Sends one REST call. @returns the status, the headers and the parsed body */
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

/** The `reason` of a refused call, or `was not refused`. */
export async function reasonOf(call: Promise<unknown>): Promise<string> {
  try {
    await call
  } catch (error) {
    const data = (error as { data?: { reason?: string } }).data
    return data?.reason ?? (error as { reason?: string }).reason ?? `no reason: ${error}`
  }
  return 'was not refused'
}

/** A day that no notice period affects. `at(9)` is 09:00 UTC on it. */
export const testDate = '2027-01-04'
export const at = (hour: number, date = testDate): string =>
  new Date(Date.parse(`${date}T00:00:00Z`) + hour * 3_600_000).toISOString().replace('.000Z', 'Z')

/** Makes the holds of a space, or all holds, stale. */
export async function endHolds({ deps }: RunningServer, spaceId?: string): Promise<void> {
  const only = spaceId ? sql` AND space_id = ${spaceId}` : sql``
  await deps.db.execute(
    sql`UPDATE bookings SET hold_expires_at = clock_timestamp() - interval '1 second' WHERE status = 'held'${only}`,
  )
}

/** Polls until `ask` returns a truthy value. Fails after `timeoutMs`. */
export async function until<T>(ask: () => T | Promise<T>, timeoutMs = 10_000): Promise<NonNullable<T>> {
  const end = performance.now() + timeoutMs
  for (;;) {
    const found = await ask()
    if (found) return found
    if (performance.now() > end) throw new Error('the condition was not met in time')
    await Bun.sleep(5)
  }
}
