import { MINUTE, overlap, type Period } from '../../src/lib/time'

const HOUR = 60 * MINUTE
export type ModelSpace = {
  id: string
  units: number
  bufferMinutes: number
  priceMinor: number
  maxSlots: number
}
export type ModelBooking = {
  id: string
  userId: string
  spaceId: string
  unit: number
  time: Period
  claimed: Period
  status: 'held' | 'confirmed' | 'cancelled' | 'expired'
  /** A hold past its end that is not yet `expired`. */
  stale: boolean
  /** Position in the order of creation, which is also the order of expiry. */
  number: number
}
export type ModelOutcome = { refused: string } | { booking: ModelBooking }
type Wanted = { spaceId: string; time: Period }

/** A model of spaces that are always open, with hourly slots: no database, no locks and no versions. */
export function createModel(spaces: ModelSpace[], maxHolds: number) {
  const bookings: ModelBooking[] = []
  const refused = (reason: string): ModelOutcome => ({ refused: reason })
  const spaceOf = (id: string): ModelSpace => {
    const space = spaces.find((one) => one.id === id)
    if (!space) throw new Error('unknown space')
    return space
  }
  const claimOf = ({ spaceId, time }: Wanted): Period => ({
    from: time.from,
    to: time.to + spaceOf(spaceId).bufferMinutes * MINUTE,
  })
  const inTheWay = (wanted: Wanted, mine?: ModelBooking) =>
    bookings.filter(
      (one) =>
        one !== mine &&
        one.spaceId === wanted.spaceId &&
        (one.status === 'held' || one.status === 'confirmed') &&
        overlap(one.claimed, claimOf(wanted)),
    )

  function refusalByRules({ spaceId, time }: Wanted): string | null {
    if (time.to - time.from > spaceOf(spaceId).maxSlots * HOUR) return 'TOO_LONG'
    return time.from % HOUR === 0 && (time.to - time.from) % HOUR === 0 ? null : 'OFF_GRID'
  }

  function freeUnit(wanted: Wanted, mine?: ModelBooking): number | undefined {
    const taken = new Set(
      inTheWay(wanted, mine)
        .filter(({ stale }) => !stale)
        .map(({ unit }) => unit),
    )
    const units = Array.from({ length: spaceOf(wanted.spaceId).units }, (_, index) => index + 1)
    return units.find((unit) => !taken.has(unit))
  }

  function endStale(wanted: Wanted, mine?: ModelBooking): void {
    for (const one of inTheWay(wanted, mine)) if (one.stale) one.status = 'expired'
  }

  function settle(mine: ModelBooking): ModelOutcome {
    if (mine.status === 'expired' || (mine.status === 'held' && mine.stale)) return refused('HOLD_EXPIRED')
    if (mine.status !== 'held') return refused('INVALID_STATE')
    if (priceOf(mine) > 0) return refused('PAYMENT_REQUIRED')
    mine.status = 'confirmed'
    return { booking: mine }
  }

  const priceOf = ({ spaceId, time }: Wanted) => (spaceOf(spaceId).priceMinor * (time.to - time.from)) / HOUR

  /** The user's hold on a slot. A live hold comes before a stale one and an expired one, then the latest. */
  const holdAt = (userId: string, spaceId: string, at: number) =>
    bookings
      .filter(
        (one) => one.userId === userId && one.spaceId === spaceId && one.time.from <= at && at < one.time.to,
      )
      .filter(({ status }) => status === 'held' || status === 'expired')
      .toSorted((a, b) => rank(a) - rank(b) || b.number - a.number)[0]
  const rank = ({ status, stale }: ModelBooking) => (status !== 'held' ? 2 : stale ? 1 : 0)

  return {
    bookings,
    /** @param id the booking's id in the system under test, if it was not refused */
    hold(userId: string, wanted: Wanted, id: string): ModelOutcome {
      const reason = refusalByRules(wanted)
      if (reason) return refused(reason)
      const unit = freeUnit(wanted)
      if (unit === undefined) return refused('SLOT_TAKEN')
      const live = bookings.filter((one) => one.userId === userId && one.status === 'held' && !one.stale)
      if (live.length >= maxHolds) return refused('TOO_MANY_HOLDS')
      endStale(wanted)
      const number = bookings.length
      const booking = {
        id,
        userId,
        ...wanted,
        unit,
        claimed: claimOf(wanted),
        status: 'held' as const,
        stale: false,
        number,
      }
      bookings.push(booking)
      return { booking }
    },
    book(userId: string, spaceId: string, at: number): ModelOutcome {
      const mine = holdAt(userId, spaceId, at)
      return mine ? settle(mine) : refused('NOT_FOUND')
    },
    confirm(userId: string, mine: ModelBooking): ModelOutcome {
      return mine.userId === userId ? settle(mine) : refused('NOT_FOUND')
    },
    release(userId: string, spaceId: string, at: number): ModelOutcome {
      const mine = holdAt(userId, spaceId, at)
      if (!mine) return refused('NOT_FOUND')
      if (mine.status === 'expired' || mine.stale) return refused('HOLD_EXPIRED')
      mine.status = 'cancelled'
      return { booking: mine }
    },
    cancel(userId: string, mine: ModelBooking): ModelOutcome {
      if (mine.userId !== userId) return refused('NOT_FOUND')
      if (mine.status !== 'held' && mine.status !== 'confirmed') return refused('NOT_CANCELLABLE')
      mine.status = 'cancelled'
      return { booking: mine }
    },
    reschedule(userId: string, mine: ModelBooking, wanted: Wanted): ModelOutcome {
      if (mine.userId !== userId) return refused('NOT_FOUND')
      if (mine.status === 'expired' || (mine.status === 'held' && mine.stale)) return refused('HOLD_EXPIRED')
      if (mine.status === 'cancelled') return refused('NOT_RESCHEDULABLE')
      const reason = refusalByRules(wanted)
      if (reason) return refused(reason)
      if (mine.status === 'confirmed' && priceOf(wanted) !== priceOf(mine))
        return refused('NOT_RESCHEDULABLE')
      const unit = freeUnit(wanted, mine)
      if (unit === undefined) return refused('SLOT_TAKEN')
      endStale(wanted, mine)
      Object.assign(mine, { ...wanted, unit, claimed: claimOf(wanted) })
      return { booking: mine }
    },
    /** Makes a hold stale. */
    runOut(mine: ModelBooking): void {
      mine.stale = true
    },
    sweep(): number {
      const due = bookings.filter(({ status, stale }) => status === 'held' && stale)
      for (const one of due) one.status = 'expired'
      return due.length
    },
  }
}
