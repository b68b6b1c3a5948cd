import type { Booking } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { client, queryClient, trpc } from '../../api'
import { formatMoment, formatMoney } from '../../format'
import { useText } from '../../i18n'
import { Button, Choice, TextField } from '../../ui/controls'
import { Confirm } from '../../ui/dialogs'
import { usePages } from '../../ui/pages'
import { Empty, explain, Loaded } from '../../ui/states'
import { say } from '../../ui/toasts'
import { OperatorPage } from './shell'

type Status = Booking['status'] | 'any'

export default function OperatorBookingsPage() {
  const { t } = useText()
  return (
    <OperatorPage title={t.operator.bookings}>
      <AllBookings />
    </OperatorPage>
  )
}

function AllBookings() {
  const { t } = useText()
  const [status, setStatus] = useState<Status>('any')
  const [from, setFrom] = useState('')
  const filter = {
    ...(status !== 'any' && { status }),
    ...(from && { from: `${from}T00:00:00Z` }),
  }
  const spaces = useQuery(trpc.spaces.list.queryOptions({ limit: 100 })).data?.items ?? []
  const query = usePages([...trpc.bookings.list.pathKey(), 'all', filter], (cursor) =>
    client.bookings.list.query({ as: 'admin', limit: 50, cursor, ...filter }),
  )
  return (
    <>
      <div className="row filters">
        <Choice<Status>
          label={t.operator.status}
          value={status}
          onChange={setStatus}
          options={[
            { value: 'any', label: t.operator.anyStatus },
            ...(Object.keys(t.bookingStatus) as Booking['status'][]).map((value) => ({
              value,
              label: t.bookingStatus[value],
            })),
          ]}
        />
        <TextField label={t.operator.from} type="date" value={from} onChange={setFrom} />
      </div>
      <Loaded query={query}>
        {(bookings) => (
          <>
            {bookings.length === 0 && <Empty title={t.operator.noBookings} />}
            <ul className="list">
              {bookings.map((booking) => (
                <li key={booking.id}>
                  <BookingLine booking={booking} space={spaces.find(({ id }) => id === booking.spaceId)} />
                </li>
              ))}
            </ul>
            {query.hasMore && (
              <Button onClick={query.showMore} disabled={query.isBusy}>
                {t.state.more}
              </Button>
            )}
          </>
        )}
      </Loaded>
    </>
  )
}

type BookingLineProps = { booking: Booking; space: { name: string; timeZone: string } | undefined }

function BookingLine({ booking, space }: BookingLineProps) {
  const { t, language } = useText()
  const [asking, setAsking] = useState(false)
  const settled = {
    onError: (error: unknown) => say(explain(error, t)),
    onSettled() {
      setAsking(false)
      void queryClient.invalidateQueries(trpc.bookings.pathFilter())
    },
  }
  const cancel = useMutation(trpc.bookings.cancel.mutationOptions(settled))
  const complete = useMutation(trpc.bookings.complete.mutationOptions(settled))
  const noShow = useMutation(trpc.bookings.noShow.mutationOptions(settled))
  const [refunding, setRefunding] = useState(false)
  const refund = useMutation(
    trpc.payments.refund.mutationOptions({
      onSuccess: () => say(t.operator.refunded),
      onError: settled.onError,
      onSettled() {
        setRefunding(false)
        settled.onSettled()
      },
    }),
  )
  const { id, status } = booking
  const left = booking.paidMinor - booking.refundedMinor
  const now = Date.now()
  const hasBegun = Date.parse(booking.startsAt) <= now
  const isOver = Date.parse(booking.endsAt) <= now
  const stands = status === 'confirmed' || status === 'pending' || status === 'held'
  return (
    <article className={`card booking ${status}`}>
      <div className="grow">
        <h2>{space?.name ?? t.bookings.unknownSpace}</h2>
        <p>{formatMoment(booking.startsAt, language, space?.timeZone ?? 'UTC')}</p>
        <p className="soft">
          {t.bookingStatus[status]}
          {booking.priceMinor > 0 &&
            ` · ${formatMoney(booking.priceMinor, booking.currency, language)} · ${t.operator.paid}: ${formatMoney(booking.paidMinor, booking.currency, language)}`}
        </p>
      </div>
      <div className="actions">
        {status === 'confirmed' && isOver && (
          <Button disabled={complete.isPending} onClick={() => complete.mutate({ id })}>
            {t.operator.complete}
          </Button>
        )}
        {status === 'confirmed' && hasBegun && (
          <Button disabled={noShow.isPending} onClick={() => noShow.mutate({ id })}>
            {t.operator.noShow}
          </Button>
        )}
        {left > 0 && (
          <Button look="quiet" onClick={() => setRefunding(true)}>
            {t.operator.refund}
          </Button>
        )}
        {stands && !hasBegun && (
          <Button look="quiet" onClick={() => setAsking(true)}>
            {t.bookings.cancel}
          </Button>
        )}
      </div>
      <Confirm
        open={asking}
        title={t.bookings.cancelTitle}
        text={formatMoment(booking.startsAt, language, space?.timeZone ?? 'UTC')}
        action={t.bookings.cancelDo}
        busy={cancel.isPending}
        onConfirm={() => cancel.mutate({ id })}
        onClose={() => setAsking(false)}
      />
      <Confirm
        open={refunding}
        title={t.operator.refundTitle(formatMoney(left, booking.currency, language))}
        text={t.operator.refundText}
        action={t.operator.refund}
        busy={refund.isPending}
        onConfirm={() => refund.mutate({ bookingId: id })}
        onClose={() => setRefunding(false)}
      />
    </article>
  )
}
