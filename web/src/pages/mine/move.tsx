import { type Booking, isRefused, type Slot } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useLocation, useParams } from 'wouter'
import { trpc } from '../../api'
import { BoardView, LiveMark } from '../../board/board-view'
import { DayPicker } from '../../board/day-picker'
import { LostPanel } from '../../board/hold-panel'
import { type DayOf, useBoard, useMine } from '../../board/use-board'
import { useSubject } from '../../bookings/use-subject'
import { dateIn, formatDay, formatPeriod } from '../../format'
import { useText } from '../../i18n'
import { PATHS } from '../../paths'
import { makeOld } from '../../ui/changes'
import { explain, Failed, Loaded, Loading, Only } from '../../ui/states'
import { useTitle } from '../../ui/title'
import { say } from '../../ui/toasts'

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
  const locationId = booking.data?.locationId
  const location = useQuery(
    trpc.locations.byId.queryOptions({ id: locationId ?? '' }, { enabled: !!locationId }),
  )
  return (
    <Loaded query={booking}>
      {(found) => (
        <Loaded query={location}>{({ timeZone }) => <Move booking={found} timeZone={timeZone} />}</Loaded>
      )}
    </Loaded>
  )
}

/** The day on which the same was booked, to choose another time of the same length. */
function Move({ booking, timeZone }: { booking: Booking; timeZone: string }) {
  const { t, language } = useText()
  const [, navigate] = useLocation()
  const { title } = useSubject(booking)
  const [date, setDate] = useState(dateIn(timeZone, new Date(booking.startsAt)))
  const [lost, setLost] = useState<Slot>()
  const { board, live, error } = useBoard(dayOf(booking), date)
  const mine = useMine(board)
  const when = (at: { startsAt: string; endsAt: string }) =>
    `${formatDay(at.startsAt, timeZone, language)}, ${formatPeriod(at, timeZone, language)}`
  const move = useMutation(
    trpc.bookings.reschedule.mutationOptions({
      onSuccess(moved) {
        makeOld(trpc.bookings.pathFilter())
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
          <p className="strong">{title}</p>
          <p className="soft">{t.bookings.moveNow(when(booking))}</p>
        </div>
        {board && <LiveMark live={live} />}
      </div>
      <DayPicker date={date} timeZone={timeZone} onChange={setDate} />
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

const dayOf = ({ specialistId, serviceId, spaceId }: Booking): DayOf =>
  specialistId && serviceId ? { specialistId, serviceId } : { spaceId: spaceId ?? '' }
