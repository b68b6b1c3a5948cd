import type { Booking } from '@coworkspace/client'
import type { ComponentProps, RefObject } from 'react'
import { Link } from 'wouter'
import { dateIn, formatDay, formatMoment, formatMoney, formatPeriod, formatTime } from '../format'
import { useText } from '../i18n'
import { useLeft } from '../online'
import { PATHS } from '../paths'
import { dueOf } from '../payments/due'
import { CalendarButton } from '../ui/calendar-button'
import { Button } from '../ui/controls'
import { useKeptFocus } from '../ui/kept-focus'
import { TimeLeft } from '../ui/time-left'
import { freeNear, type Time } from './use-board'

type HoldPanelProps = {
  booking: Booking
  /** The shown day, which may differ from the booking's day. */
  date: string
  timeZone: string
  busy: boolean
  onBook(): void
  onRelease(): void
  onAgain(): void
  onDismiss(): void
  ref: RefObject<HTMLElement | null>
}

/** The user's hold with its countdown, or the result: booked, requested, expired or declined. */
export function HoldPanel(props: HoldPanelProps) {
  const { booking, date, timeZone, busy, onBook, onRelease, onAgain, onDismiss, ref } = props
  const { t, language } = useText()
  const isHeld = booking.status === 'held'
  const leftMs = useLeft(booking)
  const panel = { ref, ...useKeptFocus(ref) }
  const period = formatPeriod(booking, timeZone, language)
  const day = formatDay(booking.startsAt, timeZone, language)
  const isShown = dateIn(timeZone, new Date(booking.startsAt)) === date
  const close = (
    <Button look="quiet" onClick={onDismiss}>
      {t.state.close}
    </Button>
  )

  if (isHeld && leftMs > 0) {
    return (
      <Panel key="held" {...panel} look="holding">
        <div className="grow">
          <p className="strong">{t.board.you(isShown ? period : `${day}, ${period}`)}</p>
          <p>
            <TimeLeft leftMs={leftMs} />
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
      <Panel key="ended" {...panel} look="ended">
        <div className="grow">
          <p className="strong">{t.board.ended}</p>
          <p>{t.board.endedText}</p>
        </div>
        {close}
        <Button look="main" disabled={busy} onClick={onAgain}>
          {t.board.again}
        </Button>
      </Panel>
    )
  }
  if (booking.status === 'declined') {
    return (
      <Panel key="declined" {...panel} look="ended">
        <div className="grow">
          <p className="strong">{t.board.declined}</p>
          <p>{t.board.declinedText}</p>
        </div>
        {close}
      </Panel>
    )
  }
  if (booking.status === 'confirmed' || booking.status === 'pending') {
    const waits = booking.status === 'pending'
    return (
      <Panel key={booking.status} {...panel} look={waits ? 'holding' : 'mine'}>
        <div className="grow">
          <p className="strong">{waits ? t.board.asked : t.board.booked}</p>
          <p>
            {day}, {period}
          </p>
          {waits && booking.answerBy && (
            <p className="soft">{t.board.answerBy(formatMoment(booking.answerBy, language, timeZone))}</p>
          )}
        </div>
        {close}
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
  times: Time[]
  timeZone: string
  wanted: Time
  busy: boolean
  onPick(time: Time): void
  onDismiss(): void
  ref: RefObject<HTMLElement | null>
}

/** Another user was faster: offers the nearest free times. */
export function LostPanel({ times, timeZone, wanted, busy, onPick, onDismiss, ref }: LostPanelProps) {
  const { t, language } = useText()
  const free = freeNear(times, wanted.startsAt)
  return (
    <Panel ref={ref} look="lost">
      <div className="grow">
        <p className="strong">{t.board.taken}</p>
        <p>{free.length > 0 ? t.board.takenText : t.board.takenNone}</p>
      </div>
      <Button look="quiet" onClick={onDismiss}>
        {t.state.close}
      </Button>
      {free.length > 0 && (
        <ul className="times whole">
          {free.map((time) => (
            <li key={time.id}>
              <Button disabled={busy} onClick={() => onPick(time)}>
                {formatTime(time.startsAt, timeZone, language)}
                {time.priceMinor > 0 && (
                  <span className="price">{formatMoney(time.priceMinor, time.currency, language)}</span>
                )}
              </Button>
            </li>
          ))}
        </ul>
      )}
    </Panel>
  )
}

function Panel({ look, ...rest }: ComponentProps<'section'> & { look: string }) {
  return <section className={`panel ${look}`} tabIndex={-1} {...rest} />
}
