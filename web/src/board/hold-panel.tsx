import type { Board, Booking, Slot } from '@coworkspace/client'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { formatCountdown, formatDay, formatMoment, formatMoney, formatPeriod, formatTime } from '../format'
import { useText } from '../i18n'
import { useNow } from '../online'
import { PATHS } from '../paths'
import { dueOf } from '../payments/due'
import { CalendarButton } from '../ui/calendar-button'
import { Button } from '../ui/controls'
import { freeNear } from './use-board'

type HoldPanelProps = {
  booking: Booking
  timeZone: string
  busy: boolean
  onBook(): void
  onRelease(): void
  onAgain(): void
  onDismiss(): void
}

/** What one holds and for how much longer, and what became of it. */
export function HoldPanel(props: HoldPanelProps) {
  const { booking, timeZone, busy, onBook, onRelease, onAgain, onDismiss } = props
  const { t, language } = useText()
  const isHeld = booking.status === 'held'
  const now = useNow(isHeld)
  const leftMs = booking.holdExpiresAt ? Date.parse(booking.holdExpiresAt) - now : 0
  const period = formatPeriod(booking, timeZone, language)

  if (isHeld && leftMs > 0) {
    return (
      <Panel look="holding">
        <div className="grow">
          <p className="strong">{t.board.you(period)}</p>
          <p>
            <span className="countdown" role="timer">
              {formatCountdown(leftMs)}
            </span>{' '}
            {t.board.until}
          </p>
        </div>
        <Button look="quiet" disabled={busy} onClick={onRelease}>
          {t.board.release}
        </Button>
        <Button look="main" disabled={busy} onClick={onBook}>
          {booking.priceMinor > 0
            ? t.pay.go(formatMoney(dueOf(booking), booking.currency, language))
            : t.board.book}
        </Button>
      </Panel>
    )
  }
  if (isHeld || booking.status === 'expired') {
    return (
      <Panel look="ended">
        <div className="grow">
          <p className="strong">{t.board.ended}</p>
          <p>{t.board.endedText}</p>
        </div>
        <Button look="quiet" onClick={onDismiss}>
          {t.state.close}
        </Button>
        <Button look="main" disabled={busy} onClick={onAgain}>
          {t.board.again}
        </Button>
      </Panel>
    )
  }
  if (booking.status === 'declined') {
    return (
      <Panel look="ended">
        <div className="grow">
          <p className="strong">{t.board.declined}</p>
          <p>{t.board.declinedText}</p>
        </div>
        <Button look="quiet" onClick={onDismiss}>
          {t.state.close}
        </Button>
      </Panel>
    )
  }
  if (booking.status === 'confirmed' || booking.status === 'pending') {
    const waits = booking.status === 'pending'
    return (
      <Panel look={waits ? 'holding' : 'mine'}>
        <div className="grow">
          <p className="strong">{waits ? t.board.asked : t.board.booked}</p>
          <p>
            {formatDay(booking.startsAt, timeZone, language)}, {period}
          </p>
          {waits && booking.answerBy && (
            <p className="soft">{t.board.answerBy(formatMoment(booking.answerBy, language, timeZone))}</p>
          )}
        </div>
        {!waits && <CalendarButton of={{ bookingId: booking.id }} name={period} />}
        <Link className="button main" href={PATHS.bookings}>
          {t.board.seeBookings}
        </Link>
      </Panel>
    )
  }
  return null
}

type LostPanelProps = {
  board: Board | undefined
  wanted: Slot
  busy: boolean
  onPick(slot: Slot): void
  onDismiss(): void
}

/** Somebody else was faster: what is still free, nearest first, one touch away. */
export function LostPanel({ board, wanted, busy, onPick, onDismiss }: LostPanelProps) {
  const { t, language } = useText()
  const free = freeNear(board, wanted.startsAt)
  return (
    <Panel look="lost">
      <div className="grow">
        <p className="strong">{t.board.taken}</p>
        <p>{free.length > 0 ? t.board.takenText : t.board.takenNone}</p>
      </div>
      {board &&
        free.map((slot) => (
          <Button key={slot.id} disabled={busy} onClick={() => onPick(slot)}>
            {formatTime(slot.startsAt, board.timeZone, language)}
          </Button>
        ))}
      <Button look="quiet" onClick={onDismiss}>
        {t.state.close}
      </Button>
    </Panel>
  )
}

function Panel({ look, children }: { look: string; children: ReactNode }) {
  return (
    <section className={`panel ${look}`} aria-live="polite">
      {children}
    </section>
  )
}
