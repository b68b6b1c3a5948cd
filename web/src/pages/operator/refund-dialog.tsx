import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { trpc } from '../../api'
import { OfBooking } from '../../bookings/of-booking'
import { amountField, minorOf, typedAmount } from '../../fields/numbers'
import { formatMoney } from '../../format'
import { useText } from '../../i18n'
import { makeOld } from '../../ui/changes'
import { Button, TextField } from '../../ui/controls'
import { Modal } from '../../ui/dialogs'
import { Form } from '../../ui/forms'
import { say } from '../../ui/toasts'

type Refundable = { bookingId: string; customerName: string; leftMinor: number; currency: string }

/** Refunds all or a part of what is left; hidden if nothing is left. */
export function RefundButton({ of, ...refundable }: Refundable & { of: string }) {
  const { t, language } = useText()
  const [isOpen, setOpen] = useState(false)
  const { leftMinor, currency } = refundable
  if (leftMinor <= 0) return null
  return (
    <>
      <Button look="quiet" of={of} onClick={() => setOpen(true)}>
        {t.operator.refund}
      </Button>
      <Modal
        open={isOpen}
        title={t.operator.refundTitle(formatMoney(leftMinor, currency, language))}
        onClose={() => setOpen(false)}
      >
        <RefundForm {...refundable} onDone={() => setOpen(false)} />
      </Modal>
    </>
  )
}

function RefundForm({
  bookingId,
  customerName,
  leftMinor,
  currency,
  onDone,
}: Refundable & { onDone(): void }) {
  const { t } = useText()
  const [amount, setAmount] = useState(typedAmount(leftMinor, currency))
  const [reason, setReason] = useState('')
  const refund = useMutation(
    trpc.payments.refund.mutationOptions({
      onSuccess() {
        makeOld(trpc.bookings.pathFilter(), trpc.payments.pathFilter())
        say(t.operator.refunded)
        onDone()
      },
    }),
  )
  return (
    <Form
      change={refund}
      action={t.operator.refund}
      onSubmit={() =>
        refund.mutate({
          bookingId,
          amountMinor: minorOf(amount, currency),
          ...(reason.trim() && { reason }),
        })
      }
    >
      <div className="whole">
        <OfBooking bookingId={bookingId} customerName={customerName} />
        <p className="soft">{t.operator.refundText}</p>
      </div>
      <TextField
        label={`${t.operator.amount} (${currency})`}
        {...amountField({ name: 'amountMinor', value: amount, currency, onChange: setAmount })}
        min={typedAmount(1, currency)}
        max={typedAmount(leftMinor, currency)}
      />
      <TextField
        label={t.operator.reason}
        name="reason"
        value={reason}
        onChange={setReason}
        maxLength={500}
      />
    </Form>
  )
}
