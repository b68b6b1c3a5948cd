import type { Booking } from '@coworkspace/client'
import { Link } from 'wouter'
import { client, trpc } from '../../api'
import { BookingCard } from '../../bookings/booking-card'
import { useText } from '../../i18n'
import { PATHS } from '../../paths'
import { ShowMore } from '../../ui/lists'
import { usePages } from '../../ui/pages'
import { Empty, Loaded } from '../../ui/states'
import { MinePage } from './shell'

export default function BookingsPage() {
  const { t } = useText()
  return (
    <MinePage title={t.bookings.title}>
      <Bookings />
    </MinePage>
  )
}

function Bookings() {
  const { t } = useText()
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
            <Group title={t.bookings.held} bookings={all.filter(({ status }) => status === 'held')} />
            <Group title={t.bookings.upcoming} bookings={all.filter(isComing).sort(byStart)} />
            <Group
              title={t.bookings.past}
              bookings={all.filter((booking) => booking.status !== 'held' && !isComing(booking))}
            />
            <ShowMore query={query} />
          </>
        )
      }}
    </Loaded>
  )
}

const isComing = ({ status, endsAt }: Booking) =>
  (status === 'confirmed' || status === 'pending') && Date.parse(endsAt) > Date.now()
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
