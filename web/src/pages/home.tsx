import type { Location, Space } from '@coworkspace/client'
import { useQuery } from '@tanstack/react-query'
import { Link, useSearchParams } from 'wouter'
import { trpc } from '../api'
import { formatLength, formatMoney } from '../format'
import { useText } from '../i18n'
import { Choice } from '../ui/controls'
import { Empty, Loaded } from '../ui/states'
import { useTitle } from '../ui/title'

export default function HomePage() {
  const { t } = useText()
  useTitle(t.app.find)
  const locations = useQuery(trpc.locations.list.queryOptions({ limit: 100 }))
  return (
    <>
      <h1>{t.home.title}</h1>
      <p className="soft lead">{t.home.lead}</p>
      <Loaded query={locations}>
        {({ items }) =>
          items[0] ? <Spaces locations={items} first={items[0]} /> : <Empty title={t.home.noLocations} />
        }
      </Loaded>
    </>
  )
}

function Spaces({ locations, first }: { locations: Location[]; first: Location }) {
  const { t } = useText()
  const [search, setSearch] = useSearchParams()
  const location = locations.find(({ id }) => id === search.get('location')) ?? first
  const kind = (Object.keys(t.kinds) as Space['kind'][]).find((name) => name === search.get('kind'))
  const spaces = useQuery(trpc.spaces.list.queryOptions({ locationId: location.id, kind, limit: 100 }))
  const choose = (change: Record<string, string>) =>
    setSearch((before) => ({ ...Object.fromEntries(before), ...change }), { replace: true })
  return (
    <>
      <div className="row filters">
        <Choice
          label={t.home.location}
          value={location.id}
          onChange={(id) => choose({ location: id })}
          options={locations.map(({ id, name, city }) => ({
            value: id,
            label: city ? `${name}, ${city}` : name,
          }))}
        />
        <Choice
          label={t.home.kind}
          value={kind ?? 'all'}
          onChange={(chosen) => choose({ kind: chosen })}
          options={[
            { value: 'all', label: t.home.allKinds },
            ...Object.entries(t.kinds).map(([value, label]) => ({ value, label })),
          ]}
        />
      </div>
      <Loaded query={spaces}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty title={t.home.empty} text={t.home.emptyText} />
          ) : (
            <ul className="cards">
              {items.map((space) => (
                <li key={space.id}>
                  <SpaceCard space={space} />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </>
  )
}

function SpaceCard({ space }: { space: Space }) {
  const { t, language } = useText()
  return (
    <Link className="card space" href={`/spaces/${space.id}`}>
      <span className={`tag ${space.kind}`}>{t.kinds[space.kind]}</span>
      <h2>{space.name}</h2>
      <p className="soft">
        {t.home.people(space.capacity)}
        {space.units > 1 && `, ${t.home.units(space.units)}`}
      </p>
      <p className="strong">
        {space.priceMinor === 0
          ? t.home.free
          : t.home.perSlot(
              formatMoney(space.priceMinor, space.currency, language),
              formatLength(space.slotMinutes, language),
            )}
      </p>
    </Link>
  )
}
