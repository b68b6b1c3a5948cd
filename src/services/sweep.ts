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

/** Small enough that a claim which meets a batch hardly waits for it. */
const BATCH = 200

/**
 * Frees the holds that are past their end. Safe on any number of servers at once: each takes calendars that no other has
 * locked, and a hold is freed by whoever has its calendar, once.
 * @returns how many holds were freed
 */
export async function sweepExpiredHolds(deps: Pick<Deps, 'db' | 'publish'>): Promise<number> {
  const due = sql`${bookings.status} = 'held' AND ${bookings.holdExpiresAt} <= clock_timestamp()`
  return inBatches(
    deps,
    { due, order: sql`${bookings.holdExpiresAt}`, to: 'expired', cause: 'expired' },
    (told, swept) => {
      tell(deps, told)
      for (const { change } of told.changes) tellFreed(deps, change, swept)
    },
  )
}

/** Says of bookings whose time and buffer are over that they took place. */
export async function completePastBookings(deps: Pick<Deps, 'db' | 'publish'>): Promise<number> {
  const due = sql`${bookings.status} = 'confirmed' AND ${bookings.endsAt} <= clock_timestamp()
    AND upper(${bookings.claimed}) <= clock_timestamp()`
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

type Due = {
  due: ReturnType<typeof sql>
  order: ReturnType<typeof sql>
  to: 'expired' | 'completed'
  cause: ChangeCause
}

async function inBatches(
  deps: Pick<Deps, 'db'>,
  what: Due,
  done: (told: Told, moved: BookingRow[]) => void,
): Promise<number> {
  for (let total = 0; ; ) {
    const { told, moved } = await moveBatch(deps.db, what)
    if (moved.length === 0) return total
    done(told, moved)
    total += moved.length
  }
}

/** One transaction: calendars that have something due and that nobody else has locked, then what is due in them. */
async function moveBatch(
  db: Db,
  { due, order, to, cause }: Due,
): Promise<{ told: Told; moved: BookingRow[] }> {
  return db.transaction(async (tx) => {
    const someDue = tx
      .select({ spaceId: bookings.spaceId })
      .from(bookings)
      .where(due)
      .orderBy(order)
      .limit(BATCH)
    const locked = await tx
      .select({ id: spaces.id })
      .from(spaces)
      .where(sql`${spaces.id} IN ${someDue}`)
      .orderBy(spaces.id)
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
