import type { Booking, Outputs } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { client, queryClient, trpc } from '../api'
import { formatDay, formatMoney, formatPeriod } from '../format'
import { useText } from '../i18n'
import { Modal } from '../ui/dialogs'
import { explain, Loaded, Loading } from '../ui/states'
import { SANDBOX_KEY, SandboxForm } from './sandbox-form'

const StripeForm = lazy(() => import('./stripe-form'))

export type Intent = Outputs['payments']['createIntent']
/** Pays what an intent asks for, each in its way. */
export type PayFormProps = { intent: Intent; busy: boolean; onPaid(): void }

type PayDialogProps = {
  booking: Booking
  timeZone: string
  open: boolean
  onPaid(booking: Booking): void
  onClose(): void
}

/** Pays for a hold. Whatever the card's bank says, it is the server that says whether it is booked. */
export function PayDialog({ booking, timeZone, open, onPaid, onClose }: PayDialogProps) {
  const { t, language } = useText()
  return (
    <Modal open={open} title={t.pay.title} onClose={onClose}>
      <p>
        {formatDay(booking.startsAt, timeZone, language)}, {formatPeriod(booking, timeZone, language)}
      </p>
      {open && <Pay booking={booking} onPaid={onPaid} />}
    </Modal>
  )
}

function Pay({ booking, onPaid }: Pick<PayDialogProps, 'booking' | 'onPaid'>) {
  const { t, language } = useText()
  const intent = useQuery({
    queryKey: [...trpc.payments.createIntent.mutationKey(), booking.id],
    async queryFn() {
      const begun = await client.payments.createIntent.mutate({ bookingId: booking.id })
      // Beginning to pay has extended the hold.
      void queryClient.invalidateQueries(trpc.bookings.pathFilter())
      return begun
    },
    staleTime: 0,
    gcTime: 0,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  })
  const confirm = useMutation(
    trpc.payments.confirm.mutationOptions({
      onSuccess: ({ booking: paid }) => onPaid(paid),
    }),
  )
  const paid = () => confirm.mutate({ bookingId: booking.id })
  return (
    <Loaded query={intent}>
      {(begun) => (
        <>
          <p className="strong">{formatMoney(begun.amountMinor, begun.currency, language)}</p>
          {begun.publishableKey === SANDBOX_KEY ? (
            <SandboxForm intent={begun} busy={confirm.isPending} onPaid={paid} />
          ) : (
            <Suspense fallback={<Loading />}>
              <StripeForm intent={begun} busy={confirm.isPending} onPaid={paid} />
            </Suspense>
          )}
          {confirm.error && (
            <p className="error" role="alert">
              {explain(confirm.error, t)}
            </p>
          )}
        </>
      )}
    </Loaded>
  )
}
