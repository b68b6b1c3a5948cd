import { type Booking, isRefused, type Slot, type Space } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation, useParams } from 'wouter'
import { queryClient, trpc } from '../api'
import { BoardView, LiveMark } from '../board/board-view'
import { DayPicker } from '../board/day-picker'
import { LostPanel } from '../board/hold-panel'
import { useBoard, useMine } from '../board/use-board'
import { dateIn, formatDay, formatPeriod } from '../format'
import { useText } from '../i18n'
import { PATHS } from '../paths'
import { explain, Failed, Loaded, Loading, Only } from '../ui/states'
import { useTitle } from '../ui/title'
import { say } from '../ui/toasts'

export default function MovePage() {
  const { t } = useText()
  useTitle(t.bookings.moveTitle)
  return (
    <>
      <h1>{t.bookings.moveTitle}</h1>
      <Only>
        <Found />
      </Only>
    </>
  )
}

function Found() {
  const { id = '' } = useParams()
  const booking = useQuery(trpc.bookings.byId.queryOptions({ id }))
  const spaceId = booking.data?.spaceId
  const space = useQuery(trpc.spaces.byId.queryOptions({ id: spaceId ?? '' }, { enabled: !!spaceId }))
  return (
    <Loaded query={booking}>
      {(found) => <Loaded query={space}>{(place) => <Move booking={found} space={place} />}</Loaded>}
    </Loaded>
  )
}

/** The board of the same space, on which another time of the same length is chosen. */
function Move({ booking, space }: { booking: Booking; space: Space }) {
  const { t, language } = useText()
  const [, navigate] = useLocation()
  const [date, setDate] = useState(dateIn(space.timeZone, new Date(booking.startsAt)))
  const [lost, setLost] = useState<Slot>()
  const { board, live, error } = useBoard({ spaceId: space.id }, date)
  const mine = useMine(board)
  const when = (at: { startsAt: string; endsAt: string }) =>
    `${formatDay(at.startsAt, space.timeZone, language)}, ${formatPeriod(at, space.timeZone, language)}`
  const move = useMutation(
    trpc.bookings.reschedule.mutationOptions({
      onSuccess(moved) {
        void queryClient.invalidateQueries(trpc.bookings.pathFilter())
        say(t.bookings.moved(when(moved)))
        navigate(PATHS.bookings)
      },
    }),
  )
  const pick = (slot: Slot) => {
    setLost(undefined)
    move.mutate(
      { id: booking.id, startsAt: slot.startsAt },
      {
        onError: (refusal) => (isRefused(refusal, 'SLOT_TAKEN') ? setLost(slot) : say(explain(refusal, t))),
      },
    )
  }
  return (
    <>
      <div className="row spread top">
        <div>
          <p className="strong">{space.name}</p>
          <p className="soft">{t.bookings.moveNow(when(booking))}</p>
        </div>
        {board && <LiveMark live={live} />}
      </div>
      <DayPicker date={date} timeZone={space.timeZone} onChange={setDate} />
      {error && <Failed error={error} />}
      {!board && !error && <Loading />}
      {board && <BoardView board={board} mine={mine} busy={move.isPending} onPick={pick} />}
      <div className="panels">
        {lost && (
          <LostPanel
            board={board}
            wanted={lost}
            busy={move.isPending}
            onPick={pick}
            onDismiss={() => setLost(undefined)}
          />
        )}
      </div>
    </>
  )
}
