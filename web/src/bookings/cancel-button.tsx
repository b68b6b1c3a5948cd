import type { Booking, Outputs } from '@coworkspace/client'
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

type Preview = Outputs['bookings']['previewRefund']

type CancelButtonProps = {
  booking: Booking
  of: string
  /** Identifies the booking if it belongs to another user. */
  theirs?: string
}

/** Cancels a booking after showing the refund that the server would make now. */
export function CancelButton({ booking, of, theirs }: CancelButtonProps) {
  const { t, language } = useText()
  const [preview, setPreview] = useState<Preview>()
  const settled = useSettled(trpc.bookings.pathFilter(), trpc.payments.pathFilter())
  const ask = useMutation({
    mutationFn: () => client.bookings.previewRefund.query({ id: booking.id }),
    onSuccess: setPreview,
    onError: settled.onError,
  })
  const isLeaving = useRef(false)
  const close = () => setPreview(undefined)
  const cancel = useMutation(
    trpc.bookings.cancel.mutationOptions({
      onMutate() {
        isLeaving.current = true
        markOwn(booking.id)
      },
      onSuccess() {
        say(t.bookings.cancelled)
        // A socket message may already have removed the dialog.
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

  function refundText({ amountMinor, points }: Preview): string {
    const pointsBack = points > 0 && t.bookings.pointsBack(points)
    if (booking.paidMinor - booking.refundedMinor <= 0)
      return pointsBack || (booking.pointsMinor > 0 ? t.bookings.noRefund : t.bookings.nothingPaid)
    if (amountMinor === 0) return [t.bookings.noRefund, pointsBack].filter(Boolean).join(' ')
    const amount = formatMoney(amountMinor, booking.currency, language)
    const percent = Math.round((amountMinor / booking.paidMinor) * 100)
    const back = theirs ? t.operator.goesBack(amount) : t.bookings.refund(amount, percent)
    return [back, pointsBack].filter(Boolean).join(' ')
  }

  return (
    <>
      <Button look="quiet" of={of} disabled={ask.isPending} onClick={() => ask.mutate()}>
        {t.bookings.cancel}
      </Button>
      <Confirm
        open={preview !== undefined}
        title={t.bookings.cancelTitle}
        text={[theirs, preview && refundText(preview)].filter(Boolean).join(' · ')}
        action={t.bookings.cancelDo}
        busy={cancel.isPending}
        // The card moves to another list together with its buttons.
        finalFocus={() => !isLeaving.current || headingOf()}
        onConfirm={() => cancel.mutate({ id: booking.id })}
        onClose={close}
      />
    </>
  )
}

const headingOf = () => document.querySelector<HTMLElement>('#content h1')
