import type { Booking, Inputs } from '@coworkspace/client'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { Link, Redirect, useSearchParams } from 'wouter'
import { client, trpc, useMe } from '../../api'
import { BookingCard } from '../../bookings/booking-card'
import { useSubject } from '../../bookings/use-subject'
import { serverNow } from '../../clock'
import { dateIn } from '../../format'
import { useText } from '../../i18n'
import { PATHS } from '../../paths'
import { ShowMore } from '../../ui/lists'
import { usePages } from '../../ui/pages'
import { Empty, Loaded } from '../../ui/states'
import { MinePage } from './shell'

export default function BookingsPage() {
  const { t } = useText()
  const [search] = useSearchParams()
  const id = search.get('booking')
  return (
    <MinePage title={t.bookings.title}>
      {id && <Asked key={id} id={id} />}
      <Bookings />
    </MinePage>
  )
}

/** The booking that a notification links to, above the lists. */
function Asked({ id }: { id: string }) {
  const { t } = useText()
  const me = useMe()
  const booking = useQuery(trpc.bookings.byId.queryOptions({ id })).data
  if (!me || !booking) return null
  if (booking.userId !== me.id) return <ToWork booking={booking} />
  return <Group title={t.bookings.asked} bookings={[booking]} />
}

/** A specialist's own work is in the work calendar. */
function ToWork({ booking }: { booking: Booking }) {
  const { specialist } = useSubject(booking)
  if (!specialist) return null
  const date = dateIn(specialist.timeZone, new Date(booking.startsAt))
  return <Redirect to={`${PATHS.work}?date=${date}`} replace />
}

function Bookings() {
  const { t } = useText()
  // Upcoming bookings are queried separately, so that many past ones cannot push them off the page.
  const [now] = useState(() => new Date(serverNow()).toISOString())
  const coming = useMine('coming', { from: now, order: 'start' })
  const past = useMine('past', { to: now })
  return (
    <Loaded query={coming}>
      {(ahead) => (
        <Loaded query={past}>
          {(behind) => {
            // Bookings in progress are in both lists.
            const all = [...ahead, ...behind.filter(({ id }) => ahead.every((one) => one.id !== id))]
            return all.length === 0 ? (
              <Empty title={t.bookings.empty} text={t.bookings.emptyText}>
                <Link className="button main" href={PATHS.home}>
                  {t.app.find}
                </Link>
              </Empty>
            ) : (
              <>
                <Group title={t.bookings.held} bookings={all.filter(({ status }) => status === 'held')} />
                <Group title={t.bookings.upcoming} bookings={all.filter(isComing).sort(byStart)} />
                <ShowMore query={coming} />
                <Group
                  title={t.bookings.past}
                  bookings={all
                    .filter((booking) => booking.status !== 'held' && !isComing(booking))
                    .sort((a, b) => byStart(b, a))}
                />
                <ShowMore query={past} />
              </>
            )
          }}
        </Loaded>
      )}
    </Loaded>
  )
}

const useMine = (name: string, when: Pick<Inputs['bookings']['list'], 'from' | 'to' | 'order'>) =>
  usePages(
    [...trpc.bookings.list.pathKey(), name],
    (cursor) => client.bookings.list.query({ as: 'customer', limit: 50, cursor, ...when }),
    { refetchInterval: 30_000 },
  )

const isComing = ({ status, endsAt }: Booking) =>
  (status === 'confirmed' || status === 'pending') && Date.parse(endsAt) > serverNow()
const byStart = (a: Booking, b: Booking) => Date.parse(a.startsAt) - Date.parse(b.startsAt)

function Group({ title, bookings }: { title: string; bookings: Booking[] }) {
  if (bookings.length === 0) return null
  return (
    <section>
      <h2>{title}</h2>
      <ul className="list">
        {bookings.map((booking) => (
          <li key={booking.id}>
            <BookingCard booking={booking} />
          </li>
        ))}
      </ul>
    </section>
  )
}
