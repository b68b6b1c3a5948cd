import type { Booking } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { Link } from 'wouter'
import { trpc } from '../api'
import { serverNow } from '../clock'
import { formatDay, formatMoment, formatMoney, formatPeriod, isLocal } from '../format'
import { useText } from '../i18n'
import { useLeft } from '../online'
import { PayDialog } from '../payments/pay-dialog'
import { ReviewButton } from '../reviews/review-button'
import { CalendarButton } from '../ui/calendar-button'
import { makeOld, useSettled } from '../ui/changes'
import { Button } from '../ui/controls'
import { useKeptFocus } from '../ui/kept-focus'
import { TimeLeft } from '../ui/time-left'
import { CancelButton } from './cancel-button'
import { useSubject } from './use-subject'

const EARLY_MS = 3_600_000

/** A booking of the user with every action that is possible now. */
export function BookingCard({ booking }: { booking: Booking }) {
  const { t, language } = useText()
  const { title, place, timeZone, service, href } = useSubject(booking)
  const [paying, setPaying] = useState(false)
  const card = useRef<HTMLElement>(null)
  const { status, balanceDueMinor } = booking
  // Name the time zone if its clock differs from the device's.
  const zone = !isLocal(booking.startsAt, timeZone) && t.board.timesIn(timeZone.replaceAll('_', ' '))
  const isComing = Date.parse(booking.startsAt) > serverNow()
  const arrival = useMutation(
    trpc.checkIns.checkIn.mutationOptions(useSettled(trpc.checkIns.pathFilter(), trpc.bookings.pathFilter())),
  )
  const stands = status === 'confirmed' || status === 'pending'
  // A seat at an event, which may be deleted by now. Events are not reviewed.
  const isPlace = booking.spaceId === null && booking.specialistId === null
  const owes = balanceDueMinor > 0 && (status === 'confirmed' || status === 'completed')
  return (
    <article ref={card} tabIndex={-1} className={`card booking ${status}`} {...useKeptFocus(card)}>
      <div className="grow">
        <h3>{title}</h3>
        <p>
          {formatDay(booking.startsAt, timeZone, language)}, {formatPeriod(booking, timeZone, language)}
        </p>
        <p className="soft">{[place, zone].filter(Boolean).join(' · ')}</p>
        <p>
          <span className={`tag ${status}`}>{t.bookingStatus[status]}</span> <State booking={booking} />
        </p>
        <Money booking={booking} />
      </div>
      <div className="actions">
        {status === 'held' && href && (
          <Link className="button main" href={href}>
            {t.bookings.goOn}
          </Link>
        )}
        {owes && (
          <Button look="main" onClick={() => setPaying(true)}>
            {t.mine.payRest(formatMoney(balanceDueMinor, booking.currency, language))}
          </Button>
        )}
        {mayArrive(booking) && (
          <Button
            look="main"
            of={title}
            disabled={arrival.isPending}
            onClick={() => arrival.mutate({ bookingId: booking.id })}
          >
            {t.community.checkIn}
          </Button>
        )}
        {status === 'confirmed' && isComing && !booking.eventId && !service?.needsApproval && (
          <Link className="button" href={`/bookings/${booking.id}/move`}>
            {t.bookings.move}
          </Link>
        )}
        {status === 'confirmed' && isComing && (
          <CalendarButton
            of={booking.eventId ? { eventId: booking.eventId } : { bookingId: booking.id }}
            name={title}
          />
        )}
        {stands && isComing && <CancelButton booking={booking} of={title} />}
        {status === 'completed' && !isPlace && <ReviewButton booking={booking} of={title} />}
      </div>
      <PayDialog
        booking={booking}
        timeZone={timeZone}
        open={paying}
        focusAfter={() => card.current}
        onPaid={() => {
          setPaying(false)
          makeOld(trpc.bookings.pathFilter(), trpc.payments.pathFilter())
        }}
        onClose={() => setPaying(false)}
      />
    </article>
  )
}

/** Mirrors the server's rule: once, from an hour before the start until the end. */
function mayArrive({ status, eventId, arrivedAt, startsAt, endsAt }: Booking): boolean {
  const now = serverNow()
  const isTime = Date.parse(startsAt) - EARLY_MS <= now && now < Date.parse(endsAt)
  return status === 'confirmed' && !eventId && !arrivedAt && isTime
}

function State({ booking }: { booking: Booking }) {
  const { t, language } = useText()
  const { status, answerBy, arrivedAt } = booking
  const leftMs = useLeft(booking)
  if (status === 'held') return <TimeLeft leftMs={leftMs} />
  if (status === 'confirmed' && arrivedAt) return t.community.arrived
  if (status === 'pending' && answerBy) return t.board.answerBy(formatMoment(answerBy, language))
  return null
}

function Money({ booking }: { booking: Booking }) {
  const { t, language } = useText()
  const { priceMinor, paidMinor, refundedMinor, balanceDueMinor, currency } = booking
  if (priceMinor === 0) return null
  const money = (minor: number) => formatMoney(minor, currency, language)
  const parts = [
    money(priceMinor),
    paidMinor > 0 && t.mine.paid(money(paidMinor)),
    refundedMinor > 0 && t.mine.back(money(refundedMinor)),
    balanceDueMinor > 0 && t.mine.due(money(balanceDueMinor)),
  ]
  return <p className="soft">{parts.filter(Boolean).join(' · ')}</p>
}
