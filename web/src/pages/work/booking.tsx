import type { Outputs } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { trpc } from '../../api'
import { useSubject } from '../../bookings/use-subject'
import { serverNow } from '../../clock'
import { formatDay, formatMoment, formatMoney, formatPeriod } from '../../format'
import { useText } from '../../i18n'
import { useSettled } from '../../ui/changes'
import { Button } from '../../ui/controls'
import { AskButton } from '../../ui/dialogs'
import { say } from '../../ui/toasts'

export type Listed = Outputs['bookings']['list']['items'][number]

/** A booking in its specialist's calendar, with the actions that are possible now. */
export function WorkBooking({ booking, withDay = false }: { booking: Listed; withDay?: boolean }) {
  const { t, language } = useText()
  const { timeZone, service, place } = useSubject(booking)
  const settled = useSettled(trpc.bookings.pathFilter())
  const accept = useMutation(
    trpc.bookings.accept.mutationOptions({ ...settled, onSuccess: () => say(t.work.accepted) }),
  )
  const decline = useMutation(trpc.bookings.decline.mutationOptions(settled))
  const cancel = useMutation(trpc.bookings.cancel.mutationOptions(settled))
  const complete = useMutation(trpc.bookings.complete.mutationOptions(settled))
  const noShow = useMutation(trpc.bookings.noShow.mutationOptions(settled))
  const { id, status, customerName, priceMinor, paidMinor, currency } = booking
  const hasBegun = Date.parse(booking.startsAt) <= serverNow()
  const isOver = Date.parse(booking.endsAt) <= serverNow()
  const isBusy = [accept, decline, complete, noShow].some(({ isPending }) => isPending)
  const money = (minor: number) => formatMoney(minor, currency, language)
  return (
    <article className={`card booking ${status}`}>
      <div className="grow">
        <p className="strong">
          {withDay && `${formatDay(booking.startsAt, timeZone, language)}, `}
          {formatPeriod(booking, timeZone, language)} · {customerName}
        </p>
        <p>{[service?.name, place].filter(Boolean).join(' · ')}</p>
        {booking.notes && <p className="prose">{booking.notes}</p>}
        <p className="soft">
          <span className={`tag ${status}`}>{t.bookingStatus[status]}</span>
          {priceMinor > 0 && ` ${money(priceMinor)} · ${t.mine.paid(money(paidMinor))}`}
        </p>
        {status === 'pending' && booking.answerBy && (
          <p className="soft">{t.work.answerBy(formatMoment(booking.answerBy, language, timeZone))}</p>
        )}
      </div>
      <div className="actions">
        {status === 'pending' && (
          <>
            <AskButton
              of={customerName}
              title={t.work.declineTitle(customerName)}
              text={t.work.declineText}
              action={t.work.decline}
              onConfirm={() => decline.mutateAsync({ id })}
            >
              {t.work.decline}
            </AskButton>
            <Button look="main" of={customerName} disabled={isBusy} onClick={() => accept.mutate({ id })}>
              {t.work.accept}
            </Button>
          </>
        )}
        {status === 'confirmed' && !hasBegun && (
          <AskButton
            of={customerName}
            title={t.work.cancelTitle(customerName)}
            text={t.work.cancelText}
            action={t.bookings.cancelDo}
            onConfirm={() => cancel.mutateAsync({ id })}
          >
            {t.bookings.cancel}
          </AskButton>
        )}
        {status === 'confirmed' && hasBegun && (
          <Button look="quiet" of={customerName} disabled={isBusy} onClick={() => noShow.mutate({ id })}>
            {t.work.noShow}
          </Button>
        )}
        {status === 'confirmed' && isOver && (
          <Button of={customerName} disabled={isBusy} onClick={() => complete.mutate({ id })}>
            {t.work.complete}
          </Button>
        )}
      </div>
    </article>
  )
}
