import type { Booking, Space } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { Link } from 'wouter'
import { client, queryClient, trpc, useSpaces } from '../api'
import { dateIn, formatCountdown, formatDay, formatMoney, formatPeriod } from '../format'
import { useText } from '../i18n'
import type { Messages } from '../messages/en'
import { useNow } from '../online'
import { PATHS } from '../paths'
import { Button } from '../ui/controls'
import { Confirm } from '../ui/dialogs'
import { usePages } from '../ui/pages'
import { Empty, explain, Loaded, Only } from '../ui/states'
import { useTitle } from '../ui/title'
import { say } from '../ui/toasts'

export default function BookingsPage() {
  const { t } = useText()
  useTitle(t.bookings.title)
  return (
    <>
      <h1>{t.bookings.title}</h1>
      <Only>
        <Bookings />
      </Only>
    </>
  )
}

function Bookings() {
  const { t } = useText()
  const spaces = useSpaces()
  const query = usePages(
    [...trpc.bookings.list.pathKey(), 'mine'],
    (cursor) => client.bookings.list.query({ as: 'customer', limit: 50, cursor }),
    { refetchInterval: 30_000 },
  )
  return (
    <Loaded query={query}>
      {(all) => {
        if (all.length === 0)
          return (
            <Empty title={t.bookings.empty} text={t.bookings.emptyText}>
              <Link className="button main" href={PATHS.home}>
                {t.app.find}
              </Link>
            </Empty>
          )
        return (
          <>
            <Group
              title={t.bookings.held}
              bookings={all.filter(({ status }) => status === 'held')}
              spaces={spaces}
            />
            <Group
              title={t.bookings.upcoming}
              bookings={all.filter(isComing).sort(byStart)}
              spaces={spaces}
            />
            <Group
              title={t.bookings.past}
              bookings={all.filter((booking) => booking.status !== 'held' && !isComing(booking))}
              spaces={spaces}
            />
            {query.hasMore && (
              <Button onClick={query.showMore} disabled={query.isBusy}>
                {t.state.more}
              </Button>
            )}
          </>
        )
      }}
    </Loaded>
  )
}

const isComing = ({ status, endsAt }: Booking) =>
  (status === 'confirmed' || status === 'pending') && Date.parse(endsAt) > Date.now()
const byStart = (a: Booking, b: Booking) => Date.parse(a.startsAt) - Date.parse(b.startsAt)

function Group({ title, bookings, spaces }: { title: string; bookings: Booking[]; spaces: Space[] }) {
  if (bookings.length === 0) return null
  return (
    <section>
      <h2>{title}</h2>
      <ul className="list">
        {bookings.map((booking) => (
          <li key={booking.id}>
            <BookingCard booking={booking} space={spaces.find(({ id }) => id === booking.spaceId)} />
          </li>
        ))}
      </ul>
    </section>
  )
}

function BookingCard({ booking, space }: { booking: Booking; space: Space | undefined }) {
  const { t, language } = useText()
  const [asking, setAsking] = useState(false)
  const zone = space?.timeZone ?? 'UTC'
  const isHeld = booking.status === 'held'
  const now = useNow(isHeld)
  const mayChange = booking.status === 'confirmed' && Date.parse(booking.startsAt) > Date.now()
  const cancel = useMutation(
    trpc.bookings.cancel.mutationOptions({
      onSuccess: () => say(t.bookings.cancelled),
      onError: (error) => say(explain(error, t)),
      onSettled() {
        setAsking(false)
        void queryClient.invalidateQueries(trpc.bookings.pathFilter())
      },
    }),
  )
  return (
    <article className={`card booking ${booking.status}`}>
      <div className="grow">
        <h3>{space?.name ?? t.bookings.unknownSpace}</h3>
        <p>
          {formatDay(booking.startsAt, zone, language)}, {formatPeriod(booking, zone, language)}
        </p>
        <p className="soft">
          {t.bookingStatus[booking.status]}
          {booking.priceMinor > 0 && ` · ${formatMoney(booking.priceMinor, booking.currency, language)}`}
          {isHeld && booking.holdExpiresAt && (
            <>
              {' · '}
              <span className="countdown">{formatCountdown(Date.parse(booking.holdExpiresAt) - now)}</span>{' '}
              {t.board.until}
            </>
          )}
        </p>
      </div>
      <div className="actions">
        {isHeld && space && (
          <Link
            className="button main"
            href={`/spaces/${space.id}?date=${dateIn(zone, new Date(booking.startsAt))}`}
          >
            {t.bookings.goOn}
          </Link>
        )}
        {mayChange && (
          <>
            <Link className="button" href={`/bookings/${booking.id}/move`}>
              {t.bookings.move}
            </Link>
            <Button look="quiet" onClick={() => setAsking(true)}>
              {t.bookings.cancel}
            </Button>
          </>
        )}
      </div>
      <Confirm
        open={asking}
        title={t.bookings.cancelTitle}
        text={refundText(booking, t, (minor) => formatMoney(minor, booking.currency, language))}
        action={t.bookings.cancelDo}
        busy={cancel.isPending}
        onConfirm={() => cancel.mutate({ id: booking.id })}
        onClose={() => setAsking(false)}
      />
    </article>
  )
}

/** What comes back by the terms of a booking, said before it is cancelled: the tier with the most hours that fits counts. */
function refundText(booking: Booking, t: Messages, money: (minor: number) => string): string {
  const paid = booking.paidMinor - booking.refundedMinor
  if (paid <= 0) return t.bookings.nothingPaid
  const hours = (Date.parse(booking.startsAt) - Date.now()) / 3_600_000
  const tier = booking.cancellation
    .filter(({ hoursBefore }) => hoursBefore <= hours)
    .sort((a, b) => b.hoursBefore - a.hoursBefore)[0]
  if (!tier || tier.refundPercent === 0) return t.bookings.noRefund
  return t.bookings.refund(money(Math.floor((paid * tier.refundPercent) / 100)), tier.refundPercent)
}
