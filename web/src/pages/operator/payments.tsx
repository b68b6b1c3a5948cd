import type { Outputs } from '@coworkspace/client'
import { useState } from 'react'
import { client, trpc } from '../../api'
import { OfBooking } from '../../bookings/of-booking'
import { formatMoment, formatMoney } from '../../format'
import { useText } from '../../i18n'
import { type Payment, PaymentEntry } from '../../payments/payment-entry'
import { Choice, optionsOf } from '../../ui/controls'
import { Entry, PagedList } from '../../ui/lists'
import { usePages } from '../../ui/pages'
import { RefundButton } from './refund-dialog'
import { OperatorPage } from './shell'

type Refund = Outputs['payments']['refunds']['items'][number]
type Shown = 'payments' | 'refunds'

export default function PaymentsPage() {
  const { t } = useText()
  const [shown, setShown] = useState<Shown>('payments')
  return (
    <OperatorPage title={t.operator.payments.title}>
      <div className="row filters">
        <Choice<Shown>
          label={t.operator.payments.which}
          value={shown}
          onChange={setShown}
          options={optionsOf(t.operator.payments.shown)}
        />
      </div>
      {shown === 'payments' ? <Payments /> : <Refunds />}
    </OperatorPage>
  )
}

function Payments() {
  const { t } = useText()
  const query = usePages(trpc.payments.list.pathKey(), (cursor) =>
    client.payments.list.query({ limit: 50, cursor }),
  )
  return (
    <PagedList query={query} empty={t.operator.payments.empty}>
      {(payment) => <PaymentLine payment={payment} />}
    </PagedList>
  )
}

function PaymentLine({ payment }: { payment: Payment }) {
  const { language } = useText()
  const { bookingId, customerName, status, amountMinor, refundedMinor, currency, createdAt } = payment
  return (
    <PaymentEntry
      payment={payment}
      customerName={customerName}
      actions={
        status === 'succeeded' && (
          <RefundButton
            of={`${customerName}, ${formatMoment(createdAt, language)}`}
            bookingId={bookingId}
            customerName={customerName}
            leftMinor={amountMinor - refundedMinor}
            currency={currency}
          />
        )
      }
    />
  )
}

function Refunds() {
  const { t } = useText()
  const query = usePages(trpc.payments.refunds.pathKey(), (cursor) =>
    client.payments.refunds.query({ limit: 50, cursor }),
  )
  return (
    <PagedList query={query} empty={t.operator.payments.noRefunds}>
      {(refund) => <RefundLine refund={refund} />}
    </PagedList>
  )
}

function RefundLine({ refund }: { refund: Refund }) {
  const { t, language } = useText()
  const { bookingId, customerName, status, amountMinor, currency, reason, failureCode, createdAt } = refund
  return (
    <Entry className={`booking ${status}`} title={formatMoney(amountMinor, currency, language)}>
      <OfBooking bookingId={bookingId} customerName={customerName} />
      <p>
        <span className={`tag ${status}`}>{t.operator.payments.refundStatus[status]}</span> {reason}
      </p>
      {failureCode && <p className="error">{t.operator.payments.why(failureCode)}</p>}
      <p className="soft">{formatMoment(createdAt, language)}</p>
    </Entry>
  )
}
