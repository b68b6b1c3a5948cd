import type { Outputs } from '@coworkspace/client'
import type { ReactNode } from 'react'
import { formatMoment, formatMoney } from '../format'
import { useText } from '../i18n'
import { Entry } from '../ui/lists'

export type Payment = Outputs['payments']['list']['items'][number]

/** A payment of a list: how much, how it stands, what of it was given back. */
export function PaymentEntry({ payment, actions }: { payment: Payment; actions?: ReactNode }) {
  const { t, language } = useText()
  const { status, kind, amountMinor, refundedMinor, currency, createdAt } = payment
  const money = (minor: number) => formatMoney(minor, currency, language)
  return (
    <Entry className={`booking ${status}`} title={money(amountMinor)} actions={actions}>
      <p>
        <span className={`tag ${status}`}>{t.operator.payments.status[status]}</span>{' '}
        {t.operator.payments.kind[kind]}
        {refundedMinor > 0 && ` · ${t.operator.givenBack}: ${money(refundedMinor)}`}
      </p>
      <p className="soft">{formatMoment(createdAt, language)}</p>
    </Entry>
  )
}
