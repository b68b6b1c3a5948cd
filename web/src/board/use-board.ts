import type { Board, Booking, Slot, WatchError } from '@coworkspace/client'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { client, trpc, useSignedIn } from '../api'
import { useOnline } from '../online'

type Watched = { board?: Board; live: boolean; error?: WatchError }

/** The calendar of a board: a space, or a specialist with one of their services. */
export type DayOf = { spaceId: string } | { specialistId: string; serviceId: string }

/** One day of a calendar, updated live. `live` is false while the device is offline. */
export function useBoard(dayOf: DayOf, date: string) {
  const online = useOnline()
  const [watched, setWatched] = useState<Watched & { of: string }>({ live: false, of: '' })
  const of = JSON.stringify([dayOf, date])
  useEffect(() => {
    const update = (change: Partial<Watched>) =>
      setWatched((before) => ({ ...(before.of === of ? before : { live: false }), ...change, of }))
    const [day]: [DayOf] = JSON.parse(of)
    const watch = client.watchBoard(
      { ...day, date },
      (board, { live }) => update({ board, live, error: undefined }),
      {
        onStatus: ({ live }) => update({ live }),
        onError: (error) => update({ error }),
      },
    )
    return () => watch.stop()
  }, [date, of])
  const shown: Watched = watched.of === of ? watched : { live: false }
  return {
    ...shown,
    live: shown.live && online,
    /** Reads the board once, if no update arrives. */
    async ask(): Promise<void> {
      const board = await dayOnce(dayOf, date)
      setWatched((before) => (before.of === of && before.board ? before : { board, live: false, of }))
    },
  }
}

/** Reads a board once. @param without a booking of the caller to ignore, for rescheduling */
export const dayOnce = (dayOf: DayOf, date: string, without?: string): Promise<Board> =>
  'spaceId' in dayOf
    ? client.slots.day.query({ ...dayOf, date, without })
    : client.specialists.day.query({
        id: dayOf.specialistId,
        serviceId: dayOf.serviceId,
        date,
        without,
      })

/** A board that ignores one of the user's bookings, read again after each change. */
export function useWithout(bookingId: string, dayOf: DayOf, board: Board | undefined): Board | undefined {
  const { date, version } = board ?? {}
  const { data } = useQuery({
    queryKey: [...trpc.slots.pathKey(), 'without', bookingId, dayOf, date, version],
    queryFn: () => dayOnce(dayOf, date ?? '', bookingId),
    enabled: !!board,
    placeholderData: (before) => (before?.date === date ? before : undefined),
  })
  return board && data
}

/** The user's own bookings on this board, read again after each change. */
export function useMine(board: Board | undefined): Booking[] {
  const signedIn = useSignedIn()
  const from = board?.slots[0]?.startsAt
  const to = board?.slots.at(-1)?.endsAt
  const { data, refetch } = useQuery(
    trpc.bookings.list.queryOptions(
      { as: 'customer', from, to, limit: 100 },
      { enabled: signedIn && !!from },
    ),
  )
  const version = board?.version
  useEffect(() => {
    if (signedIn && version !== undefined && from) void refetch()
  }, [signedIn, version, from, refetch])
  const isHere = ({ spaceId, specialistId }: Booking) =>
    board?.specialistId ? specialistId === board.specialistId : spaceId === board?.spaceId
  return signedIn ? (data?.items.filter(isHere) ?? []) : []
}

/** How a slot looks to this user: own holds and bookings differ from those of others. */
export type Look = Slot['status'] | 'holding' | 'mine' | 'tight' | 'break'

/** A slot, or the longer time that begins with it if all its slots are free. */
export type Time = Pick<
  Slot,
  'id' | 'startsAt' | 'endsAt' | 'reason' | 'free' | 'units' | 'priceMinor' | 'currency'
> & {
  look: Look
  /** Whether it can be held, even if the user has a booking there already. */
  isFree: boolean
  /** Whether it spans more than one slot. */
  isLong: boolean
}

type Wanted = {
  mine: Booking[]
  /** Number of consecutive slots. */
  length?: number
}

/** The times that begin with each slot. A longer time costs the sum of its slots and needs all of them free. */
export function timesOf({ slots }: Board, { mine, length = 1 }: Wanted): Time[] {
  return slots.map((slot, index) => {
    const row = rowFrom(slots, index, length)
    const isFree = row.length === length && row.every(({ status }) => status === 'free')
    const last = isFree ? row.at(-1) : undefined
    return {
      ...slot,
      look: lookOf(slot, isFree, mine),
      isFree,
      isLong: isFree && length > 1,
      endsAt: last?.endsAt ?? slot.endsAt,
      free: isFree ? Math.min(...row.map(({ free }) => free)) : 0,
      priceMinor: isFree ? row.reduce((sum, { priceMinor }) => sum + priceMinor, 0) : slot.priceMinor,
    }
  })
}

/** Up to `length` adjacent slots from `index` on, cut off at the first gap. */
function rowFrom(slots: Slot[], index: number, length: number): Slot[] {
  const row = slots.slice(index, index + length)
  const gap = row.findIndex(({ startsAt }, at) => at > 0 && row[at - 1]?.endsAt !== startsAt)
  return gap === -1 ? row : row.slice(0, gap)
}

function lookOf(slot: Slot, isFree: boolean, mine: Booking[]): Look {
  if (slot.status === 'past') return 'past'
  const own = mine.filter(({ status }) => status === 'confirmed' || status === 'pending')
  if (own.some((booking) => isDuring(booking, slot))) return 'mine'
  if (slot.heldByMe) return 'holding'
  if (slot.status === 'free') return isFree ? 'free' : 'tight'
  // Blocked but not taken: the buffer of a neighbouring booking.
  return slot.status !== 'closed' && slot.taken === 0 ? 'break' : slot.status
}

type Span = { startsAt: string; endsAt: string }

export const isDuring = (a: Span, b: Span): boolean =>
  Date.parse(a.startsAt) < Date.parse(b.endsAt) && Date.parse(a.endsAt) > Date.parse(b.startsAt)

/** The free times nearest to another, in chronological order. */
export function freeNear(times: Time[], startsAt: string, count = 4): Time[] {
  const distance = (time: Time) => Math.abs(Date.parse(time.startsAt) - Date.parse(startsAt))
  return times
    .filter((time) => time.look === 'free' && time.startsAt !== startsAt)
    .sort((a, b) => distance(a) - distance(b))
    .slice(0, count)
    .sort((a, b) => Date.parse(a.startsAt) - Date.parse(b.startsAt))
}
