import { client, trpc } from '../../api'
import { useText } from '../../i18n'
import { type Payment, PaymentEntry } from '../../payments/payment-entry'
import { PagedList } from '../../ui/lists'
import { usePages } from '../../ui/pages'
import { MinePage } from './shell'

export default function PaymentsPage() {
  const { t } = useText()
  return (
    <MinePage title={t.mine.payments}>
      <Payments />
    </MinePage>
  )
}

function Payments() {
  const { t } = useText()
  const query = usePages([...trpc.payments.list.pathKey(), 'mine'], (cursor) =>
    client.payments.list.query({ as: 'customer', limit: 50, cursor }),
  )
  return (
    <PagedList query={query} empty={t.mine.noPayments}>
      {(payment: Payment) => <PaymentEntry payment={payment} />}
    </PagedList>
  )
}
