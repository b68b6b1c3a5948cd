import type { Location } from '@coworkspace/client'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Link, useLocation, useSearchParams } from 'wouter'
import { trpc } from '../../api'
import { useText } from '../../i18n'
import { PATHS } from '../../paths'
import { Choice } from '../../ui/controls'
import { Empty, Loaded, Only } from '../../ui/states'
import { useTitle } from '../../ui/title'

/** What every page of operators has: its tabs, and the answer to whoever is none. */
export function OperatorPage({ title, children }: { title: string; children: ReactNode }) {
  const { t } = useText()
  const [path] = useLocation()
  useTitle(title)
  const tabs = [
    [PATHS.live, t.operator.live],
    [PATHS.operatorBookings, t.operator.bookings],
    [PATHS.operatorSpaces, t.operator.spaces],
    [PATHS.operatorLocations, t.operator.locations],
    [PATHS.operatorClosures, t.operator.closures],
    [PATHS.operatorPeople, t.operator.people],
  ] as const
  return (
    <>
      <h1>{title}</h1>
      <Only admin>
        <nav aria-label={t.operator.title} className="tabs">
          {tabs.map(([to, text]) => (
            <Link key={to} href={to} aria-current={path === to ? 'page' : undefined}>
              {text}
            </Link>
          ))}
        </nav>
        {children}
      </Only>
    </>
  )
}

type AtLocationProps = {
  children: (location: Location, all: Location[]) => ReactNode
  /** Stands beside the choice of a location. */
  beside?: (location: Location) => ReactNode
}

/** For pages that show one location at a time; which one is in the address. */
export function AtLocation({ children, beside }: AtLocationProps) {
  const { t } = useText()
  const [search, setSearch] = useSearchParams()
  const locations = useQuery(trpc.locations.list.queryOptions({ limit: 100 }))
  return (
    <Loaded query={locations}>
      {({ items }) => {
        const location = items.find(({ id }) => id === search.get('location')) ?? items[0]
        if (!location) return <Empty title={t.home.noLocations} />
        return (
          <>
            <div className="row filters spread">
              <Choice
                label={t.home.location}
                value={location.id}
                onChange={(id) => setSearch({ location: id }, { replace: true })}
                options={items.map(({ id, name }) => ({ value: id, label: name }))}
              />
              {beside?.(location)}
            </div>
            {children(location, items)}
          </>
        )
      }}
    </Loaded>
  )
}
