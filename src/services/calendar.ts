import { getTableColumns, sql } from 'drizzle-orm'
import type { PgTable } from 'drizzle-orm/pg-core'
import type { Deps } from '../context'
import type { Tx } from '../db/client'
import { isRetryable } from '../db/errors'
import { type BookingRow, bookings, spaces, users } from '../db/schema'
import { type ChangeCause, type ServerMessage, topicOf } from '../realtime/events'
import { bookingView } from '../shapes/bookings'
import { iso, type Millis, type Period } from '../time'
import { type Claim, type Rules, renderTouchedSlots } from './availability'

/** One change of a calendar, as `raise_version` in the database tells it, read under the lock that made it. */
export type CalendarChange = {
  fromVersion: number
  now: Millis
  touched: Period[]
  rules: Rules | null
  claims: Claim[]
}

/** A time on a calendar that something came to or went from. */
export type Touch = { spaceId: string; period: Period; cause: ChangeCause }

/** What happened under the lock: its result, which times it touched, and whose bookings it changed. */
export type Outcome<T> = { result: T; touched: Touch[]; bookings: BookingRow[] }

/** What is told to the world after a commit: calendars that changed, and people whose bookings did. */
export type Told = { changes: { change: CalendarChange; cause: ChangeCause }[]; bookings: BookingRow[] }

type Locks = {
  /** What must stand still before any calendar is locked, such as a payment that Stripe is asked about. */
  first?: ((tx: Tx) => Promise<void>) | undefined
  /** Locked before the calendars, where what the person has in all of them must stand still. */
  person?: string | undefined
  /** Which calendars may be touched; a function is asked once the person is locked. */
  spaces: string[] | ((tx: Tx) => Promise<string[]>)
}

/**
 * The one way to change calendars, but for a claim: locks their rows by a statement of its own, so that what follows sees
 * everything committed before, runs, raises the version of each calendar touched and reads, still under the lock, what
 * its boards need. Publishes after the commit: what is lost then is healed by the next version.
 */
export async function changeCalendars<T>(
  deps: Pick<Deps, 'db' | 'publish'>,
  locks: Locks,
  run: (tx: Tx) => Promise<Outcome<T>>,
): Promise<T> {
  const { result, told } = await retrying(() =>
    deps.db.transaction(async (tx) => {
      await locks.first?.(tx)
      if (locks.person) await lockPerson(tx, locks.person)
      await lockCalendars(tx, typeof locks.spaces === 'function' ? await locks.spaces(tx) : locks.spaces)
      const outcome = await run(tx)
      return { result: outcome.result, told: await raiseVersions(tx, outcome) }
    }),
  )
  tell(deps, told)
  return result
}

/** Locks a person against everything that counts or ends what is theirs. Comes before the calendars. */
export const lockPerson = (tx: Tx, userId: string) =>
  tx.select({ id: users.id }).from(users).where(sql`${users.id} = ${userId}`).for('no key update')

/** Locks the rows of calendars against every other change, in order of id so that no two changes wait for each other. */
export async function lockCalendars(tx: Tx, spaceIds: string[]): Promise<void> {
  if (spaceIds.length === 0) return
  await tx
    .select({ id: spaces.id })
    .from(spaces)
    .where(sql`${spaces.id} = ANY(${uuidArray(spaceIds)})`)
    .orderBy(spaces.id)
    .for('no key update')
}

/** Raises the version of each calendar touched, once, and reads what is to be told. The calendars must be locked. */
export async function raiseVersions(
  tx: Tx,
  { touched, bookings }: Pick<Outcome<unknown>, 'touched' | 'bookings'>,
): Promise<Told> {
  const changes: Told['changes'] = []
  for (const [spaceId, touches] of Map.groupBy(touched, (touch) => touch.spaceId)) {
    const periods = multirange(touches.map(({ period }) => period))
    const [row] = await tx.execute<{ change: CalendarChange }>(
      sql`SELECT raise_version(${spaceId}::uuid, ${periods}::tstzmultirange) AS change`,
    )
    const [first] = touches
    if (row && first) changes.push({ change: row.change, cause: first.cause })
  }
  return { changes, bookings }
}

/** Tells what was committed. Never fails and never waits: who misses it notices by the versions. */
export function tell({ publish }: Pick<Deps, 'publish'>, { changes, bookings }: Told): void {
  for (const { change, cause } of changes) {
    const message = slotUpdate(change, cause)
    if (message) publish(topicOf.space(message.spaceId), message)
  }
  for (const row of bookings.filter(({ kind }) => kind === 'booking'))
    publish(topicOf.user(row.userId), { type: 'booking_update', booking: bookingView(row) })
}

type SlotUpdate = Extract<ServerMessage, { type: 'slot_update' }>

/** The message that carries a board from one version to the next; none for a space that is no longer in use. */
export function slotUpdate(
  { fromVersion, now, touched, rules, claims }: CalendarChange,
  cause: ChangeCause,
): SlotUpdate | undefined {
  if (!rules) return undefined
  return {
    type: 'slot_update',
    spaceId: rules.spaceId,
    fromVersion,
    version: rules.version,
    slots: renderTouchedSlots({ rules, claims, now }, touched),
    cause,
    timestamp: iso(now),
  }
}

type Wanted = { spaceId: string; units: number; claimed: Period; now: Millis; booking: string }

/**
 * A unit for a booking that exists: ends the stale holds in the way, then takes the lowest unit that nobody else claims
 * over the whole time, or null. Both are asked at the same instant: a hold that ended in between would be neither ended
 * nor in the way, and the place that it keeps in the database would be given away. The calendar must be locked.
 */
export async function findUnit(
  tx: Tx,
  { spaceId, units, claimed, now, booking }: Wanted,
): Promise<{ unit: number | null; expired: BookingRow[] }> {
  const claim = sql`${range(claimed)}::tstzrange, ${iso(now)}::timestamptz`
  const ended = await tx.execute<{ row: Record<string, unknown> }>(
    sql`SELECT to_jsonb(e) AS row FROM expire_in_the_way(${spaceId}::uuid, ${claim}, ${booking}::uuid) AS e`,
  )
  const [free] = await tx.execute<{ unit: number | null }>(
    sql`SELECT free_unit(${spaceId}::uuid, ${units}::int, ${claim}, ${booking}::uuid) AS unit`,
  )
  return {
    unit: free?.unit ?? null,
    expired: ended.map(({ row }) => rowFromJson<BookingRow>(bookings, row)),
  }
}

/** The time that a booking occupies, buffer included. */
export function claimedPeriod({ claimed }: Pick<BookingRow, 'claimed'>): Period {
  const [from = '', to = ''] = claimed.slice(1, -1).split(',')
  return { from: instantInRange(from), to: instantInRange(to) }
}

/** PostgreSQL writes `"2027-01-04 09:00:00+00"` inside a range, in the zone of the connection, which is UTC. */
const instantInRange = (text: string): Millis =>
  Date.parse(`${text.replaceAll('"', '').replace(' ', 'T').replace(/\+00$/, '')}Z`)

export const range = ({ from, to }: Period): string => `[${iso(from)},${iso(to)})`
export const multirange = (periods: Period[]): string => `{${periods.map(range).join()}}`
export const uuidArray = (ids: string[]) => sql`${`{${ids.join()}}`}::uuid[]`

/**
 * A row as the database writes it in JSON (`to_jsonb`), read as Drizzle would read it: what a function of the database
 * gives back keeps the one mapping that the schema defines.
 */
export function rowFromJson<Row>(table: PgTable, json: Record<string, unknown>): Row {
  const entries = Object.entries(getTableColumns(table)).map(([key, column]) => {
    const value = json[column.name] ?? null
    return [key, value === null ? null : column.mapFromDriverValue(value)]
  })
  return Object.fromEntries(entries) as Row
}

/** Runs again what the database ended to break a tie between two transactions; nothing of the first run remains. */
async function retrying<T>(run: () => Promise<T>, attempts = 3): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (attempts <= 1 || !isRetryable(error)) throw error
    return retrying(run, attempts - 1)
  }
}
