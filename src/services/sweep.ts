import { and, sql } from 'drizzle-orm'
import type { Deps } from '../context'
import type { Db } from '../db/client'
import { type BookingRow, bookings, spaces } from '../db/schema'
import { type ChangeCause, topicOf } from '../realtime/events'
import { iso } from '../time'
import {
  type CalendarChange,
  claimedPeriod,
  raiseVersions,
  slotUpdate,
  type Told,
  tell,
  uuidArray,
} from './calendar'

/** Bookings and calendars in one transaction: few enough that a claim which meets them hardly waits. */
const BATCH = 200
const CALENDARS = 50
/** How often, and how long in between, the calendars that were locked are tried again within one sweep. */
const TRIES = 20
const PAUSE_MS = 25

/**
 * Frees the holds that are past their end. Safe on any number of servers at once: each takes calendars that no other has
 * locked, and a hold is freed by whoever has its calendar, once.
 * @returns how many holds were freed
 */
export async function sweepExpiredHolds(deps: Pick<Deps, 'db' | 'publish' | 'metrics'>): Promise<number> {
  const due = sql`${bookings.status} = 'held' AND ${bookings.holdExpiresAt} <= statement_timestamp()`
  return inBatches(
    deps,
    { due, order: sql`${bookings.holdExpiresAt}`, to: 'expired', cause: 'expired' },
    (told, swept) => {
      tell(deps, told)
      const ends = swept.flatMap(({ holdExpiresAt }) => (holdExpiresAt ? [holdExpiresAt.getTime()] : []))
      deps.metrics.countSwept(ends.map((end) => Math.max(0, Date.now() - end) / 1000))
      for (const { change } of told.changes) tellFreed(deps, change, swept)
    },
  )
}

/** Says of bookings whose time and buffer are over that they took place. */
export async function completePastBookings(deps: Pick<Deps, 'db' | 'publish'>): Promise<number> {
  const due = sql`${bookings.status} = 'confirmed' AND ${bookings.endsAt} <= statement_timestamp()
    AND upper(${bookings.claimed}) <= statement_timestamp()`
  return inBatches(
    deps,
    { due, order: sql`${bookings.endsAt}`, to: 'completed', cause: 'completed' },
    (told) => tell(deps, told),
  )
}

/** Beside the update of the board, a notice of the slots that can be had again. */
function tellFreed({ publish }: Pick<Deps, 'publish'>, change: CalendarChange, swept: BookingRow[]): void {
  const update = slotUpdate(change, 'expired')
  if (!update) return
  const ended = swept.filter((row) => row.spaceId === update.spaceId)
  const slotIds = update.slots
    .filter((slot) => slot.status === 'free')
    .filter((slot) =>
      ended.some((row) => iso(row.startsAt) <= slot.startsAt && slot.startsAt < iso(row.endsAt)),
    )
    .map((slot) => slot.id)
  if (slotIds.length === 0) return
  publish(topicOf.space(update.spaceId), {
    type: 'slots_freed',
    spaceId: update.spaceId,
    slotIds,
    count: slotIds.length,
    timestamp: update.timestamp,
  })
}

/** `due` asks `statement_timestamp()`, which stands still in a statement and so may be looked up in an index. */
type Due = {
  due: ReturnType<typeof sql>
  order: ReturnType<typeof sql>
  to: 'expired' | 'completed'
  cause: ChangeCause
}

/** What is locked by somebody else is tried again for half a second: a calendar in great demand is hardly ever unlocked. */
async function inBatches(
  deps: Pick<Deps, 'db'>,
  what: Due,
  done: (told: Told, moved: BookingRow[]) => void,
): Promise<number> {
  let total = 0
  for (let tries = 1; ; tries++) {
    for (;;) {
      const { told, moved } = await moveBatch(deps.db, what)
      if (moved.length === 0) break
      done(told, moved)
      total += moved.length
    }
    if (tries === TRIES || !(await someDue(deps.db, what))) return total
    await Bun.sleep(PAUSE_MS)
  }
}

const calendarsDue = (db: Db, { due }: Due) =>
  db
    .select({ spaceId: bookings.spaceId })
    .from(bookings)
    .where(sql`${due} AND ${bookings.spaceId} IS NOT NULL`)

async function someDue(db: Db, what: Due): Promise<boolean> {
  return (await calendarsDue(db, what).limit(1)).length > 0
}

/** One transaction: calendars that have something due and that nobody else has locked, then what is due in them. */
async function moveBatch(db: Db, what: Due): Promise<{ told: Told; moved: BookingRow[] }> {
  const { due, order, to, cause } = what
  return db.transaction(async (tx) => {
    const locked = await tx
      .select({ id: spaces.id })
      .from(spaces)
      .where(sql`${spaces.id} IN ${calendarsDue(tx, what)}`)
      .orderBy(spaces.id)
      .limit(CALENDARS)
      .for('no key update', { skipLocked: true })
    if (locked.length === 0) return { told: { changes: [], bookings: [] }, moved: [] }

    const inLocked = sql`${bookings.spaceId} = ANY(${uuidArray(locked.map(({ id }) => id))})`
    const batch = tx
      .select({ id: bookings.id })
      .from(bookings)
      .where(and(due, inLocked))
      .orderBy(order)
      .limit(BATCH)
    const moved = await tx
      .update(bookings)
      .set({ status: to })
      .where(sql`${bookings.id} IN ${batch}`)
      .returning()
    const touched = moved.flatMap((row) =>
      row.spaceId ? [{ spaceId: row.spaceId, period: claimedPeriod(row), cause }] : [],
    )
    return { told: await raiseVersions(tx, { touched, bookings: moved }), moved }
  })
}
