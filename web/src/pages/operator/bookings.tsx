import type { Booking, Outputs } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useSearchParams } from 'wouter'
import { client, trpc } from '../../api'
import { CancelButton } from '../../bookings/cancel-button'
import { useSubject } from '../../bookings/use-subject'
import { dateIn, formatMoment, formatMoney, formatTime, instantOf } from '../../format'
import { useText } from '../../i18n'
import { useSettled } from '../../ui/changes'
import { Button, Choice, optionsOf, TextField } from '../../ui/controls'
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
  const [search, setSearch] = useSearchParams()
  const locations = useQuery(trpc.locations.list.queryOptions({ limit: 100 })).data?.items ?? []
  const location = locations.find(({ id }) => id === search.get('location'))
  const userId = search.get('person') ?? undefined
  const timeZone = location?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone
  const [status, setStatus] = useState<Status>('any')
  const [from, setFrom] = useState(() => dateIn(timeZone))
  const filter = {
    ...(status !== 'any' && { status }),
    ...(location && { locationId: location.id }),
    ...(userId && { userId }),
    ...(from && { from: instantOf(`${from}T00:00`, timeZone) }),
  }
  const query = usePages([...trpc.bookings.list.pathKey(), 'all', filter], (cursor) =>
    client.bookings.list.query({ as: 'admin', order: 'start', limit: 50, cursor, ...filter }),
  )
  const choose = (change: { location?: string | undefined; person?: undefined }) => {
    const chosen = { location: location?.id, person: userId, ...change }
    setSearch(
      Object.entries(chosen).flatMap(([name, value]) => (value ? [[name, value]] : [])),
      { replace: true },
    )
  }
  return (
    <>
      <div className="row filters">
        <Choice
          label={t.home.location}
          value={location?.id ?? 'all'}
          onChange={(id) => choose({ location: id === 'all' ? undefined : id })}
          options={[
            { value: 'all', label: t.operator.analytics.allLocations },
            ...locations.map(({ id, name }) => ({ value: id, label: name })),
          ]}
        />
        <Choice<Status>
          label={t.operator.status}
          value={status}
          onChange={setStatus}
          options={[{ value: 'any', label: t.operator.anyStatus }, ...optionsOf(t.bookingStatus)]}
        />
        <TextField label={t.operator.from} type="date" value={from} onChange={setFrom} />
        {userId && (
          <Button onClick={() => choose({ person: undefined })}>
            ✕ {query.data?.[0]?.customerName ?? t.operator.person}
          </Button>
        )}
      </div>
      <PagedList query={query} empty={t.operator.noBookings}>
        {(booking) => <BookingLine booking={booking} />}
      </PagedList>
    </>
  )
}

type ListedBooking = Outputs['bookings']['list']['items'][number]

function BookingLine({ booking }: { booking: ListedBooking }) {
  const { t, language } = useText()
  const settled = useSettled(trpc.bookings.pathFilter())
  const complete = useMutation(trpc.bookings.complete.mutationOptions(settled))
  const noShow = useMutation(trpc.bookings.noShow.mutationOptions(settled))
  const { id, status, currency } = booking
  const now = Date.now()
  const hasBegun = Date.parse(booking.startsAt) <= now
  const isOver = Date.parse(booking.endsAt) <= now
  const stands = status === 'confirmed' || status === 'pending' || status === 'held'
  const { title, place, timeZone } = useSubject(booking)
  const when = formatMoment(booking.startsAt, language, timeZone)
  const money = (minor: number) => formatMoney(minor, currency, language)
  return (
    <Entry
      className={`booking ${status}`}
      title={title}
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
            customerName={booking.customerName}
            leftMinor={booking.paidMinor - booking.refundedMinor}
            currency={currency}
          />
          {stands && !hasBegun && (
            <CancelButton booking={booking} of={when} theirs={`${booking.customerName}, ${title}, ${when}`} />
          )}
        </>
      }
    >
      <p>
        {when}–{formatTime(booking.endsAt, timeZone, language)} · {booking.customerName}
      </p>
      <p className="soft">
        {[place, t.bookingStatus[status]].filter(Boolean).join(' · ')}
        {booking.priceMinor > 0 &&
          ` · ${money(booking.priceMinor)} · ${t.state.named(t.operator.paid, money(booking.paidMinor))}`}
        {booking.refundedMinor > 0 &&
          ` · ${t.state.named(t.operator.givenBack, money(booking.refundedMinor))}`}
      </p>
    </Entry>
  )
}
