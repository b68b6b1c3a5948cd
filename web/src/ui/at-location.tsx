import type { Location } from '@coworkspace/client'
import { useQuery } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { useSearchParams } from 'wouter'
import { trpc } from '../api'
import { useText } from '../i18n'
import { Choice } from './controls'
import { Empty, Loaded } from './states'

type AtLocationProps = {
  children: (location: Location) => ReactNode
  /** Shown beside the location field. */
  beside?: ReactNode
}

/** For pages about one location, which is in the URL. */
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
              {beside}
            </div>
            {children(location)}
          </>
        )
      }}
    </Loaded>
  )
}
