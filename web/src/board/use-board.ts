import type { Board, Booking, Slot, WatchError } from '@coworkspace/client'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { client, trpc, useSignedIn } from '../api'
import { useOnline } from '../online'

type Watched = { board?: Board; live: boolean; error?: WatchError }

/** Whose day it is: that of a space, or of a specialist for one of their services. */
export type DayOf = { spaceId: string } | { specialistId: string; serviceId: string }

/** One day of a space or a specialist, as it is now and at every change; never live for a device without a network. */
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
    /** Shows it as it is now, where nothing comes by itself. */
    async ask(): Promise<void> {
      const board = await dayOnce(dayOf, date)
      setWatched((before) => (before.of === of && before.board ? before : { board, live: false, of }))
    },
  }
}

/** A day as it is now, told once; as if a booking of one's own were not there, where one is named. */
export const dayOnce = (dayOf: DayOf, date: string, without?: string): Promise<Board> =>
  'spaceId' in dayOf
    ? client.slots.day.query({ ...dayOf, date, without })
    : client.specialists.day.query({
        id: dayOf.specialistId,
        serviceId: dayOf.serviceId,
        date,
        without,
      })

/** A board as if a booking of one's own were not there, asked for again whenever the board has changed. */
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

/** One's own bookings on this board, asked for again whenever the board has changed. */
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

/** What a time is to the person who looks: his own holds and bookings are told from those of others. */
export type Look = Slot['status'] | 'holding' | 'mine' | 'tight' | 'break'

/** A slot of a board, and the time that begins with it, as long as is wanted where that can be had. */
export type Time = Pick<
  Slot,
  'id' | 'startsAt' | 'endsAt' | 'reason' | 'free' | 'units' | 'priceMinor' | 'currency'
> & {
  look: Look
  /** Whether it can be had, also a second time. */
  isFree: boolean
  /** Whether it is more than its slot. */
  isLong: boolean
}

type Wanted = {
  mine: Booking[]
  /** How many slots in a row. */
  length?: number
}

/** The times that begin with the slots of a board. One that is longer costs the sum of its slots, and needs all of them. */
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

/** So many slots from one on, each of which begins where the last one ends; fewer where there is a gap. */
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
  // Nobody has it, and nobody can: it is kept free before or behind what somebody has.
  return slot.status !== 'closed' && slot.taken === 0 ? 'break' : slot.status
}

type Span = { startsAt: string; endsAt: string }

/** Whether two times have a moment in common. */
export const isDuring = (a: Span, b: Span): boolean =>
  Date.parse(a.startsAt) < Date.parse(b.endsAt) && Date.parse(a.endsAt) > Date.parse(b.startsAt)

/** The free times that are nearest to another, in the order of the day. */
export function freeNear(times: Time[], startsAt: string, count = 4): Time[] {
  const distance = (time: Time) => Math.abs(Date.parse(time.startsAt) - Date.parse(startsAt))
  return times
    .filter((time) => time.look === 'free' && time.startsAt !== startsAt)
    .sort((a, b) => distance(a) - distance(b))
    .slice(0, count)
    .sort((a, b) => Date.parse(a.startsAt) - Date.parse(b.startsAt))
}
