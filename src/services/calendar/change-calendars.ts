import { sql } from 'drizzle-orm'
import type { Deps } from '../../context'
import type { Tx } from '../../db/client'
import { isRetryable } from '../../db/errors'
import { type BookingRow, spaces, specialists } from '../../db/schema'
import { instantInRange, multirange, uuidArray } from '../../db/sql'
import { iso, type Millis, type Period } from '../../lib/time'
import { bookingView } from '../../schemas/bookings'
import { type CalendarKey, calendarId, calendarKey } from '../../schemas/slots'
import { type ChangeCause, type ServerMessage, topicOf } from '../../schemas/socket-messages'
import { lockUser } from '../users/users'
import type { Claim, Room, Rules } from './availability'
import { renderChangedSlots } from './slots'

/** One change of a calendar, as `raise_version` and its like in the database tell it, read under the lock that made it. */
export type CalendarChange = {
  fromVersion: number
  now: Millis
  touched: Period[]
  rules: Rules | null
  claims: Claim[]
  rooms?: Room[] | null
}

/** A time on a calendar that something came to or went from. */
export type Touch = CalendarKey & { period: Period; cause: ChangeCause }

type ClaimKeys = Pick<BookingRow, 'spaceId' | 'specialistId'>

/** The calendars that a booking occupies: a space's, a specialist's, or both. */
export const calendarsOf = ({ spaceId, specialistId }: ClaimKeys): CalendarKey[] => [
  ...(spaceId === null ? [] : [{ spaceId }]),
  ...(specialistId === null ? [] : [{ specialistId }]),
]

/** What a booking that comes, goes or changes touches: its period on each of its calendars. */
export const touchesOf = (row: ClaimKeys & Pick<BookingRow, 'claimed'>, cause: ChangeCause): Touch[] =>
  calendarsOf(row).map((key) => ({ ...key, period: claimedPeriod(row), cause }))

/** What happened under the lock: its result, which times it touched, and whose bookings it changed. */
export type Outcome<T> = { result: T; touched: Touch[]; bookings: BookingRow[] }

/** What is told to the world after a commit: calendars that changed, and people whose bookings did. */
export type CommittedChanges = {
  changes: { change: CalendarChange; cause: ChangeCause }[]
  bookings: BookingRow[]
}

type Locks = {
  /** What must stand still before any calendar is locked, such as a payment that Stripe is asked about. */
  first?: ((tx: Tx) => Promise<void>) | undefined
  /** Locked before the calendars, where what the person has in all of them must stand still. */
  userId?: string | undefined
  /** Which calendars may be touched; a function is asked once the person is locked. */
  calendars: CalendarKey[] | ((tx: Tx) => Promise<CalendarKey[]>)
}

/**
 * The one way to change calendars, but for a claim: locks their rows by a statement of its own, so that what follows sees
 * everything committed before, runs, raises the version of each calendar touched and reads, still under the lock, what
 * its boards need. Publishes after the commit: what is lost then is healed by the next version.
 */
export async function withCalendarLocks<T>(
  deps: Pick<Deps, 'db' | 'publish'>,
  locks: Locks,
  run: (tx: Tx) => Promise<Outcome<T>>,
): Promise<T> {
  const { result, told } = await withRetries(() =>
    deps.db.transaction(async (tx) => {
      await locks.first?.(tx)
      if (locks.userId) await lockUser(tx, locks.userId)
      const { calendars } = locks
      await lockCalendars(tx, typeof calendars === 'function' ? await calendars(tx) : calendars)
      const outcome = await run(tx)
      return { result: outcome.result, told: await raiseVersions(tx, outcome) }
    }),
  )
  publishChanges(deps, told)
  return result
}

/**
 * Locks the rows of calendars against every other change, spaces first, then specialists, each in order of id, so that no
 * two changes wait for each other.
 */
export async function lockCalendars(tx: Tx, keys: CalendarKey[]): Promise<void> {
  await lockRows(
    tx,
    spaces,
    keys.flatMap(({ spaceId }) => spaceId ?? []),
  )
  await lockRows(
    tx,
    specialists,
    keys.flatMap(({ specialistId }) => specialistId ?? []),
  )
}

async function lockRows(tx: Tx, table: typeof spaces | typeof specialists, ids: string[]): Promise<void> {
  if (ids.length === 0) return
  await tx
    .select({ id: table.id })
    .from(table)
    .where(sql`${table.id} = ANY(${uuidArray(ids)})`)
    .orderBy(table.id)
    .for('no key update')
}

/**
 * Raises the version of each calendar touched, once, and reads what is to be told, all by one statement. The calendars must be
 * locked.
 */
export async function raiseVersions(
  tx: Tx,
  { touched, bookings }: Pick<Outcome<unknown>, 'touched' | 'bookings'>,
): Promise<CommittedChanges> {
  if (touched.length === 0) return { changes: [], bookings }
  const calendars = [...Map.groupBy(touched, calendarId)].map(([id, touches]) => ({
    id,
    isSpace: touches[0]?.spaceId !== undefined,
    periods: multirange(touches.map(({ period }) => period)),
    cause: touches[0]?.cause,
  }))
  const rows = await tx.execute<{ change: CalendarChange; at: number }>(
    sql`SELECT at::integer, CASE WHEN is_space THEN raise_version(id, periods) ELSE raise_specialist_version(id, periods) END AS change
      FROM ROWS FROM (jsonb_to_recordset(${JSON.stringify(calendars)}::text::jsonb)
        AS (id uuid, "isSpace" boolean, periods tstzmultirange)) WITH ORDINALITY AS t(id, is_space, periods, at)`,
  )
  return {
    changes: rows.flatMap(({ change, at }) => {
      const cause = calendars[at - 1]?.cause
      return cause ? [{ change, cause }] : []
    }),
    bookings,
  }
}

/** Tells what was committed. Never fails and never waits: who misses it notices by the versions. */
export function publishChanges(
  { publish }: Pick<Deps, 'publish'>,
  { changes, bookings }: CommittedChanges,
): void {
  for (const { change, cause } of changes) {
    const { rules } = change
    if (rules) publish(topicOf.calendar(rules), () => slotUpdate({ ...change, rules }, cause))
  }
  for (const row of bookings.filter(({ kind }) => kind !== 'event')) {
    for (const id of new Set([row.userId, row.specialistUserId]))
      if (id) publish(topicOf.user(id), () => ({ type: 'booking_update', booking: bookingView(row) }))
  }
}

type SlotUpdate = Extract<ServerMessage, { type: 'slot_update' }>

/** The message that carries a board from one version to the next. */
export function slotUpdate(
  { fromVersion, now, touched, rules, claims, rooms }: CalendarChange & { rules: Rules },
  cause: ChangeCause,
): SlotUpdate {
  return {
    type: 'slot_update',
    ...calendarKey(rules),
    fromVersion,
    version: rules.version,
    slots: renderChangedSlots({ rules, claims, now, rooms: rooms ?? null }, touched),
    cause,
    timestamp: iso(now),
  }
}

/** The time that a booking occupies, buffer included. */
export function claimedPeriod({ claimed }: Pick<BookingRow, 'claimed'>): Period {
  const [from = '', to = ''] = claimed.slice(1, -1).split(',')
  return { from: instantInRange(from), to: instantInRange(to) }
}

/** Runs again what the database ended to break a tie between two transactions; nothing of the first run remains. */
async function withRetries<T>(run: () => Promise<T>, attempts = 3): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (attempts <= 1 || !isRetryable(error)) throw error
    return withRetries(run, attempts - 1)
  }
}
