import { type Booking, type Inputs, isRefused } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { queryClient, trpc } from '../api'
import { useText } from '../i18n'
import { markOwn } from '../notifications/own-doing'
import { explain } from '../ui/states'
import { say } from '../ui/toasts'
import { isDuring, type Time } from './use-board'

export type Wish = Inputs['bookings']['create']

/**
 * The state of the user's bookings on a board, one at a time: the last chosen one, otherwise any hold.
 * @param first id of the hold to show first
 */
export function useHolding(mine: Booking[], first: string | null) {
  const { t } = useText()
  const [lost, setLost] = useState<Time>()
  const [chosen, setChosen] = useState<string>()
  const [answered, setAnswered] = useState<Record<string, Booking>>({})
  const [dismissed, setDismissed] = useState<string[]>([])
  /** Counts the user's own actions; each one moves the focus to its result. */
  const [turn, setTurn] = useState(0)

  function choose(id: string): void {
    setChosen(id)
    setLost(undefined)
    setTurn((before) => before + 1)
  }
  function follow(booking: Booking): void {
    setAnswered((before) => ({ ...before, [booking.id]: booking }))
    choose(booking.id)
    void queryClient.invalidateQueries(trpc.bookings.pathFilter())
  }
  const onError = (error: unknown) => {
    say(explain(error, t))
    void queryClient.invalidateQueries(trpc.bookings.pathFilter())
  }
  const onMutate = ({ id }: { id: string }) => markOwn(id)
  const hold = useMutation(trpc.bookings.create.mutationOptions({ onSuccess: follow }))
  const confirm = useMutation(trpc.bookings.confirm.mutationOptions({ onMutate, onSuccess: follow, onError }))
  const release = useMutation(trpc.bookings.cancel.mutationOptions({ onMutate, onError }))

  const known = [
    // The list is newer than the response of the mutation, unless it is a step behind.
    ...mine.map((booking) => newer(booking, answered[booking.id])),
    ...Object.values(answered).filter(({ id }) => mine.every((booking) => booking.id !== id)),
  ].filter(({ id, status }) => status !== 'cancelled' && !dismissed.includes(id))
  const held = known.filter(({ status }) => status === 'held')
  const current = known.find(({ id }) => id === chosen) ?? held.find(({ id }) => id === first) ?? held[0]

  return {
    lost,
    booking: current,
    turn,
    /** Start of the requested time while the request is pending. */
    asked: hold.isPending ? hold.variables.startsAt : undefined,
    isBusy: hold.isPending || confirm.isPending || release.isPending,
    /** Shows the user's hold at a time. @returns whether there is one */
    resume(time: Time): boolean {
      const there = held.find((booking) => isDuring(booking, time))
      if (there) choose(there.id)
      return there !== undefined
    },
    hold(time: Time, wish: Wish) {
      setLost(undefined)
      hold.mutate(wish, {
        onError(error) {
          if (!isRefused(error, 'SLOT_TAKEN')) return say(explain(error, t))
          setLost(time)
          setTurn((before) => before + 1)
        },
      })
    },
    book: (id: string) => confirm.mutate({ id }),
    follow,
    release: ({ id }: Booking, onReleased: () => void) =>
      release.mutate(
        { id },
        {
          onSuccess(booking) {
            setAnswered((before) => ({ ...before, [booking.id]: booking }))
            void queryClient.invalidateQueries(trpc.bookings.pathFilter())
            say(t.board.released)
            onReleased()
          },
        },
      ),
    again({ serviceId, spaceId, startsAt, endsAt, notes }: Booking) {
      if (serviceId) hold.mutate({ serviceId, startsAt, ...(notes && { notes }) }, { onError })
      else if (spaceId) hold.mutate({ spaceId, startsAt, endsAt }, { onError })
    },
    forgetLost: () => setLost(undefined),
    dismiss: (id: string) => setDismissed((before) => [...before, id]),
  }
}

/** Position in the life of a booking: held, pending, then the rest. */
const stepOf = ({ status }: Booking): number => ['held', 'pending'].indexOf(status) + 1 || 3

/** A list requested before a change can still contain the booking as `held`. */
const newer = (listed: Booking, answered: Booking | undefined): Booking =>
  !answered || stepOf(listed) >= stepOf(answered) ? listed : answered
