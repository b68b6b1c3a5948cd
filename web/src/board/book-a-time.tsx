import type { Booking } from '@coworkspace/client'
import { type ReactNode, useEffect, useRef, useState } from 'react'
import { Link, useLocation, useSearch } from 'wouter'
import { useSignedIn } from '../api'
import { useText } from '../i18n'
import { useOnline } from '../online'
import { signInThen } from '../paths'
import { PayDialog } from '../payments/pay-dialog'
import { Failed } from '../ui/states'
import { BoardView, LiveMark } from './board-view'
import { DayPicker } from './day-picker'
import { HoldPanel, LostPanel } from './hold-panel'
import { NextFreeDay } from './next-free-day'
import { type DayOf, type Time, timesOf, useBoard, useMine } from './use-board'
import { useHolding, type Wish } from './use-holding'
import { WaitForBoard } from './wait-for-board'

type BookATimeProps = {
  dayOf: DayOf
  date: string
  timeZone: string
  /** Number of consecutive slots; 1 by default. */
  length?: number
  onDate(date: string): void
  wishFor(time: Time): Wish
  /** More fields beside the day picker. */
  children?: ReactNode
}

/** A live board and the whole booking flow: hold, pay, booked, or lost to another user. */
export function BookATime({ dayOf, date, timeZone, length = 1, onDate, wishFor, children }: BookATimeProps) {
  const { t } = useText()
  const signedIn = useSignedIn()
  const online = useOnline()
  const [path, navigate] = useLocation()
  const search = useSearch()
  const [paying, setPaying] = useState(false)
  const { board, live, error, ask } = useBoard(dayOf, date)
  const mine = useMine(board)
  const holding = useHolding(mine, new URLSearchParams(search).get('booking'))
  const { booking, lost, turn } = holding
  const times = board ? timesOf(board, { mine, length }) : []
  const panel = useRef<HTMLElement>(null)
  const signIn = signInThen(`${path}?${search}`)
  const wanted = new URLSearchParams(search).get('hold')
  const busy = holding.isBusy || !online

  // Move the focus to the result of the user's own action.
  useEffect(() => {
    if (turn > 0) panel.current?.focus()
  }, [turn])

  // Holds the slot that the user chose before signing in, once.
  const isThere = board !== undefined
  // biome-ignore lint/correctness/useExhaustiveDependencies: waits for the board and the user
  useEffect(() => {
    if (!signedIn || !wanted || !isThere) return
    const isMeant = wanted === chosenBefore
    chosenBefore = undefined
    navigate(`${path}?${withHold(search, undefined)}`, { replace: true })
    const time = times.find(({ startsAt }) => startsAt === wanted)
    if (isMeant && time && (time.isFree || time.look === 'held' || time.look === 'booked')) pick(time)
  }, [signedIn, wanted, isThere])

  function signInFor({ startsAt }: Time): void {
    chosenBefore = startsAt
    navigate(signInThen(`${path}?${withHold(search, startsAt)}`))
  }
  function pick(time: Time): void {
    if (!signedIn) signInFor(time)
    else if (time.look !== 'holding' || !holding.resume(time)) holding.hold(time, wishFor(time))
  }
  const slotOf = ({ startsAt }: Booking) => document.querySelector<HTMLElement>(`[data-slot="${startsAt}"]`)

  return (
    <>
      <DayPicker date={date} timeZone={timeZone} onChange={onDate}>
        {children}
      </DayPicker>
      <div className="row spread">
        <p className="soft">{t.board.timesIn(timeZone.replaceAll('_', ' '))}</p>
        {board && <LiveMark live={live} />}
      </div>
      {error && <Failed error={error} />}
      {!board && !error && <WaitForBoard key={date} ask={ask} />}
      {board && (
        <BoardView board={board} times={times} busy={busy} asked={holding.asked} onPick={pick}>
          <NextFreeDay dayOf={dayOf} date={date} length={length} onDate={onDate} />
        </BoardView>
      )}
      {!signedIn && (
        <p className="state">
          <Link className="button main" href={signIn}>
            {t.board.signIn}
          </Link>
        </p>
      )}
      <div className="panels" aria-live="polite">
        {lost && (
          <LostPanel
            ref={panel}
            times={times}
            timeZone={timeZone}
            wanted={lost}
            busy={busy}
            onPick={pick}
            onDismiss={holding.forgetLost}
          />
        )}
        {booking && !lost && (
          <HoldPanel
            ref={panel}
            booking={booking}
            date={date}
            timeZone={timeZone}
            busy={busy}
            onBook={() => (booking.priceMinor > 0 ? setPaying(true) : holding.book(booking.id))}
            onRelease={() => holding.release(booking, () => slotOf(booking)?.focus())}
            onAgain={() => holding.again(booking)}
            onDismiss={() => {
              holding.dismiss(booking.id)
              slotOf(booking)?.focus()
            }}
          />
        )}
      </div>
      {booking && (
        <PayDialog
          booking={booking}
          timeZone={timeZone}
          open={paying && booking.status === 'held'}
          focusAfter={() => booking.status === 'held' && panel.current}
          onPaid={(paid) => {
            setPaying(false)
            holding.follow(paid)
          }}
          onClose={() => setPaying(false)}
        />
      )}
    </>
  )
}

/** The slot chosen in this tab before signing in. A link with `?hold=` alone must not hold anything. */
let chosenBefore: string | undefined

function withHold(search: string, startsAt: string | undefined): URLSearchParams {
  const address = new URLSearchParams(search)
  if (startsAt) address.set('hold', startsAt)
  else address.delete('hold')
  return address
}
