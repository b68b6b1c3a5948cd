import { type Board, type Booking, isRefused } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { useLocation, useParams } from 'wouter'
import { trpc } from '../../api'
import { BoardView, LiveMark } from '../../board/board-view'
import { DayPicker } from '../../board/day-picker'
import { LostPanel } from '../../board/hold-panel'
import { type DayOf, type Time, timesOf, useBoard, useMine, useWithout } from '../../board/use-board'
import { WaitForBoard } from '../../board/wait-for-board'
import { useSubject } from '../../bookings/use-subject'
import { dateIn, formatDay, formatPeriod } from '../../format'
import { useText } from '../../i18n'
import { markOwn } from '../../notifications/own-doing'
import { useOnline } from '../../online'
import { PATHS } from '../../paths'
import { makeOld } from '../../ui/changes'
import { Confirm } from '../../ui/dialogs'
import { explain, Failed, Loaded, Only } from '../../ui/states'
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

/** Chooses another time of the same length, starting at the booking's day. */
function Move({ booking, timeZone }: { booking: Booking; timeZone: string }) {
  const { t, language } = useText()
  const [, navigate] = useLocation()
  const { title } = useSubject(booking)
  const [date, setDate] = useState(dateIn(timeZone, new Date(booking.startsAt)))
  const online = useOnline()
  const [asked, setAsked] = useState<Time>()
  const [lost, setLost] = useState<Time>()
  const panel = useRef<HTMLElement>(null)
  const { board, live, error, ask } = useBoard(dayOf(booking), date)
  const mine = useMine(board).filter(({ id }) => id !== booking.id)
  const without = useWithout(booking.id, dayOf(booking), board)
  const times = without
    ? timesOf(without, { mine, length: lengthOf(booking, without) }).map((time) => asItIs(time, booking))
    : []
  const when = (at: { startsAt: string; endsAt: string }) =>
    `${formatDay(at.startsAt, timeZone, language)}, ${formatPeriod(at, timeZone, language)}`
  const move = useMutation(
    trpc.bookings.reschedule.mutationOptions({
      onMutate: () => markOwn(booking.id),
      onSuccess(moved) {
        makeOld(trpc.bookings.pathFilter())
        say(t.bookings.moved(when(moved)))
        navigate(PATHS.bookings)
      },
    }),
  )
  const moveTo = (time: Time) => {
    setLost(undefined)
    move.mutate(
      { id: booking.id, startsAt: time.startsAt },
      {
        onError: (refusal) => (isRefused(refusal, 'SLOT_TAKEN') ? setLost(time) : say(explain(refusal, t))),
        onSettled: () => setAsked(undefined),
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
      {!without && !error && <WaitForBoard key={date} ask={ask} />}
      {without && (
        <BoardView board={without} times={times} busy={move.isPending || !online} onPick={setAsked} />
      )}
      <div className="panels" aria-live="polite">
        {lost && (
          <LostPanel
            ref={panel}
            times={times}
            timeZone={timeZone}
            wanted={lost}
            busy={move.isPending || !online}
            onPick={setAsked}
            onDismiss={() => setLost(undefined)}
          />
        )}
      </div>
      <Confirm
        open={asked !== undefined}
        title={t.bookings.moveTitle}
        text={asked ? t.bookings.moveAsk(when(asked)) : ''}
        action={t.bookings.moveDo}
        look="main"
        busy={move.isPending}
        onConfirm={() => asked && moveTo(asked)}
        onClose={() => setAsked(undefined)}
      />
    </>
  )
}

const dayOf = ({ specialistId, serviceId, spaceId }: Booking): DayOf =>
  specialistId && serviceId ? { specialistId, serviceId } : { spaceId: spaceId ?? '' }

/** The present time is not a choice. */
const asItIs = (time: Time, { startsAt }: Booking): Time =>
  time.startsAt === startsAt ? { ...time, look: 'mine', isFree: false } : time

/** Number of consecutive slots of the booking. */
function lengthOf({ startsAt, endsAt }: Booking, { slots: [first] }: Board): number {
  const ms = (span: { startsAt: string; endsAt: string }) =>
    Date.parse(span.endsAt) - Date.parse(span.startsAt)
  return first ? Math.max(1, Math.round(ms({ startsAt, endsAt }) / ms(first))) : 1
}
