import type { Deps } from '../context'
import { topicOf } from '../realtime/events'
import { iso } from '../time'

/** Something that a person should hear of, in words, with what it is about. */
export type Notice = {
  userId: string
  kind: NoticeKind
  text: string
  bookingId?: string
  eventId?: string
}

export type NoticeKind =
  | 'booking_no_show'
  | 'event_place'
  | 'event_changed'
  | 'event_cancelled'
  | 'event_reminder'
  | 'event_passed_on'

/**
 * Tells a person something, on all of his own sockets; who is not connected does not hear it. Called after the commit of
 * what it tells. The one way in which services speak to a person, so whatever else is to carry a notice begins here.
 */
export function tellPerson({ publish }: Pick<Deps, 'publish'>, notice: Notice): void {
  publish(topicOf.user(notice.userId), {
    type: 'notification',
    id: Bun.randomUUIDv7(),
    kind: notice.kind,
    text: notice.text,
    bookingId: notice.bookingId ?? null,
    eventId: notice.eventId ?? null,
    readAt: null,
    createdAt: iso(Date.now()),
  })
}
