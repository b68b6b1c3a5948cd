import { client, trpc } from '../../api'
import { formatMoment } from '../../format'
import { useText } from '../../i18n'
import { type Payment, PaymentEntry } from '../../payments/payment-entry'
import { PagedList } from '../../ui/lists'
import { usePages } from '../../ui/pages'
import { RefundButton } from './refund-dialog'
import { OperatorPage } from './shell'

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
  const { language } = useText()
  const { bookingId, status, amountMinor, refundedMinor, currency, createdAt } = payment
  return (
    <PaymentEntry
      payment={payment}
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
    />
  )
}
