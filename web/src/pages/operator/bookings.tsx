import type { Booking, Outputs } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { client, trpc, useSpaces } from '../../api'
import { formatMoment, formatMoney, formatTime } from '../../format'
import { useText } from '../../i18n'
import { useSettled } from '../../ui/changes'
import { Button, Choice, TextField } from '../../ui/controls'
import { AskButton } from '../../ui/dialogs'
import { Entry, PagedList } from '../../ui/lists'
import { usePages } from '../../ui/pages'
import { RefundButton } from './refund-dialog'
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
  const spaces = useSpaces()
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
      <PagedList query={query} empty={t.operator.noBookings}>
        {(booking) => (
          <BookingLine booking={booking} space={spaces.find(({ id }) => id === booking.spaceId)} />
        )}
      </PagedList>
    </>
  )
}

type ListedBooking = Outputs['bookings']['list']['items'][number]
type BookingLineProps = { booking: ListedBooking; space: { name: string; timeZone: string } | undefined }

function BookingLine({ booking, space }: BookingLineProps) {
  const { t, language } = useText()
  const settled = useSettled(trpc.bookings.pathFilter())
  const cancel = useMutation(trpc.bookings.cancel.mutationOptions(settled))
  const complete = useMutation(trpc.bookings.complete.mutationOptions(settled))
  const noShow = useMutation(trpc.bookings.noShow.mutationOptions(settled))
  const { id, status, currency } = booking
  const now = Date.now()
  const hasBegun = Date.parse(booking.startsAt) <= now
  const isOver = Date.parse(booking.endsAt) <= now
  const stands = status === 'confirmed' || status === 'pending' || status === 'held'
  const zone = space?.timeZone ?? 'UTC'
  const when = formatMoment(booking.startsAt, language, zone)
  const money = (minor: number) => formatMoney(minor, currency, language)
  return (
    <Entry
      className={`booking ${status}`}
      title={space?.name ?? t.bookings.unknownSpace}
      actions={
        <>
          {status === 'confirmed' && isOver && (
            <Button of={when} disabled={complete.isPending} onClick={() => complete.mutate({ id })}>
              {t.operator.complete}
            </Button>
          )}
          {status === 'confirmed' && hasBegun && (
            <Button of={when} disabled={noShow.isPending} onClick={() => noShow.mutate({ id })}>
              {t.operator.noShow}
            </Button>
          )}
          <RefundButton
            of={when}
            bookingId={id}
            leftMinor={booking.paidMinor - booking.refundedMinor}
            currency={currency}
          />
          {stands && !hasBegun && (
            <AskButton
              of={when}
              title={t.bookings.cancelTitle}
              text={when}
              action={t.bookings.cancelDo}
              onConfirm={() => cancel.mutateAsync({ id })}
            >
              {t.bookings.cancel}
            </AskButton>
          )}
        </>
      }
    >
      <p>
        {when}–{formatTime(booking.endsAt, zone, language)} · {booking.customerName}
      </p>
      <p className="soft">
        {t.bookingStatus[status]}
        {booking.priceMinor > 0 &&
          ` · ${money(booking.priceMinor)} · ${t.operator.paid}: ${money(booking.paidMinor)}`}
        {booking.refundedMinor > 0 && ` · ${t.operator.givenBack}: ${money(booking.refundedMinor)}`}
      </p>
    </Entry>
  )
}
