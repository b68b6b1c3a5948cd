import type { Booking } from '@coworkspace/client'
import { useQuery } from '@tanstack/react-query'
import { trpc } from '../api'
import { dateIn } from '../format'
import { useText } from '../i18n'

/** Names rarely change while a page is open. */
const KNOWN_MS = 300_000

/** Title, place and time zone of a booking. */
export function useSubject(booking: Booking) {
  const { id, status, locationId, spaceId, specialistId, serviceId, eventId, startsAt } = booking
  const { t } = useText()
  const options = (isThere: boolean) => ({ enabled: isThere, staleTime: KNOWN_MS })
  const location = useQuery(trpc.locations.byId.queryOptions({ id: locationId }, options(true))).data
  const space = useQuery(trpc.spaces.byId.queryOptions({ id: spaceId ?? '' }, options(!!spaceId)))
  const specialist = useQuery(
    trpc.specialists.byId.queryOptions({ id: specialistId ?? '' }, options(!!specialistId)),
  )
  const services = useQuery(
    trpc.services.list.queryOptions(
      { specialistId: specialistId ?? '', limit: 100 },
      options(!!specialistId),
    ),
  ).data
  const event = useQuery(trpc.events.byId.queryOptions({ id: eventId ?? '' }, options(!!eventId)))
  const timeZone = location?.timeZone ?? space.data?.timeZone ?? specialist.data?.timeZone ?? 'UTC'
  const date = dateIn(timeZone, new Date(startsAt))
  const chosen = status === 'held' ? `&booking=${id}` : ''
  const service = services?.items.find((offered) => offered.id === serviceId)
  // Not loaded yet is "…"; deleted has its own text.
  const nameOf = (thing: { data?: { name: string } | undefined; error: unknown }, gone: string) =>
    thing.data?.name ?? (thing.error ? gone : '…')
  const room = spaceId ? nameOf(space, t.bookings.unknownSpace) : undefined
  const meeting = eventId ? (event.data?.title ?? (event.error ? t.bookings.unknownSpace : '…')) : undefined
  const person = specialistId ? nameOf(specialist, t.specialists.gone) : undefined
  return {
    timeZone,
    service,
    specialist: specialist.data,
    title: person
      ? [service?.name, person].filter(Boolean).join(' · ')
      : (meeting ?? room ?? t.bookings.unknownSpace),
    place: [person && room, location?.name].filter(Boolean).join(', '),
    /** The page to continue a hold on; undefined if its space, specialist or event is deleted. */
    href: specialistId
      ? specialist.data && `/specialists/${specialistId}?service=${serviceId}&date=${date}${chosen}`
      : eventId
        ? event.data && `/events/${eventId}`
        : space.data && `/spaces/${spaceId}?date=${date}${chosen}`,
  }
}
