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

/** Bookings and calendars in one transaction: few enough that a claim which meets them hardly waits. */
const BATCH = 200
const CALENDARS = 50
/** How often, and how long in between, the calendars that were locked are tried again within one sweep. */
const TRIES = 20
const PAUSE_MS = 25

/**
 * Frees the holds that are past their end, but for places at events, which others may wait for. Safe on any number of
 * servers at once: each takes calendars that no other has locked, and a hold is freed by whoever has its calendar, once.
 * @returns how many holds were freed
 */
export async function sweepExpiredHolds(deps: Pick<Deps, 'db' | 'publish' | 'metrics'>): Promise<number> {
  const due = sql`${bookings.status} = 'held' AND ${bookings.holdExpiresAt} <= statement_timestamp() AND ${bookings.attendsEventId} IS NULL`
  return transitionInBatches(
    deps,
    { due, order: sql`${bookings.holdExpiresAt}`, to: 'expired', cause: 'expired' },
    (told, swept) => {
      publishChanges(deps, told)
      const ends = swept.flatMap(({ holdExpiresAt }) => (holdExpiresAt ? [holdExpiresAt.getTime()] : []))
      deps.metrics.countSwept(ends.map((end) => Math.max(0, Date.now() - end) / 1000))
      for (const { change } of told.changes) publishFreedSlots(deps, change, swept)
    },
  )
}

/** Says of bookings whose time and buffer are over that they took place. */
export async function completePastBookings(deps: Pick<Deps, 'db' | 'publish'>): Promise<number> {
  const due = sql`${bookings.status} = 'confirmed' AND ${bookings.endsAt} <= statement_timestamp()
    AND upper(${bookings.claimed}) <= statement_timestamp()`
  return transitionInBatches(
    deps,
    { due, order: sql`${bookings.endsAt}`, to: 'completed', cause: 'completed' },
    (told) => publishChanges(deps, told),
  )
}

/**
 * Declines what its specialist has not answered in time, within the hours of the service and before it starts: all that was
 * paid goes back.
 */
export async function declineUnanswered(deps: Pick<Deps, 'db' | 'publish'>): Promise<number> {
  const due = sql`${bookings.status} = 'pending' AND ${bookings.answerBy} <= statement_timestamp()`
  return transitionInBatches(
    deps,
    { due, order: sql`${bookings.answerBy}`, to: 'declined', cause: 'cancelled' },
    (told) => publishChanges(deps, told),
  )
}

/** Beside the update of the board, a notice of the slots that can be had again. */
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

/** `due` asks `statement_timestamp()`, which stands still in a statement and so may be looked up in an index. */
type SweepRule = {
  due: ReturnType<typeof sql>
  order: ReturnType<typeof sql>
  to: 'expired' | 'completed' | 'declined'
  cause: ChangeCause
}

/**
 * What somebody else has locked is left alone for a moment and then looked at again: passed over for longer, what is due there
 * would lie in front of each further batch. In the end it is tried for half a second, since a calendar in great demand is
 * hardly ever unlocked.
 */
async function transitionInBatches(
  deps: Pick<Deps, 'db'>,
  what: SweepRule,
  done: (told: CommittedChanges, moved: BookingRow[]) => void,
): Promise<number> {
  /** By calendar, until when it is left alone. */
  const busy = new Map<string, Millis>()
  let total = 0
  for (let tries = 1; ; ) {
    for (const [id, until] of busy) if (until <= performance.now()) busy.delete(id)
    const batch = await transitionBatch(deps.db, what, [...busy.keys()])
    for (const id of batch?.busy ?? []) busy.set(id, performance.now() + PAUSE_MS)
    if (batch) {
      if (batch.moved.length > 0) done(batch.told, batch.moved)
      total += batch.moved.length
    } else if (busy.size === 0 || tries === TRIES) {
      return total
    } else {
      tries += 1
      await Bun.sleep(PAUSE_MS)
    }
  }
}

/**
 * One transaction: the calendars of what has been due for longest, as far as nobody else has locked them, then what is due in
 * them. However much is due, a batch looks at no more of it than it moves.
 * @param aside calendars that are left alone
 * @returns also the calendars that somebody else has; undefined where nothing is due elsewhere
 */
async function transitionBatch(
  db: Db,
  { due, order, to, cause }: SweepRule,
  aside: string[],
): Promise<{ told: CommittedChanges; moved: BookingRow[]; busy: string[] } | undefined> {
  return db.transaction(async (tx) => {
    const elsewhere = aside.length === 0 ? sql`true` : sql`NOT ${onAny(aside)}`
    const oldest = await tx
      .select({ spaceId: bookings.spaceId, specialistId: bookings.specialistId })
      .from(bookings)
      .where(and(due, elsewhere))
      .orderBy(order)
      .limit(BATCH)
    if (oldest.length === 0) return undefined
    const ofSpaces = await lockAvailable(
      tx,
      spaces,
      oldest.map(({ spaceId }) => spaceId),
    )
    const ofSpecialists = await lockAvailable(
      tx,
      specialists,
      oldest.map(({ specialistId }) => specialistId),
    )
    // Of both calendars where there are two: what somebody else has locked is left for the next round.
    const inLocked = and(
      isNullOrIn(bookings.spaceId, ofSpaces.locked),
      isNullOrIn(bookings.specialistId, ofSpecialists.locked),
    )
    const batch = tx
      .select({ id: bookings.id })
      .from(bookings)
      .where(and(due, inLocked))
      .orderBy(order)
      .limit(BATCH)
    const changed = await tx
      .update(bookings)
      .set({ status: to })
      // Of places at events no calendar is locked: what was moved while this waited is not due any more.
      .where(sql`${bookings.id} IN ${batch} AND ${due}`)
      .returning()
    const moved = to === 'declined' ? await refundDeclined(tx, changed) : changed
    await notify(tx, ...moved.flatMap((row, index) => sweepNotifications(row, changed[index])))
    const touched = moved.flatMap((row) => touchesOf(row, cause))
    const told = await raiseVersions(tx, { touched, bookings: moved })
    return { told, moved, busy: [...ofSpaces.busy, ...ofSpecialists.busy] }
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
  const settled: BookingRow[] = []
  for (const row of declined)
    settled.push(await applyCancellation(tx, row, { from: 'pending', own: false, now: Date.now() }))
  return settled
}

type CalendarColumn = typeof bookings.spaceId | typeof bookings.specialistId

/** Locks a few of some calendars, as far as nobody else has them. */
async function lockAvailable(
  tx: Tx,
  table: typeof spaces | typeof specialists,
  wanted: (string | null)[],
): Promise<{ locked: string[]; busy: string[] }> {
  const ids = [...new Set(wanted.flatMap((id) => id ?? []))].slice(0, CALENDARS)
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
