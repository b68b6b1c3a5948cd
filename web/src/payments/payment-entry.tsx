import type { Outputs } from '@coworkspace/client'
import type { ReactNode } from 'react'
import { OfBooking } from '../bookings/of-booking'
import { formatMoment, formatMoney } from '../format'
import { useText } from '../i18n'
import { Entry } from '../ui/lists'

export type Payment = Outputs['payments']['list']['items'][number]

type PaymentEntryProps = {
  payment: Payment
  /** The customer's name, in lists of several users' payments. */
  customerName?: string
  actions?: ReactNode
}

export function PaymentEntry({ payment, customerName, actions }: PaymentEntryProps) {
  const { t, language } = useText()
  const { status, kind, amountMinor, refundedMinor, currency, createdAt, bookingId } = payment
  const money = (minor: number) => formatMoney(minor, currency, language)
  return (
    <Entry className={`booking ${status}`} title={money(amountMinor)} actions={actions}>
      <OfBooking bookingId={bookingId} customerName={customerName} />
      <p>
        <span className={`tag ${status}`}>{t.operator.payments.status[status]}</span>{' '}
        {t.operator.payments.kind[kind]}
        {refundedMinor > 0 && ` · ${t.state.named(t.operator.givenBack, money(refundedMinor))}`}
      </p>
      <p className="soft">{formatMoment(createdAt, language)}</p>
    </Entry>
  )
}
