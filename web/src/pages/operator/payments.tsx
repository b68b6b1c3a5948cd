import type { Outputs } from '@coworkspace/client'
import { client, trpc } from '../../api'
import { formatMoment, formatMoney } from '../../format'
import { useText } from '../../i18n'
import { Entry, PagedList } from '../../ui/lists'
import { usePages } from '../../ui/pages'
import { RefundButton } from './refund-dialog'
import { OperatorPage } from './shell'

type Payment = Outputs['payments']['list']['items'][number]

export default function PaymentsPage() {
  const { t } = useText()
  return (
    <OperatorPage title={t.operator.payments.title}>
      <Payments />
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
  const { t, language } = useText()
  const { bookingId, status, kind, amountMinor, refundedMinor, currency, createdAt } = payment
  const money = (minor: number) => formatMoney(minor, currency, language)
  return (
    <Entry
      className={`booking ${status}`}
      title={money(amountMinor)}
      actions={
        status === 'succeeded' && (
          <RefundButton
            of={formatMoment(createdAt, language)}
            bookingId={bookingId}
            leftMinor={amountMinor - refundedMinor}
            currency={currency}
          />
        )
      }
    >
      <p>
        <span className={`tag ${status}`}>{t.operator.payments.status[status]}</span>{' '}
        {t.operator.payments.kind[kind]}
        {refundedMinor > 0 && ` · ${t.operator.givenBack}: ${money(refundedMinor)}`}
      </p>
      <p className="soft">{formatMoment(createdAt, language)}</p>
    </Entry>
  )
}
