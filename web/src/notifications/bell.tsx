import { Link } from 'wouter'
import { useText } from '../i18n'
import { PATHS } from '../paths'
import { useUnread } from './use-news'

export function Bell({ isHere }: { isHere: boolean }) {
  const { t } = useText()
  const unread = useUnread()
  return (
    <Link
      href={PATHS.notifications}
      className="bell"
      aria-label={unread > 0 ? t.notifications.bell(unread) : t.notifications.title}
      aria-current={isHere ? 'page' : undefined}
    >
      <svg viewBox="0 0 24 24" aria-hidden="true">
        <path d="M12 3a6 6 0 0 0-6 6v4l-2 4h16l-2-4V9a6 6 0 0 0-6-6zM9.5 19a2.5 2.5 0 0 0 5 0" />
      </svg>
      {unread > 0 && (
        <span className="badge" aria-hidden="true">
          {unread > 99 ? '99+' : unread}
        </span>
      )}
    </Link>
  )
}
