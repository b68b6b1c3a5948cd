import type { Booking } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { type ComponentProps, type ReactNode, useRef, useState } from 'react'
import { Link } from 'wouter'
import { trpc, useSignedIn } from '../api'
import { serverNow } from '../clock'
import { formatDay, formatMoney, formatPeriod } from '../format'
import { useText } from '../i18n'
import { useLeft } from '../online'
import { signInThen } from '../paths'
import { dueOf } from '../payments/due'
import { PayDialog } from '../payments/pay-dialog'
import { CalendarButton } from '../ui/calendar-button'
import { makeOld, useSettled } from '../ui/changes'
import { Button } from '../ui/controls'
import { AskButton } from '../ui/dialogs'
import { useKeptFocus } from '../ui/kept-focus'
import { Countdown } from '../ui/time-left'
import type { Meeting } from './event-form'

type EventProps = { event: Meeting; timeZone: string }

/** An event and what the user can do about their own seat. */
export function EventCard({ event, timeZone, title }: EventProps & { title?: ReactNode }) {
  const { t, language } = useText()
  const { text, capacity, attending, held, waiting, priceMinor, currency, mine } = event
  const card = useRef<HTMLElement>(null)
  return (
    <article
      ref={card}
      tabIndex={-1}
      className={mine ? `card booking ${mine === 'attending' ? 'confirmed' : 'held'}` : 'card booking'}
      {...useKeptFocus(card)}
    >
      <div className="grow">
        {title}
        <p>
          {formatDay(event.startsAt, timeZone, language)}, {formatPeriod(event, timeZone, language)}
        </p>
        {text && <p className="soft lines-kept">{text}</p>}
        <p className="soft">
          {t.community.attending(attending + held, capacity)}
          {waiting > 0 && ` · ${t.community.waiting(waiting)}`}
          {` · ${priceMinor > 0 ? formatMoney(priceMinor, currency, language) : t.home.free}`}
        </p>
        {mine && <p className="strong">{t.community.mine[mine]}</p>}
      </div>
      <div className="actions">
        {mine === 'attending' && <CalendarButton of={{ eventId: event.id }} name={event.title} />}
        <MyPlace event={event} timeZone={timeZone} focusAfter={() => card.current} />
      </div>
    </article>
  )
}

type MyPlaceProps = EventProps & Pick<ComponentProps<typeof PayDialog>, 'focusAfter'>

function MyPlace({ event, timeZone, focusAfter }: MyPlaceProps) {
  const { t, language } = useText()
  const signedIn = useSignedIn()
  const settled = useSettled(trpc.events.pathFilter(), trpc.bookings.pathFilter())
  const attend = useMutation(trpc.events.attend.mutationOptions(settled))
  const leave = useMutation(trpc.events.leave.mutationOptions(settled))
  const { id, title, capacity, attending, held, priceMinor, currency, mine, bookingId } = event
  const isFull = capacity !== null && attending + held >= capacity
  if (Date.parse(event.endsAt) <= serverNow()) return <p className="soft">{t.board.status.past}</p>
  if (!signedIn)
    return (
      <Link className="button" href={signInThen(`/events/${id}`)}>
        {t.community.signIn}
      </Link>
    )
  if (!mine)
    return (
      <Button
        look="main"
        of={title}
        disabled={attend.isPending}
        onClick={() => attend.mutate({ id, ...(isFull && { wait: true }) })}
      >
        {isFull
          ? t.community.wait
          : priceMinor > 0
            ? t.community.takePlace(formatMoney(priceMinor, currency, language))
            : t.community.attend}
      </Button>
    )
  if (mine === 'held' && bookingId)
    return (
      <>
        <Button of={title} look="quiet" disabled={leave.isPending} onClick={() => leave.mutate({ id })}>
          {t.board.release}
        </Button>
        <PayForPlace bookingId={bookingId} timeZone={timeZone} focusAfter={focusAfter} />
      </>
    )
  return bookingId ? (
    <LeavePaid title={title} bookingId={bookingId} onConfirm={() => leave.mutateAsync({ id })} />
  ) : (
    <Button look="quiet" of={title} disabled={leave.isPending} onClick={() => leave.mutate({ id })}>
      {t.community.leave}
    </Button>
  )
}

/** A seat with a price is a held booking and is paid like any other. */
function PayForPlace({ bookingId, ...rest }: Omit<PayForHeldProps, 'booking'> & { bookingId: string }) {
  const booking = useQuery(trpc.bookings.byId.queryOptions({ id: bookingId })).data
  return booking?.status === 'held' && <PayForHeld booking={booking} {...rest} />
}

type PayForHeldProps = Omit<MyPlaceProps, 'event'> & { booking: Booking }

function PayForHeld({ booking, timeZone, focusAfter }: PayForHeldProps) {
  const { t, language } = useText()
  const [paying, setPaying] = useState(false)
  const leftMs = useLeft(booking)
  return (
    <>
      <Button look="main" disabled={leftMs === 0} onClick={() => setPaying(true)}>
        {t.pay.go(formatMoney(dueOf(booking), booking.currency, language))}
        <Countdown leftMs={leftMs} />
      </Button>
      <PayDialog
        booking={booking}
        timeZone={timeZone}
        open={paying}
        focusAfter={focusAfter}
        onPaid={() => {
          setPaying(false)
          makeOld(trpc.events.pathFilter(), trpc.bookings.pathFilter())
        }}
        onClose={() => setPaying(false)}
      />
    </>
  )
}

type LeavePaidProps = { title: string; bookingId: string; onConfirm(): Promise<unknown> }

function LeavePaid({ title, bookingId, onConfirm }: LeavePaidProps) {
  const { t, language } = useText()
  const preview = useQuery(trpc.bookings.previewRefund.queryOptions({ id: bookingId })).data
  const back = preview && preview.amountMinor > 0
  return (
    <AskButton
      of={title}
      title={t.community.leaveTitle(title)}
      text={
        back
          ? t.community.comesBack(formatMoney(preview.amountMinor, preview.currency, language))
          : t.bookings.noRefund
      }
      action={t.community.leave}
      onConfirm={onConfirm}
    >
      {t.community.leave}
    </AskButton>
  )
}
