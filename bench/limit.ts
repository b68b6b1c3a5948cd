/**
 * The upper bound that the benchmark compares with: the least code that serves boards, holds and messages without double
 * bookings. It shares nothing with src/: its SQL is written by hand, and so is its table, which it creates and fills.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import postgres from 'postgres'

const { DATABASE_URL = '', PORT = '0', JWT_SECRET = '', POOL = '10', LIMIT_SPACES = '' } = process.env
const HOUR_MS = 3_600_000
const OPENS = 8
const SLOTS = 12
const JSON_TYPE = { headers: { 'content-type': 'application/json' } }

const sql = postgres(DATABASE_URL, { max: Number(POOL), fetch_types: false, onnotice() {} })
await createTable()

const dayQuery = `
  SELECT extract(epoch FROM lower(during))::int AS starts, extract(epoch FROM upper(during))::int AS ends, status = 'confirmed' AS booked
  FROM bench_reservations
  WHERE space_id = $1 AND during && tstzrange($2, $3) AND status IN ('held', 'confirmed') AND (status = 'confirmed' OR expires_at > now())`
const holdQuery = `
  WITH stale AS (
    UPDATE bench_reservations SET status = 'expired'
    WHERE space_id = $1 AND during && tstzrange($3, $4) AND status = 'held' AND expires_at <= now() RETURNING 1)
  INSERT INTO bench_reservations (space_id, user_id, during, status, expires_at)
  SELECT $1, $2, tstzrange($3, $4), 'held', now() + interval '15 minutes' FROM (SELECT count(*) FROM stale) AS ended
  ON CONFLICT DO NOTHING RETURNING id`
const releaseQuery = `
  UPDATE bench_reservations SET status = 'released'
  WHERE space_id = $1 AND user_id = $2 AND during && tstzrange($3, $4) AND status = 'held' RETURNING id`

/** One third of the slots in February 2027 are taken, as on the server that it is compared with. */
async function createTable(): Promise<void> {
  await sql.begin(async (tx) => {
    await tx`SELECT pg_advisory_xact_lock(4711)`
    const [existing] = await tx`SELECT to_regclass('bench_reservations') AS name`
    if (existing?.name) return
    await tx`CREATE EXTENSION IF NOT EXISTS btree_gist`
    await tx`
      CREATE TABLE bench_reservations (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        space_id uuid NOT NULL,
        user_id uuid NOT NULL,
        during tstzrange NOT NULL,
        status text NOT NULL,
        expires_at timestamptz,
        EXCLUDE USING gist (space_id WITH =, during WITH &&) WHERE (status IN ('held', 'confirmed')))`
    await tx`CREATE INDEX ON bench_reservations (expires_at) WHERE status = 'held'`
    await tx`
      INSERT INTO bench_reservations (space_id, user_id, during, status)
      SELECT space, gen_random_uuid(), tstzrange(t, t + interval '1 hour'), 'confirmed'
      FROM unnest(${`{${LIMIT_SPACES}}`}::uuid[]) AS space,
        generate_series('2027-02-01T08:00Z'::timestamptz, '2027-02-28T19:00Z', interval '3 hours') AS t
      WHERE extract(hour FROM t AT TIME ZONE 'UTC') BETWEEN 8 AND 19`
  })
  await sql`ANALYZE bench_reservations`
}

type Row = { starts: number; ends: number; booked: boolean }

async function day(spaceId: string, date: string): Promise<string> {
  const opens = Date.parse(`${date}T00:00:00Z`) + OPENS * HOUR_MS
  const closes = opens + SLOTS * HOUR_MS
  const rows = await sql.unsafe<Row[]>(
    dayQuery,
    [spaceId, new Date(opens).toISOString(), new Date(closes).toISOString()],
    { prepare: true },
  )
  const statuses: string[] = Array(SLOTS).fill('free')
  for (const { starts, ends, booked } of rows) {
    const first = Math.max(0, Math.floor((starts * 1000 - opens) / HOUR_MS))
    for (let slot = first; slot < SLOTS && opens + slot * HOUR_MS < ends * 1000; slot++)
      statuses[slot] = booked ? 'booked' : 'held'
  }
  const slots = statuses.map((status, slot) =>
    slotJson(new Date(opens + slot * HOUR_MS).toISOString(), status),
  )
  return `{"spaceId":"${spaceId}","date":"${date}","slots":[${slots.join()}]}`
}

const slotJson = (startsAt: string, status: string) => `{"startsAt":"${startsAt}","status":"${status}"}`

const cache = new Map<string, string>()
const users = new Map<string, string>()

/** @throws if the token is not signed with the secret */
function userOf(request: Request): string {
  const token = request.headers.get('authorization')?.slice('Bearer '.length) ?? ''
  let user = users.get(token)
  if (user === undefined) {
    const [head = '', body = '', signature = ''] = token.split('.')
    const expected = createHmac('sha256', JWT_SECRET).update(`${head}.${body}`).digest()
    const given = Buffer.from(signature, 'base64url')
    if (given.length !== expected.length || !timingSafeEqual(given, expected))
      throw new Error('not signed in')
    user = String(JSON.parse(Buffer.from(body, 'base64url').toString()).sub)
    users.set(token, user)
  }
  return user
}

type Change = { query: string; status: 'held' | 'free'; refused: [status: number, reason: string] }
const HOLD: Change = { query: holdQuery, status: 'held', refused: [409, 'SLOT_TAKEN'] }
const RELEASE: Change = { query: releaseQuery, status: 'free', refused: [404, 'NOT_FOUND'] }

async function change(request: Request, { query, status, refused }: Change): Promise<Response> {
  const userId = userOf(request)
  const { slotId } = (await request.json()) as { slotId: string }
  const [spaceId = '', startsAt = ''] = slotId.split('@')
  const endsAt = new Date(Date.parse(startsAt) + HOUR_MS).toISOString()
  const [row] = await sql.unsafe<{ id: string }[]>(query, [spaceId, userId, startsAt, endsAt], {
    prepare: true,
  })
  if (!row) {
    const [code, reason] = refused
    return new Response(`{"reason":"${reason}"}`, { status: code, ...JSON_TYPE })
  }
  const slot = slotJson(startsAt, status)
  server.publish(`space:${spaceId}`, `{"type":"slot_update","spaceId":"${spaceId}","slots":[${slot}]}`)
  return new Response(
    `{"id":"${row.id}","spaceId":"${spaceId}","startsAt":"${startsAt}","status":"${status}"}`,
    JSON_TYPE,
  )
}

const server = Bun.serve({
  port: Number(PORT),
  hostname: '127.0.0.1',
  routes: {
    '/api/health': new Response('{}', JSON_TYPE),
    '/day/:spaceId/:date': async ({ params: { spaceId, date } }) =>
      new Response(await day(spaceId, date), JSON_TYPE),
    '/cached/:spaceId/:date': async ({ params: { spaceId, date } }) => {
      const key = `${spaceId}/${date}`
      let text = cache.get(key)
      if (text === undefined) {
        text = await day(spaceId, date)
        cache.set(key, text)
      }
      return new Response(text, JSON_TYPE)
    },
    '/hold': { POST: (request) => change(request, HOLD) },
    '/release': { POST: (request) => change(request, RELEASE) },
    '/realtime': (request, own) => (own.upgrade(request) ? undefined : new Response('', { status: 400 })),
  },
  websocket: {
    perMessageDeflate: false,
    message(socket, text) {
      const { spaceId, date } = JSON.parse(String(text))
      socket.subscribe(`space:${spaceId}`)
      void day(spaceId, date).then((board) => socket.send(`{"type":"slots_status_update",${board.slice(1)}`))
    },
  },
})
