import type { Outputs } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { Link } from 'wouter'
import { client, trpc } from '../../api'
import { formatMoment } from '../../format'
import { useText } from '../../i18n'
import { Preferences } from '../../notifications/preferences'
import { useUnread } from '../../notifications/use-news'
import { PATHS } from '../../paths'
import { useSettled } from '../../ui/changes'
import { Button } from '../../ui/controls'
import { PagedList } from '../../ui/lists'
import { usePages } from '../../ui/pages'
import { MinePage } from './shell'

type Notification = Outputs['notifications']['list']['items'][number]

export default function NotificationsPage() {
  const { t } = useText()
  return (
    <MinePage title={t.notifications.title}>
      <Notifications />
    </MinePage>
  )
}

function Notifications() {
  const { t } = useText()
  const unread = useUnread()
  const query = usePages([...trpc.notifications.list.pathKey(), 'pages'], (cursor) =>
    client.notifications.list.query({ limit: 20, cursor }),
  )
  const read = useMutation(
    trpc.notifications.markRead.mutationOptions(useSettled(trpc.notifications.pathFilter())),
  )
  return (
    <>
      <section>
        {unread > 0 && (
          <div className="row spread">
            <p>{t.notifications.unread(unread)}</p>
            <Button disabled={read.isPending} onClick={() => read.mutate({})}>
              {t.notifications.readAll}
            </Button>
          </div>
        )}
        <PagedList query={query} empty={t.notifications.none}>
          {(notification) => (
            <Line notification={notification} onRead={() => read.mutate({ ids: [notification.id] })} />
          )}
        </PagedList>
      </section>
      {(query.data || query.error) && <Preferences />}
    </>
  )
}

function Line({ notification, onRead }: { notification: Notification; onRead(): void }) {
  const { t, language } = useText()
  const { text, readAt, createdAt, eventId } = notification
  return (
    <article className={readAt ? 'card row spread' : 'card row spread unread'}>
      <div className="grow">
        <p className={readAt ? '' : 'strong'}>
          {!readAt && <span className="unseen">{t.notifications.isNew} </span>}
          {text}
        </p>
        <p className="soft">{formatMoment(createdAt, language)}</p>
      </div>
      <div className="actions">
        {!readAt && (
          <Button look="quiet" of={text} onClick={onRead}>
            {t.notifications.read}
          </Button>
        )}
        <Link className="button" href={pageOf(notification)} onClick={() => !readAt && onRead()}>
          {eventId ? t.notifications.toEvent : t.notifications.toBooking}
          <span className="unseen"> {text}</span>
        </Link>
      </div>
    </article>
  )
}

function pageOf({ kind, bookingId, eventId }: Notification): string {
  if (eventId) return kind === 'event_cancelled' ? PATHS.community : `/events/${eventId}`
  if (kind === 'booking_requested') return PATHS.work
  if (kind === 'review_received') return PATHS.workReviews
  if (kind === 'points_earned' || kind === 'tier_reached') return PATHS.points
  return bookingId ? `${PATHS.bookings}?booking=${bookingId}` : PATHS.bookings
}
