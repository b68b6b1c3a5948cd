import type { Slot } from '@coworkspace/client'
import { type ReactNode, useState } from 'react'
import { Link, useLocation, useSearch } from 'wouter'
import { useSignedIn } from '../api'
import { useText } from '../i18n'
import { signInThen } from '../paths'
import { PayDialog } from '../payments/pay-dialog'
import { Failed, Loading } from '../ui/states'
import { BoardView, LiveMark } from './board-view'
import { DayPicker } from './day-picker'
import { HoldPanel, LostPanel } from './hold-panel'
import { type DayOf, useBoard, useMine } from './use-board'
import { useHolding, type Wish } from './use-holding'

type BookATimeProps = {
  dayOf: DayOf
  date: string
  timeZone: string
  onDate(date: string): void
  wishFor(slot: Slot): Wish
  /** Stands beside the day. */
  children?: ReactNode
}

/** A live day, and the way from one of its times to a booking: held, paid for, booked; or lost to somebody else. */
export function BookATime({ dayOf, date, timeZone, onDate, wishFor, children }: BookATimeProps) {
  const { t } = useText()
  const signedIn = useSignedIn()
  const [path, navigate] = useLocation()
  const search = useSearch()
  const [paying, setPaying] = useState(false)
  const { board, live, error } = useBoard(dayOf, date)
  const mine = useMine(board)
  const holding = useHolding(mine)
  const signIn = signInThen(`${path}?${search}`)
  const pick = (slot: Slot) => (signedIn ? holding.hold(slot, wishFor(slot)) : navigate(signIn))

  const { booking, lost } = holding
  return (
    <>
      <DayPicker date={date} timeZone={timeZone} onChange={onDate} />
      <div className="row spread">
        <p className="soft">{t.board.timesIn(timeZone.replaceAll('_', ' '))}</p>
        {board && <LiveMark live={live} />}
        {children}
      </div>
      {error && <Failed error={error} />}
      {!board && !error && <Loading />}
      {board && <BoardView board={board} mine={mine} busy={holding.isBusy} onPick={pick} />}
      {!signedIn && (
        <p className="state">
          <Link className="button main" href={signIn}>
            {t.board.signIn}
          </Link>
        </p>
      )}
      <div className="panels">
        {lost && (
          <LostPanel
            board={board}
            wanted={lost}
            busy={holding.isBusy}
            onPick={pick}
            onDismiss={holding.forgetLost}
          />
        )}
        {booking && !lost && (
          <HoldPanel
            booking={booking}
            timeZone={timeZone}
            busy={holding.isBusy}
            onBook={() => (booking.priceMinor > 0 ? setPaying(true) : holding.book(booking.id))}
            onRelease={() => holding.release(booking.id)}
            onAgain={() => holding.again(booking)}
            onDismiss={() => holding.dismiss(booking.id)}
          />
        )}
      </div>
      {booking && (
        <PayDialog
          booking={booking}
          timeZone={timeZone}
          open={paying && booking.status === 'held'}
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
