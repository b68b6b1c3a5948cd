import { type Booking, type Inputs, isRefused, type Slot } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { queryClient, trpc } from '../api'
import { useText } from '../i18n'
import { explain } from '../ui/states'
import { say } from '../ui/toasts'

/** What is to be held. */
export type Wish = Inputs['bookings']['create']

/** The way of one booking on a board: held, then booked or given back; or lost to somebody else. */
export function useHolding(mine: Booking[]) {
  const { t } = useText()
  const [lost, setLost] = useState<Slot>()
  const [followed, setFollowed] = useState<Booking>()
  const [dismissed, setDismissed] = useState<string>()

  function follow(booking: Booking): void {
    setFollowed(booking)
    setLost(undefined)
    void queryClient.invalidateQueries(trpc.bookings.pathFilter())
  }
  const onError = (error: unknown) => {
    say(explain(error, t))
    void queryClient.invalidateQueries(trpc.bookings.pathFilter())
  }
  const hold = useMutation(trpc.bookings.create.mutationOptions({ onSuccess: follow }))
  const confirm = useMutation(trpc.bookings.confirm.mutationOptions({ onSuccess: follow, onError }))
  const release = useMutation(
    trpc.bookings.cancel.mutationOptions({
      onSuccess(booking) {
        follow(booking)
        say(t.board.released)
      },
      onError,
    }),
  )

  const held = mine.find(({ id, status }) => status === 'held' && id !== dismissed)
  // What the server says of it is newer than what it answered when it was made.
  const current = followed
    ? newer(
        mine.find(({ id }) => id === followed.id),
        followed,
      )
    : held

  return {
    lost,
    booking: current && current.id !== dismissed ? current : undefined,
    isBusy: hold.isPending || confirm.isPending || release.isPending,
    hold(slot: Slot, wish: Wish) {
      setLost(undefined)
      hold.mutate(wish, {
        onError(error) {
          if (isRefused(error, 'SLOT_TAKEN')) setLost(slot)
          else say(explain(error, t))
        },
      })
    },
    book: (id: string) => confirm.mutate({ id }),
    follow,
    release: (id: string) => release.mutate({ id }),
    again({ serviceId, spaceId, startsAt, endsAt }: Booking) {
      if (serviceId) hold.mutate({ serviceId, startsAt }, { onError })
      else if (spaceId) hold.mutate({ spaceId, startsAt, endsAt }, { onError })
    },
    forgetLost: () => setLost(undefined),
    dismiss: setDismissed,
  }
}

/** How far on its way a booking is. */
const stepOf = ({ status }: Booking): number => ['held', 'pending'].indexOf(status) + 1 || 3

/** A list that was asked for before a change may still say `held` of what is confirmed by now. */
const newer = (listed: Booking | undefined, answered: Booking): Booking =>
  listed && stepOf(listed) >= stepOf(answered) ? listed : answered
