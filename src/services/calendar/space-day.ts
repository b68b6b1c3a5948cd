import { LRUCache } from 'lru-cache'
import { type Db, statement } from '../../db/client'
import { notFound } from '../../errors'
import { iso, MINUTE, type Millis, type Period } from '../../lib/time'
import { type Calendar, type Claim, openingsOf, type Rules } from './availability'

/** Rules that were read, and the database's clock minus this process's monotonic clock at that moment. */
export type KnownRules = { rules: Rules; clockAhead: Millis; readAt: Millis }

const MAX_SPACES = 1000
const MAX_ATTEMPTS = 5

/**
 * The rules of spaces as of their latest read, by database. They change rarely, and `rules_version`, which every change of
 * rules raises, tells whether they are still true.
 */
const knownRules = new WeakMap<Db, LRUCache<string, KnownRules>>()
const rulesOf = (db: Db) => knownRules.getOrInsertComputed(db, () => new LRUCache({ max: MAX_SPACES }))

const rulesStatement = statement(`
  SELECT space_rules($1, tstzmultirange(tstzrange(clock_timestamp() - interval '3 days', NULL))),
    date_part('epoch', clock_timestamp())`)

const dayStatement = statement(`
  SELECT s.version, s.rules_version, date_part('epoch', clock_timestamp()), b.unit,
    date_part('epoch', lower(b.claimed)), date_part('epoch', upper(b.claimed)),
    date_part('epoch', b.starts_at), date_part('epoch', b.ends_at),
    CASE WHEN b.status = 'held' THEN date_part('epoch', b.hold_expires_at) END, b.user_id
  FROM spaces s LEFT JOIN bookings b ON b.space_id = $1 AND b.status IN ('held', 'pending', 'confirmed')
    AND b.claimed && tstzrange($2, $3) AND (b.status <> 'held' OR b.hold_expires_at > clock_timestamp())
  WHERE s.id = $1 AND s.removed_at IS NULL`)

type DayRow = [
  version: number,
  rulesVersion: number,
  now: number,
  unit: number | null,
  from: number,
  to: number,
  startsAt: number,
  endsAt: number,
  expiresAt: number | null,
  userId: string,
]

/** Rules of a space that may be a moment old. Undefined if the space does not exist. */
export async function recallRules(
  db: Db,
  spaceId: string,
  maxAgeMs: Millis,
): Promise<KnownRules | undefined> {
  const known = rulesOf(db).get(spaceId)
  if (known && performance.now() - known.readAt < maxAgeMs) return known
  return readRules(db, spaceId)
}

/** The rules of a space as this process last read them, without a query. */
export const peekRules = (db: Db, spaceId: string): Rules | undefined => rulesOf(db).get(spaceId)?.rules

/** @returns undefined if the space was removed */
export const rereadRules = async (db: Db, spaceId: string): Promise<Rules | undefined> =>
  (await readRules(db, spaceId))?.rules

/** Makes the next reader read the rules of a space anew. */
export const forgetRules = (db: Db, spaceId: string): void => void rulesOf(db).delete(spaceId)

/**
 * Reads the day of a space: its rules and every claim that one of its slots can meet, as of one version.
 * @throws NOT_FOUND
 */
export async function readSpaceDay(db: Db, spaceId: string, date: string): Promise<Calendar> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const known = rulesOf(db).get(spaceId) ?? (await readRules(db, spaceId))
    if (!known) break
    const { from, to } = dayOf(known.rules, date)
    const rows = (await dayStatement(db, [spaceId, iso(from), iso(to)])) as DayRow[]
    const [first] = rows
    if (!first) break
    const [version, rulesVersion, seconds] = first
    if (rulesVersion === known.rules.rulesVersion) {
      const now = millis(seconds)
      known.clockAhead = now - performance.now()
      known.readAt = performance.now()
      return { rules: { ...known.rules, version }, claims: claimsOf(rows), now, rooms: null }
    }
    forgetRules(db, spaceId)
  }
  forgetRules(db, spaceId)
  throw notFound('space')
}

async function readRules(db: Db, spaceId: string): Promise<KnownRules | undefined> {
  const [row] = (await rulesStatement(db, [spaceId])) as [Rules | null, number][]
  if (!row?.[0]) return undefined
  const readAt = performance.now()
  const known = { rules: row[0], clockAhead: millis(row[1]) - readAt, readAt }
  rulesOf(db).set(spaceId, known)
  return known
}

/** The openings of a local date with the longest claim that can reach out of its last slot. */
function dayOf(rules: Rules, date: string): Period {
  const openings = openingsOf(rules, date)
  const [first] = openings
  const last = openings.at(-1)
  if (!first || !last) return { from: 0, to: 0 }
  return { from: first.from, to: last.to + rules.bufferMinutes * MINUTE }
}

function claimsOf(rows: DayRow[]): Claim[] {
  const claims: Claim[] = []
  for (const [, , , unit, from, to, startsAt, endsAt, expiresAt, userId] of rows) {
    if (unit === null) continue
    claims.push({
      unit,
      from: millis(from),
      to: millis(to),
      startsAt: millis(startsAt),
      endsAt: millis(endsAt),
      held: expiresAt !== null,
      expiresAt: expiresAt === null ? null : millis(expiresAt),
      userId,
    })
  }
  return claims
}

/** As the SQL function `epoch_ms`: rounds down, but not below a whole number that a float falls short of. */
const millis = (seconds: number): Millis => Math.floor(seconds * 1000 + 0.0005)
