/**
 * The upper bound that the benchmark compares with: a hand-written server without router, logs and response headers and with
 * almost no validation. It runs the same SQL, renders the same boards and sends the same messages.
 */
import { createHmac } from 'node:crypto'
import postgres from 'postgres'
import { DAY, iso } from '../src/lib/time'
import type { Calendar, Rules } from '../src/services/calendar/availability'
import { type CalendarChange, slotUpdate } from '../src/services/calendar/change-calendars'
import { renderBoard } from '../src/services/calendar/slots'

const { DATABASE_URL = '', PORT = '0', JWT_SECRET = '', POOL = '10' } = process.env
const sql = postgres(DATABASE_URL, { max: Number(POOL), fetch_types: false, connection: { TimeZone: 'UTC' } })
const JSON_TYPE = { headers: { 'content-type': 'application/json' } }
const cache = new Map<string, string>()
const users = new Map<string, string>()

function userOf(request: Request): string {
  const token = request.headers.get('authorization')?.slice(7) ?? ''
  let user = users.get(token)
  if (!user) {
    const [head = '', body = '', signature = ''] = token.split('.')
    const expected = createHmac('sha256', JWT_SECRET).update(`${head}.${body}`).digest('base64url')
    if (signature !== expected) throw new Error('not signed in')
    user = String(JSON.parse(Buffer.from(body, 'base64url').toString()).sub)
    users.set(token, user)
  }
  return user
}

async function day(spaceId: string, date: string): Promise<string> {
  const midnight = Date.parse(`${date}T00:00:00Z`)
  const window = `{[${iso(midnight - 2 * DAY)},${iso(midnight + 4 * DAY)})}`
  const [row] = await sql<[Calendar]>`
    SELECT space_rules(id, ${window}::tstzmultirange) AS rules, space_claims(id, ${window}::tstzmultirange) AS claims,
      epoch_ms(clock_timestamp())::float8 AS now FROM spaces WHERE id = ${spaceId}`
  return JSON.stringify(renderBoard(row, date))
}

const rules = new Map<string, Rules>()

async function hold(userId: string, spaceId: string, startsAt: string): Promise<Response> {
  let known = rules.get(spaceId)
  if (!known) {
    const ends = iso(Date.parse(startsAt) + DAY)
    const [row] = await sql<[{ rules: Rules }]>`
      SELECT space_rules(id, ${`{[${startsAt},${ends})}`}::tstzmultirange) AS rules FROM spaces WHERE id = ${spaceId}`
    known = row.rules
    rules.set(spaceId, known)
  }
  const endsAt = iso(Date.parse(startsAt) + known.slotMinutes * 60_000)
  const [claim] = await sql<[{ outcome: string; booking: unknown; changes: CalendarChange[] }]>`
    SELECT outcome, booking, changes FROM claim(${Bun.randomUUIDv7()}::uuid, ${userId}::uuid, ARRAY[${spaceId}::uuid],
      ARRAY[${known.priceMinor}::int], NULL, ${startsAt}::timestamptz, ${endsAt}::timestamptz,
      jsonb_build_object(${spaceId}::text, ${known.rulesVersion}::int), 900, 1000, NULL, false)`
  if (claim.outcome !== 'HELD')
    return new Response(`{"reason":"${claim.outcome}"}`, { status: 409, ...JSON_TYPE })
  for (const change of claim.changes) publish(spaceId, change, 'held')
  return new Response(JSON.stringify(claim.booking), JSON_TYPE)
}

async function release(userId: string, spaceId: string, startsAt: string): Promise<Response> {
  const [done] = await sql<[{ outcome: string; booking: unknown; changes: CalendarChange[] }]>`
    SELECT outcome, booking, changes FROM release_hold(${userId}::uuid, ${spaceId}::uuid, ${startsAt}::timestamptz)`
  if (done.outcome !== 'RELEASED')
    return new Response(`{"reason":"${done.outcome}"}`, { status: 404, ...JSON_TYPE })
  for (const change of done.changes) publish(spaceId, change, 'released')
  return new Response(JSON.stringify(done.booking), JSON_TYPE)
}

function publish(spaceId: string, change: CalendarChange, cause: 'held' | 'released'): void {
  const topic = `space:${spaceId}`
  const { rules } = change
  if (!rules || server.subscriberCount(topic) === 0) return
  server.publish(topic, JSON.stringify(slotUpdate({ ...change, rules }, cause)))
}

async function slotIdOf(request: Request): Promise<string> {
  const { slotId } = (await request.json()) as { slotId: string }
  return slotId
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
      if (!text) {
        text = await day(spaceId, date)
        cache.set(key, text)
      }
      return new Response(text, JSON_TYPE)
    },
    '/hold': {
      POST: async (request) => {
        const [spaceId = '', startsAt = ''] = (await slotIdOf(request)).split('@')
        return hold(userOf(request), spaceId, startsAt)
      },
    },
    '/release': {
      POST: async (request) => {
        const [spaceId = '', startsAt = ''] = (await slotIdOf(request)).split('@')
        return release(userOf(request), spaceId, startsAt)
      },
    },
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
