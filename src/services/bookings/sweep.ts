import { and, type SQL, sql } from 'drizzle-orm'
import type { Deps } from '../../context'
import type { Db, Tx } from '../../db/client'
import { type BookingRow, bookings, spaces, specialists } from '../../db/schema'
import { uuidArray } from '../../db/sql'
import { iso, type Millis } from '../../lib/time'
import { calendarId, calendarKey } from '../../schemas/slots'
import { type ChangeCause, topicOf } from '../../schemas/socket-messages'
import {
  type CalendarChange,
  type CommittedChanges,
  calendarsOf,
  publishChanges,
  raiseVersions,
  slotUpdate,
  touchesOf,
} from '../calendar/change-calendars'
import { notify } from '../notifications/notify'
import { transitionNotifications } from './booking-notifications'
import { applyCancellation } from './refunds'

/** At most this many per transaction, so that a concurrent claim hardly waits. */
const MAX_BOOKINGS = 200
const MAX_CALENDARS = 50
const MAX_TRIES = 20
const PAUSE_MS = 25

/**
 * Expires holds past their end, except event seats, which may have a waitlist. Safe to run on any number of servers at
 * once: each server skips the calendars that another one has locked.
 * @returns the number of expired holds
 */
export async function sweepExpiredHolds(deps: Pick<Deps, 'db' | 'publish' | 'metrics'>): Promise<number> {
  const due = sql`${bookings.status} = 'held' AND ${bookings.holdExpiresAt} <= statement_timestamp() AND ${bookings.attendsEventId} IS NULL`
  return transitionInBatches(
    deps,
    { due, order: sql`${bookings.holdExpiresAt}`, to: 'expired', cause: 'expired' },
    (committed, swept) => {
      publishChanges(deps, committed)
      const ends = swept.flatMap(({ holdExpiresAt }) => (holdExpiresAt ? [holdExpiresAt.getTime()] : []))
      deps.metrics.countSwept(ends.map((end) => Math.max(0, Date.now() - end) / 1000))
      for (const { change } of committed.changes) publishFreedSlots(deps, change, swept)
    },
  )
}

/** Completes confirmed bookings after their end and buffer. */
export async function completePastBookings(deps: Pick<Deps, 'db' | 'publish'>): Promise<number> {
  const due = sql`${bookings.status} = 'confirmed' AND ${bookings.endsAt} <= statement_timestamp()
    AND upper(${bookings.claimed}) <= statement_timestamp()`
  return transitionInBatches(
    deps,
    { due, order: sql`${bookings.endsAt}`, to: 'completed', cause: 'completed' },
    (committed) => publishChanges(deps, committed),
  )
}

/** Declines pending bookings that the specialist did not answer by `answerBy`, with a full refund. */
export async function declineUnanswered(deps: Pick<Deps, 'db' | 'publish'>): Promise<number> {
  const due = sql`${bookings.status} = 'pending' AND ${bookings.answerBy} <= statement_timestamp()`
  return transitionInBatches(
    deps,
    { due, order: sql`${bookings.answerBy}`, to: 'declined', cause: 'cancelled' },
    (committed) => publishChanges(deps, committed),
  )
}

function publishFreedSlots(
  { publish }: Pick<Deps, 'publish'>,
  change: CalendarChange,
  swept: BookingRow[],
): void {
  const { rules } = change
  if (!rules) return
  const key = calendarKey(rules)
  publish(topicOf.calendar(key), () => {
    const ended = swept.filter((row) => calendarsOf(row).some((own) => calendarId(own) === calendarId(key)))
    const { slots, timestamp } = slotUpdate({ ...change, rules }, 'expired')
    const slotIds = slots
      .filter((slot) => slot.status === 'free')
      .filter((slot) =>
        ended.some((row) => iso(row.startsAt) <= slot.startsAt && slot.startsAt < iso(row.endsAt)),
      )
      .map((slot) => slot.id)
    if (slotIds.length === 0) return undefined
    return { type: 'slots_freed', ...key, slotIds, count: slotIds.length, timestamp }
  })
}

type SweepRule = {
  /** Compare with statement_timestamp(): it is constant within a statement, so the condition can use an index. */
  due: ReturnType<typeof sql>
  order: ReturnType<typeof sql>
  to: 'expired' | 'completed' | 'declined'
  cause: ChangeCause
}

type OnCommit = (committed: CommittedChanges, swept: BookingRow[]) => void

/**
 * Sweeps until nothing is due. A second worker joins if a batch is full: two connections keep two cores busy, and each skips
 * the calendars that the other one has locked.
 * @returns the number of swept bookings
 */
async function transitionInBatches(
  deps: Pick<Deps, 'db'>,
  rule: SweepRule,
  onCommit: OnCommit,
): Promise<number> {
  let helper: Promise<number> | undefined
  const own = await sweepAlone(deps, rule, (committed, swept) => {
    onCommit(committed, swept)
    if (swept.length < MAX_BOOKINGS || helper) return
    helper = sweepAlone(deps, rule, onCommit)
    // Awaited below, but it may fail before.
    helper.catch(() => undefined)
  })
  return own + ((await helper) ?? 0)
}

/** Skips locked calendars and retries them after PAUSE_MS, at most MAX_TRIES times: one in great demand is rarely unlocked. */
async function sweepAlone(deps: Pick<Deps, 'db'>, rule: SweepRule, onCommit: OnCommit): Promise<number> {
  const busyUntil = new Map<string, Millis>()
  let total = 0
  for (let tries = 1; ; ) {
    for (const [id, until] of busyUntil) if (until <= performance.now()) busyUntil.delete(id)
    const batch = await transitionBatch(deps.db, rule, [...busyUntil.keys()])
    for (const id of batch?.busy ?? []) busyUntil.set(id, performance.now() + PAUSE_MS)
    if (batch) {
      if (batch.swept.length > 0) onCommit(batch.committed, batch.swept)
      total += batch.swept.length
    } else if (busyUntil.size === 0 || tries === MAX_TRIES) {
      return total
    } else {
      tries += 1
      await Bun.sleep(PAUSE_MS)
    }
  }
}

/**
 * Locks the free calendars of the oldest due bookings and transitions their due bookings, in one transaction.
 * @returns undefined if nothing is due outside the skipped calendars
 */
async function transitionBatch(
  db: Db,
  { due, order, to, cause }: SweepRule,
  skipped: string[],
): Promise<{ committed: CommittedChanges; swept: BookingRow[]; busy: string[] } | undefined> {
  return db.transaction(async (tx) => {
    const notSkipped = skipped.length === 0 ? sql`true` : sql`NOT ${onAny(skipped)}`
    const oldest = await tx
      .select({ spaceId: bookings.spaceId, specialistId: bookings.specialistId })
      .from(bookings)
      .where(and(due, notSkipped))
      .orderBy(order)
      .limit(MAX_BOOKINGS)
    if (oldest.length === 0) return undefined
    const lockedSpaces = await lockAvailable(
      tx,
      spaces,
      oldest.map(({ spaceId }) => spaceId),
    )
    const lockedSpecialists = await lockAvailable(
      tx,
      specialists,
      oldest.map(({ specialistId }) => specialistId),
    )
    const onLocked = and(
      isNullOrIn(bookings.spaceId, lockedSpaces.locked),
      isNullOrIn(bookings.specialistId, lockedSpecialists.locked),
    )
    const batch = tx
      .select({ id: bookings.id })
      .from(bookings)
      .where(and(due, onLocked))
      .orderBy(order)
      .limit(MAX_BOOKINGS)
    const changed = await tx
      .update(bookings)
      .set({ status: to })
      // An array, because with stale statistics `id IN (SELECT … LIMIT)` runs the subquery once per row. `due` again,
      // because event seats lock no calendar: such a row may have changed during the wait for its lock.
      .where(sql`${bookings.id} = ANY(ARRAY${batch}) AND ${due}`)
      .returning()
    const swept = to === 'declined' ? await refundDeclined(tx, changed) : changed
    await notify(tx, ...swept.flatMap((row, index) => sweepNotifications(row, changed[index])))
    const touched = swept.flatMap((row) => touchesOf(row, cause))
    const committed = await raiseVersions(tx, { touched, bookings: swept })
    return { committed, swept, busy: [...lockedSpaces.busy, ...lockedSpecialists.busy] }
  })
}

const onAny = (ids: string[]): SQL =>
  sql`coalesce(${bookings.spaceId} = ANY(${uuidArray(ids)}) OR ${bookings.specialistId} = ANY(${uuidArray(ids)}), false)`

function sweepNotifications(row: BookingRow, before = row) {
  const from = row.status === 'completed' ? 'confirmed' : row.status === 'declined' ? 'pending' : 'held'
  return transitionNotifications(row, {
    from,
    by: 'clock',
    refundMinor: row.refundedMinor - before.refundedMinor,
  })
}

async function refundDeclined(tx: Tx, declined: BookingRow[]): Promise<BookingRow[]> {
  const refunded: BookingRow[] = []
  for (const row of declined)
    refunded.push(await applyCancellation(tx, row, { from: 'pending', own: false, now: Date.now() }))
  return refunded
}

type CalendarColumn = typeof bookings.spaceId | typeof bookings.specialistId

async function lockAvailable(
  tx: Tx,
  table: typeof spaces | typeof specialists,
  wanted: (string | null)[],
): Promise<{ locked: string[]; busy: string[] }> {
  const ids = [...new Set(wanted.flatMap((id) => id ?? []))].slice(0, MAX_CALENDARS)
  if (ids.length === 0) return { locked: [], busy: [] }
  const rows = await tx
    .select({ id: table.id })
    .from(table)
    .where(sql`${table.id} = ANY(${uuidArray(ids)})`)
    .orderBy(table.id)
    .for('no key update', { skipLocked: true })
  const locked = rows.map(({ id }) => id)
  return { locked, busy: ids.filter((id) => !locked.includes(id)) }
}

const isNullOrIn = (column: CalendarColumn, locked: string[]): SQL =>
  sql`(${column} IS NULL OR ${column} = ANY(${uuidArray(locked)}))`
