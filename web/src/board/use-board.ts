import type { Board, Booking, Slot, WatchError } from '@coworkspace/client'
import { useQuery } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { client, trpc, useSignedIn } from '../api'

type Watched = { board?: Board; live: boolean; error?: WatchError }

/** Whose day it is: that of a space, or of a specialist for one of their services. */
export type DayOf = { spaceId: string } | { specialistId: string; serviceId: string }

/** One day of a space or a specialist, as it is now and at every change. */
export function useBoard(dayOf: DayOf, date: string): Watched {
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
  return watched.of === of ? watched : { live: false }
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

type Look = Slot['status'] | 'holding' | 'mine'

/** What a slot is to the person who looks: his own holds and bookings are told from those of others. */
export function lookOf(slot: Slot, mine: Booking[]): Look {
  if (slot.status === 'past') return 'past'
  const own = mine.find(
    ({ startsAt, endsAt, status }) =>
      Date.parse(startsAt) < Date.parse(slot.endsAt) &&
      Date.parse(endsAt) > Date.parse(slot.startsAt) &&
      (status === 'held' || status === 'confirmed' || status === 'pending'),
  )
  if (own && own.status !== 'held') return 'mine'
  if (slot.heldByMe) return 'holding'
  return slot.status
}

/** The free slots that are nearest to a time, in the order of the day. */
export function freeNear(board: Board | undefined, startsAt: string, count = 4): Slot[] {
  const distance = (slot: Slot) => Math.abs(Date.parse(slot.startsAt) - Date.parse(startsAt))
  return (board?.slots ?? [])
    .filter((slot) => slot.status === 'free' && slot.startsAt !== startsAt)
    .sort((a, b) => distance(a) - distance(b))
    .slice(0, count)
    .sort((a, b) => Date.parse(a.startsAt) - Date.parse(b.startsAt))
}
