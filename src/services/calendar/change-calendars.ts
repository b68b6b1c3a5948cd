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

/** A change of a calendar, as `raise_version` and `raise_specialist_version` return it under the calendar's lock. */
export type CalendarChange = {
  fromVersion: number
  now: Millis
  touched: Period[]
  rules: Rules | null
  claims: Claim[]
  rooms?: Room[] | null
}

export type Touch = CalendarKey & { period: Period; cause: ChangeCause }

type ClaimKeys = Pick<BookingRow, 'spaceId' | 'specialistId'>

export const calendarsOf = ({ spaceId, specialistId }: ClaimKeys): CalendarKey[] => [
  ...(spaceId === null ? [] : [{ spaceId }]),
  ...(specialistId === null ? [] : [{ specialistId }]),
]

export const touchesOf = (row: ClaimKeys & Pick<BookingRow, 'claimed'>, cause: ChangeCause): Touch[] =>
  calendarsOf(row).map((key) => ({ ...key, period: claimedPeriod(row), cause }))

/** The result of a change under the lock, with the periods that it touched and the bookings that it changed. */
export type Outcome<T> = { result: T; touched: Touch[]; bookings: BookingRow[] }

export type CommittedChanges = {
  changes: { change: CalendarChange; cause: ChangeCause }[]
  bookings: BookingRow[]
}

export type CalendarLocks = {
  /** Runs before any calendar is locked, such as to lock a payment and call Stripe. */
  first?: ((tx: Tx) => Promise<void>) | undefined
  /** Locked before the calendars if the change depends on the user's bookings on all calendars. */
  userId?: string | undefined
  calendars: CalendarKey[] | ((tx: Tx) => Promise<CalendarKey[]>)
}

/**
 * Runs a change with calendars locked, raises the version of each touched calendar and publishes after the commit. The locks are
 * taken in statements of their own, so that `run` sees every earlier commit. Runs again after a deadlock, up to three times
 * in all. Clients notice a lost message by the next version.
 */
export async function withCalendarLocks<T>(
  deps: Pick<Deps, 'db' | 'publish'>,
  locks: CalendarLocks,
  run: (tx: Tx) => Promise<Outcome<T>>,
): Promise<T> {
  const { result, committed } = await withRetries(() =>
    deps.db.transaction(async (tx) => {
      await locks.first?.(tx)
      if (locks.userId) await lockUser(tx, locks.userId)
      const { calendars } = locks
      await lockCalendars(tx, typeof calendars === 'function' ? await calendars(tx) : calendars)
      const outcome = await run(tx)
      return { result: outcome.result, committed: await raiseVersions(tx, outcome) }
    }),
  )
  publishChanges(deps, committed)
  return result
}

/** Locks spaces by id, then specialists by id. Every transaction must keep this order to avoid deadlocks. */
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

/** Raises the version of each touched calendar once and reads its change, in one statement. The calendars must be locked. */
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

/** Publishes committed changes. Never waits and never fails; clients notice a lost message by the version. */
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

/** The period that a booking occupies, buffer included. */
export function claimedPeriod({ claimed }: Pick<BookingRow, 'claimed'>): Period {
  const [from = '', to = ''] = claimed.slice(1, -1).split(',')
  return { from: instantInRange(from), to: instantInRange(to) }
}

async function withRetries<T>(run: () => Promise<T>, attempts = 3): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (attempts <= 1 || !isRetryable(error)) throw error
    return withRetries(run, attempts - 1)
  }
}
