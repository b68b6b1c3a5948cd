import type { Booking } from '@coworkspace/client'
import { useQuery } from '@tanstack/react-query'
import { Link } from 'wouter'
import { trpc } from '../api'
import { formatDay, formatPeriod } from '../format'
import { useText } from '../i18n'
import { useSubject } from './use-subject'

type OfBookingProps = {
  bookingId: string
  /** The customer's name, in lists of several users' bookings. */
  customerName?: string | undefined
}

/** Title and time of a booking, read by its id. */
export function OfBooking({ bookingId, customerName }: OfBookingProps) {
  const booking = useQuery(trpc.bookings.byId.queryOptions({ id: bookingId })).data
  return (
    <p>
      {customerName}
      {customerName && booking && ' · '}
      {booking && <Subject booking={booking} />}
    </p>
  )
}

function Subject({ booking }: { booking: Booking }) {
  const { language } = useText()
  const { title, timeZone, href } = useSubject(booking)
  return (
    <>
      {href ? <Link href={href}>{title}</Link> : title} · {formatDay(booking.startsAt, timeZone, language)},{' '}
      {formatPeriod(booking, timeZone, language)}
    </>
  )
}
