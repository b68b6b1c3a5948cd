import { type ReactNode, useEffect, useRef } from 'react'
import { Link, useLocation } from 'wouter'
import { useText } from '../../i18n'
import { PATHS } from '../../paths'
import { Only } from '../../ui/states'
import { useTitle } from '../../ui/title'

/** Menu and role check of the operator pages. */
export function OperatorPage({ title, children }: { title: string; children: ReactNode }) {
  useTitle(title)
  return (
    <>
      {/* Receives the focus when the focused list item disappears. */}
      <h1 tabIndex={-1}>{title}</h1>
      <Only admin>
        <div className="operator">
          <OperatorMenu />
          <div className="stack">{children}</div>
        </div>
      </Only>
    </>
  )
}

/** Beside the page if there is room, otherwise a scrollable strip above it. */
function OperatorMenu() {
  const { t } = useText()
  const [path] = useLocation()
  const current = useRef<HTMLAnchorElement>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs on navigation
  useEffect(() => {
    // scrollIntoView may return a promise, which is not a cleanup function.
    void current.current?.scrollIntoView({ block: 'nearest', inline: 'center' })
  }, [path])
  const groups = [
    [
      t.operator.groups.today,
      [
        [PATHS.live, t.operator.live],
        [PATHS.operatorBookings, t.operator.bookings],
        [PATHS.operatorDoor, t.operator.door.title],
      ],
    ],
    [
      t.operator.groups.money,
      [
        [PATHS.operatorPayments, t.operator.payments.title],
        [PATHS.operatorInbox, t.operator.inbox.title],
        [PATHS.operatorAnalytics, t.operator.analytics.title],
      ],
    ],
    [
      t.operator.groups.place,
      [
        [PATHS.operatorLocations, t.operator.locations],
        [PATHS.operatorSpaces, t.operator.spaces],
        [PATHS.operatorClosures, t.operator.closures],
      ],
    ],
    [
      t.operator.groups.people,
      [
        [PATHS.operatorPeople, t.operator.people],
        [PATHS.operatorSpecialists, t.operator.specialists],
        [PATHS.operatorReviews, t.operator.reviews.title],
      ],
    ],
  ] as const
  return (
    <nav aria-label={t.operator.title} className="side fades">
      {groups.map(([name, links]) => (
        <div key={name}>
          <p className="soft">{name}</p>
          {links.map(([to, text]) => (
            <Link
              key={to}
              href={to}
              aria-current={path === to ? 'page' : undefined}
              ref={path === to ? current : undefined}
            >
              {text}
            </Link>
          ))}
        </div>
      ))}
    </nav>
  )
}
