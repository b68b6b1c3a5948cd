import type { Booking, Outputs } from '@coworkspace/client'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Link } from 'wouter'
import { trpc } from '../api'
import { useSubject } from '../bookings/use-subject'
import { formatDay, formatMoment, formatMoney, formatPeriod } from '../format'
import { useText } from '../i18n'
import { Entry } from '../ui/lists'

export type Payment = Outputs['payments']['list']['items'][number]

/**
 * A payment of a list: for what, how much, how it stands, what of it was given back. It needs nothing but the payment: the
 * booking is asked for here, which its owner may and operators may.
 */
export function PaymentEntry({ payment, actions }: { payment: Payment; actions?: ReactNode }) {
  const { t, language } = useText()
  const { status, kind, amountMinor, refundedMinor, currency, createdAt, bookingId } = payment
  const booking = useQuery(trpc.bookings.byId.queryOptions({ id: bookingId })).data
  const money = (minor: number) => formatMoney(minor, currency, language)
  return (
    <Entry className={`booking ${status}`} title={money(amountMinor)} actions={actions}>
      {booking && <Subject booking={booking} />}
      <p>
        <span className={`tag ${status}`}>{t.operator.payments.status[status]}</span>{' '}
        {t.operator.payments.kind[kind]}
        {refundedMinor > 0 && ` · ${t.operator.givenBack}: ${money(refundedMinor)}`}
      </p>
      <p className="soft">{formatMoment(createdAt, language)}</p>
    </Entry>
  )
}

/** What was paid for, and the way there. */
function Subject({ booking }: { booking: Booking }) {
  const { language } = useText()
  const { title, timeZone, href } = useSubject(booking)
  return (
    <p>
      {href ? <Link href={href}>{title}</Link> : title} · {formatDay(booking.startsAt, timeZone, language)},{' '}
      {formatPeriod(booking, timeZone, language)}
    </p>
  )
}
