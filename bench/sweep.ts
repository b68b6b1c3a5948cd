import { readEnv } from '../src/env'
import { createLog } from '../src/lib/logger'
import { startServer } from '../src/server'
import { sweepExpiredHolds } from '../src/services/bookings/sweep'
import { JWT_SECRET, type World } from './world'

const WARM_UP_MS = 2000

/** Measures a sweep of `count` stale holds, and the holds of another user during the sweep. */
export async function sweepWhileHolding(world: World, count: number) {
  const { sql, spaceIds, tokens } = world
  const [own = ''] = spaceIds
  // They belong to another user, because each claim counts its own user's holds. They are spread over all rooms and expire
  // one after the other, as after a night without sweeps.
  await sql`
    INSERT INTO bookings (id, user_id, location_id, space_id, unit, status, starts_at, ends_at, claimed, first_starts_at,
      price_minor, currency, cancellation, hold_expires_at)
    SELECT uuidv7(), (SELECT id FROM users ORDER BY id DESC LIMIT 1), s.location_id, s.id, 1, 'held', t, t + interval '1 hour',
      tstzrange(t, t + interval '1 hour'), t, 0, 'EUR', '[]', now() - interval '1 second' - (${count}::int - k) * interval '10 microseconds'
    FROM (SELECT *, row_number() OVER (ORDER BY id) AS n FROM spaces WHERE id = ANY(${spaceIds})) AS s,
      generate_series(1, ${Math.ceil(count / spaceIds.length)}::int) AS k,
      LATERAL (SELECT '2028-01-01T00:00Z'::timestamptz + k * interval '1 hour' AS t) AS times
    ORDER BY k, n`
  await sql`ANALYZE bookings`
  const env = readEnv({
    DATABASE_URL: world.databaseUrl,
    PORT: '0',
    JWT_SECRET,
    NODE_ENV: 'production',
    RATE_LIMITS: 'off',
    MAX_HOLDS_PER_PERSON: '1000',
  })
  const server = await startServer(env, createLog({ level: 'silent', terminal: false }), { jobs: false })
  const now: { stage: 'warming' | 'sweeping' | 'over' } = { stage: 'warming' }
  const waits: number[] = []
  const holding = (async () => {
    const headers = { authorization: `Bearer ${tokens[0]}`, 'content-type': 'application/json' }
    for (let turn = 0; now.stage !== 'over'; turn++) {
      const slotId = `${spaceIds[turn % spaceIds.length] ?? own}@2027-03-05T09:00:00Z`
      for (const verb of ['hold', 'release']) {
        const body = JSON.stringify({ 0: { slotId } })
        const during = now.stage
        const started = performance.now()
        const { ok } = await fetch(`${server.url}/trpc/slots.${verb}?batch=1`, {
          method: 'POST',
          headers,
          body,
        })
        if (!ok) throw new Error(`${verb} was refused`)
        if (verb === 'hold' && during === 'sweeping') waits.push(performance.now() - started)
      }
    }
  })()
  await Bun.sleep(WARM_UP_MS)
  now.stage = 'sweeping'
  const started = performance.now()
  const swept = await sweepExpiredHolds(server.deps)
  const seconds = (performance.now() - started) / 1000
  now.stage = 'over'
  await holding
  await server.stop()
  waits.sort((a, b) => a - b)
  const at = (share: number) => waits[Math.min(waits.length - 1, Math.floor(waits.length * share))] ?? 0
  return { count: swept, seconds, holds: waits.length, medianMs: at(0.5), p99Ms: at(0.99), longestMs: at(1) }
}
