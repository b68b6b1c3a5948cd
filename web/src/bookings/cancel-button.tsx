import type { Booking } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { useRef, useState } from 'react'
import { client, trpc } from '../api'
import { formatMoney } from '../format'
import { useText } from '../i18n'
import { markOwn } from '../notifications/own-doing'
import { useSettled } from '../ui/changes'
import { Button } from '../ui/controls'
import { Confirm } from '../ui/dialogs'
import { say } from '../ui/toasts'

/** Cancels a booking, after having said what comes back by its terms: what the server would give back now. */
export function CancelButton({ booking, of }: { booking: Booking; of: string }) {
  const { t, language } = useText()
  const [refundMinor, setRefundMinor] = useState<number>()
  const settled = useSettled(trpc.bookings.pathFilter(), trpc.payments.pathFilter())
  const ask = useMutation({
    mutationFn: () => client.bookings.previewRefund.query({ id: booking.id }),
    onSuccess: ({ amountMinor }) => setRefundMinor(amountMinor),
    onError: settled.onError,
  })
  const isLeaving = useRef(false)
  const close = () => setRefundMinor(undefined)
  const cancel = useMutation(
    trpc.bookings.cancel.mutationOptions({
      onMutate() {
        isLeaving.current = true
        markOwn(booking.id)
      },
      onSuccess() {
        say(t.bookings.cancelled)
        // The news of it may have come first, and taken the dialog along.
        if (document.activeElement === document.body) headingOf()?.focus()
      },
      onError(error) {
        isLeaving.current = false
        settled.onError(error)
      },
      onSettled() {
        close()
        settled.onSettled()
      },
    }),
  )

  function refundText(amountMinor: number): string {
    if (booking.paidMinor - booking.refundedMinor <= 0) return t.bookings.nothingPaid
    if (amountMinor === 0) return t.bookings.noRefund
    const percent = Math.round((amountMinor / booking.paidMinor) * 100)
    return t.bookings.refund(formatMoney(amountMinor, booking.currency, language), percent)
  }

  return (
    <>
      <Button look="quiet" of={of} disabled={ask.isPending} onClick={() => ask.mutate()}>
        {t.bookings.cancel}
      </Button>
      <Confirm
        open={refundMinor !== undefined}
        title={t.bookings.cancelTitle}
        text={refundText(refundMinor ?? 0)}
        action={t.bookings.cancelDo}
        busy={cancel.isPending}
        // It goes to another place of the list, with all its buttons.
        finalFocus={() => !isLeaving.current || headingOf()}
        onConfirm={() => cancel.mutate({ id: booking.id })}
        onClose={close}
      />
    </>
  )
}

const headingOf = () => document.querySelector<HTMLElement>('#content h1')
