import { type Booking, isRefused } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { lazy, Suspense, useEffect, useRef, useState } from 'react'
import { client, queryClient, trpc } from '../api'
import { Terms } from '../bookings/terms'
import { useSubject } from '../bookings/use-subject'
import { formatDay, formatMoney, formatPeriod } from '../format'
import { useText } from '../i18n'
import { markOwn } from '../notifications/own-doing'
import { useLeft } from '../online'
import { makeOld } from '../ui/changes'
import { Button } from '../ui/controls'
import { Modal } from '../ui/dialogs'
import { explain, Loaded, Loading } from '../ui/states'
import { TimeLeft } from '../ui/time-left'
import type { Intent } from './pay-form'
import { SANDBOX_KEY, SandboxForm } from './sandbox-form'

const StripeForm = lazy(() => import('./stripe-form'))

type PayDialogProps = {
  booking: Booking
  timeZone: string
  open: boolean
  /** Focus after a payment, or once it is no longer possible; false if the focus is already set. */
  focusAfter?: () => HTMLElement | null | false
  onPaid(booking: Booking): void
  onClose(): void
}

/**
 * Pays for a hold until it expires, or pays the balance of a booking. The server decides whether the booking is
 * confirmed, regardless of the card form's result.
 */
export function PayDialog({ booking, timeZone, open, focusAfter, onPaid, onClose }: PayDialogProps) {
  const { t } = useText()
  const leftMs = useLeft(booking)
  const isHeld = booking.status === 'held'
  const isOver = isHeld && leftMs === 0
  const isPaid = useRef(false)
  const mayStillPay = () => (isHeld ? !isOver : !isPaid.current && booking.balanceDueMinor > 0)
  useEffect(() => {
    if (open && isOver) onClose()
  }, [open, isOver, onClose])
  return (
    <Modal
      open={open && !isOver}
      title={isHeld ? t.pay.title : t.pay.rest}
      // On a plain close, the focus returns to the button that opened the dialog.
      finalFocus={() => mayStillPay() || (focusAfter?.() ?? true)}
      onClose={onClose}
    >
      {open && (
        <Pay
          booking={booking}
          timeZone={timeZone}
          leftMs={leftMs}
          onPaid={(paid) => {
            isPaid.current = true
            onPaid(paid)
          }}
        />
      )}
    </Modal>
  )
}

type PayProps = Pick<PayDialogProps, 'booking' | 'timeZone' | 'onPaid'> & { leftMs: number }

function Pay({ booking, timeZone, leftMs, onPaid }: PayProps) {
  const { t, language } = useText()
  const { title } = useSubject(booking)
  const [isUnknown, setUnknown] = useState(false)
  // Keyed apart from payments, which socket messages refetch: each request extends the hold.
  const intentKey = ['intent', booking.id]
  const intent = useQuery({
    queryKey: intentKey,
    async queryFn() {
      const begun = await client.payments.createIntent.mutate({ bookingId: booking.id })
      // Starting the payment has extended the hold.
      makeOld(trpc.bookings.pathFilter())
      return begun
    },
    staleTime: 0,
    gcTime: 0,
    refetchOnWindowFocus: false,
    refetchOnReconnect: false,
  })
  const look = useMutation(
    trpc.payments.confirm.mutationOptions({
      onMutate: () => markOwn(booking.id),
      onSuccess({ booking: now, payment }) {
        if (payment.status === 'succeeded') onPaid(now)
        else setUnknown(true)
      },
      onError: (error) => setUnknown(!isUnpaid(error)),
    }),
  )
  const lookAgain = () => look.mutate({ bookingId: booking.id })
  return (
    <>
      <div>
        <p className="strong">{title}</p>
        <p>
          {formatDay(booking.startsAt, timeZone, language)}, {formatPeriod(booking, timeZone, language)}
        </p>
        {booking.status === 'held' && (
          <p>
            <TimeLeft leftMs={leftMs} />
          </p>
        )}
      </div>
      <Loaded query={intent}>
        {(begun) => (
          <>
            <div>
              <p className="strong">{formatMoney(begun.amountMinor, begun.currency, language)}</p>
              {booking.status === 'held' && <Terms of={booking} />}
            </div>
            {/* Hidden instead of unmounted, to keep the typed card. */}
            <div className="pay" hidden={isUnknown}>
              {booking.status === 'held' && (
                <Points
                  intent={begun}
                  bookingId={booking.id}
                  onIntent={(changed) => queryClient.setQueryData(intentKey, changed)}
                  onPaid={onPaid}
                />
              )}
              {begun.publishableKey === SANDBOX_KEY ? (
                <SandboxForm
                  key={begun.clientSecret}
                  intent={begun}
                  busy={look.isPending}
                  onSent={lookAgain}
                />
              ) : (
                <Suspense fallback={<Loading />}>
                  <StripeForm
                    key={begun.clientSecret}
                    intent={begun}
                    busy={look.isPending}
                    onSent={lookAgain}
                  />
                </Suspense>
              )}
            </div>
            {isUnknown ? (
              <div role="alert" className="pay">
                <p className="strong">{t.pay.unknown}</p>
                <p>{t.pay.unknownText}</p>
                <Button look="main" disabled={look.isPending} onClick={lookAgain}>
                  {t.pay.look}
                </Button>
              </div>
            ) : (
              look.error && (
                <p className="error" role="alert">
                  {isRefused(look.error, 'PAYMENT_REQUIRED') ? t.pay.notPaid : explain(look.error, t)}
                </p>
              )
            )}
          </>
        )}
      </Loaded>
    </>
  )
}

/** Whether the server knows that nothing was paid; any other error leaves it open. */
const isUnpaid = (error: unknown): boolean =>
  isRefused(error, 'PAYMENT_REQUIRED', 'PAYMENT_FAILED', 'HOLD_EXPIRED')

type PointsProps = {
  intent: Intent
  bookingId: string
  /** Called with the new amount after redeeming or returning points. */
  onIntent(intent: Intent): void
  onPaid(booking: Booking): void
}

/** Redeems points up to the price, or takes them back. If they cover the price, the booking is made at once. */
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
