import type { Location, Space } from '@coworkspace/client'
import { useQuery } from '@tanstack/react-query'
import { Link, useSearchParams } from 'wouter'
import { trpc } from '../api'
import { dateIn, formatLength, formatMoney, instantOf, isDate } from '../format'
import { useText } from '../i18n'
import { Choice, optionsOf, TextField } from '../ui/controls'
import { Rating } from '../ui/stars'
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
  const asked = askedIn(search)
  const people = Number(asked.people)
  const filter = {
    locationId: location.id,
    kind,
    ...(people >= 1 && { minCapacity: Math.min(Math.floor(people), 10_000) }),
    limit: 100,
  }
  const wrong = wrongIn(asked)
  const wanted = wrong ? undefined : wantedOf(asked, location.timeZone)
  const all = useQuery(trpc.spaces.list.queryOptions(filter, { enabled: !wanted }))
  const free = useQuery(trpc.spaces.search.queryOptions({ ...filter, ...wanted }, { enabled: !!wanted }))
  const spaces = wanted ? free : all
  const errorOf = (field: Field) => (wrong?.field === field ? t.home.wrong[wrong.why] : undefined)
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
          options={[{ value: 'all', label: t.home.allKinds }, ...optionsOf(t.kinds)]}
        />
        <TextField
          label={t.home.howMany}
          type="number"
          min={1}
          max={10_000}
          value={asked.people}
          onChange={(count) => choose({ people: count })}
          error={errorOf('people')}
        />
        <TextField
          label={t.home.freeOn}
          type="date"
          min={dateIn(location.timeZone)}
          value={asked.date}
          onChange={(date) => choose({ date })}
          error={errorOf('date')}
        />
        <TextField
          label={t.home.from}
          type="time"
          value={asked.from}
          onChange={(from) => choose({ from })}
          error={errorOf('from')}
        />
        <TextField
          label={t.home.until}
          type="time"
          value={asked.to}
          onChange={(to) => choose({ to })}
          error={errorOf('to')}
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
                  <SpaceCard space={space} date={asked.date} />
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </>
  )
}

type Field = 'people' | 'date' | 'from' | 'to'
type Wrong = { field: Field; why: 'people' | 'noDate' | 'noOther' | 'order' }

type Asked = Record<Field, string>

/** The search from the URL; invalid dates and times are ignored. */
function askedIn(search: URLSearchParams): Asked {
  const [people = '', day, from, to] = ['people', 'date', 'from', 'to'].map((name) => search.get(name) ?? '')
  return { people, date: isDate(day) ? day : '', from: isTime(from) ? from : '', to: isTime(to) ? to : '' }
}

/** The first field that makes the search invalid, and why. */
function wrongIn({ people, date, from, to }: Asked): Wrong | undefined {
  if (people && !(Number(people) >= 1)) return { field: 'people', why: 'people' }
  if (!date) return from || to ? { field: 'date', why: 'noDate' } : undefined
  if (!from !== !to) return { field: from ? 'to' : 'from', why: 'noOther' }
  return from && from >= to ? { field: 'to', why: 'order' } : undefined
}

/** The period to search: any time on a date, or between two times. */
function wantedOf({ date, from, to }: Asked, timeZone: string) {
  if (!date) return undefined
  if (!from) return { date }
  return { from: instantOf(`${date}T${from}`, timeZone), to: instantOf(`${date}T${to}`, timeZone) }
}

const isTime = (text: string | null | undefined): text is string =>
  /^([01]\d|2[0-3]):[0-5]\d$/.test(text ?? '')

function SpaceCard({ space, date }: { space: Space; date: string }) {
  const { t, language } = useText()
  return (
    <Link className="card space" href={`/spaces/${space.id}${date && `?date=${date}`}`}>
      <span className={`tag ${space.kind}`}>{t.kinds[space.kind]}</span>
      <h2>{space.name}</h2>
      <p className="soft">
        {t.home.people(space.capacity)}
        {space.units > 1 && `, ${t.home.units(space.units)}`} <Rating {...space} />
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
