import type { Booking, Outputs } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { lazy, Suspense } from 'react'
import { client, queryClient, trpc } from '../api'
import { formatDay, formatMoney, formatPeriod } from '../format'
import { useText } from '../i18n'
import { makeOld } from '../ui/changes'
import { Button } from '../ui/controls'
import { Modal } from '../ui/dialogs'
import { explain, Loaded, Loading } from '../ui/states'
import { SANDBOX_KEY, SandboxForm } from './sandbox-form'

const StripeForm = lazy(() => import('./stripe-form'))

type Intent = Outputs['payments']['createIntent']
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
  const intentKey = [...trpc.payments.createIntent.mutationKey(), booking.id]
  const intent = useQuery({
    queryKey: intentKey,
    async queryFn() {
      const begun = await client.payments.createIntent.mutate({ bookingId: booking.id })
      // Beginning to pay has extended the hold.
      makeOld(trpc.bookings.pathFilter())
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
          {booking.status === 'held' && (
            <Points
              intent={begun}
              bookingId={booking.id}
              onIntent={(changed) => queryClient.setQueryData(intentKey, changed)}
              onPaid={onPaid}
            />
          )}
          {begun.publishableKey === SANDBOX_KEY ? (
            <SandboxForm key={begun.clientSecret} intent={begun} busy={confirm.isPending} onPaid={paid} />
          ) : (
            <Suspense fallback={<Loading />}>
              <StripeForm key={begun.clientSecret} intent={begun} busy={confirm.isPending} onPaid={paid} />
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

type PointsProps = {
  intent: Intent
  bookingId: string
  /** Less is to be paid now, or all of it again. */
  onIntent(intent: Intent): void
  onPaid(booking: Booking): void
}

/** Pays with one's points, as far as they go, and then books at once; or takes them back. */
function Points({ intent, bookingId, onIntent, onPaid }: PointsProps) {
  const { t, language } = useText()
  const { redeemedPoints, pointsMinor, currency } = intent
  const loyalty = useQuery(trpc.loyalty.mine.queryOptions({ limit: 1 }, { staleTime: 0 })).data
  const redeem = useMutation({
    mutationFn: (redeemPoints: number) => client.payments.createIntent.mutate({ bookingId, redeemPoints }),
    async onSuccess(changed) {
      makeOld(trpc.bookings.pathFilter(), trpc.loyalty.pathFilter())
      if (changed.amountMinor > 0) onIntent(changed)
      else onPaid(await client.bookings.byId.query({ id: bookingId }))
    },
  })
  const points = loyalty?.points ?? 0
  return (
    <>
      {redeemedPoints > 0 ? (
        <div className="row spread">
          <p>{t.mine.pointsPay(redeemedPoints, formatMoney(pointsMinor, currency, language))}</p>
          <Button look="quiet" disabled={redeem.isPending} onClick={() => redeem.mutate(0)}>
            {t.mine.keepPoints}
          </Button>
        </div>
      ) : (
        points > 0 && (
          <div className="row">
            <Button disabled={redeem.isPending} onClick={() => redeem.mutate(points)}>
              {t.mine.payWithPoints(points)}
            </Button>
            <span className="soft">{t.mine.pointsText}</span>
          </div>
        )
      )}
      {redeem.error && (
        <p className="error" role="alert">
          {explain(redeem.error, t)}
        </p>
      )}
    </>
  )
}
