import type { Outputs } from '@coworkspace/client'
import { useQuery } from '@tanstack/react-query'
import { useDeferredValue } from 'react'
import { Link, useSearchParams } from 'wouter'
import { client, trpc } from '../api'
import { dateIn, isDate } from '../format'
import { useText } from '../i18n'
import { Choice, TextField } from '../ui/controls'
import { ShowMore } from '../ui/lists'
import { usePages } from '../ui/pages'
import { Rating } from '../ui/stars'
import { Empty, Loaded } from '../ui/states'
import { useTitle } from '../ui/title'

export type Specialist = Outputs['specialists']['byId']
export type Service = Outputs['services']['create']

const RATINGS = ['any', '3', '4', '4.5'] as const

export default function SpecialistsPage() {
  const { t } = useText()
  useTitle(t.specialists.title)
  const [search, setSearch] = useSearchParams()
  const wanted = Object.fromEntries(useDeferredValue(search))
  const { service, date } = wanted
  const day = search.get('date')
  const minRating = Number(wanted.rating)
  const locations = useQuery(trpc.locations.list.queryOptions({ limit: 100 })).data?.items ?? []
  const services = useQuery(trpc.services.list.queryOptions({ limit: 100 })).data?.items ?? []
  const locationId = locations.find(({ id }) => id === wanted.location)?.id
  const filter = {
    ...(locationId && { locationId }),
    ...(service && { service }),
    ...(isDate(date) && { date }),
    ...(minRating >= 1 && minRating <= 5 && { minRating }),
  }
  const query = usePages([...trpc.specialists.list.pathKey(), filter], (cursor) =>
    client.specialists.list.query({ ...filter, limit: 30, cursor }),
  )
  const choose = (change: Record<string, string>) =>
    setSearch(
      (before) =>
        Object.entries({ ...Object.fromEntries(before), ...change }).filter(([, value]) => value !== ''),
      { replace: true },
    )
  return (
    <>
      <h1>{t.specialists.title}</h1>
      <p className="soft lead">{t.specialists.lead}</p>
      <div className="row filters">
        <TextField
          label={t.specialists.service}
          type="search"
          value={search.get('service') ?? ''}
          onChange={(text) => choose({ service: text })}
          maxLength={200}
        />
        <Choice
          label={t.home.location}
          value={locationId ?? 'all'}
          onChange={(id) => choose({ location: id === 'all' ? '' : id })}
          options={[
            { value: 'all', label: t.specialists.anywhere },
            ...locations.map(({ id, name }) => ({ value: id, label: name })),
          ]}
        />
        <TextField
          label={t.specialists.freeOn}
          type="date"
          min={dateIn('UTC')}
          value={isDate(day) ? day : ''}
          onChange={(chosen) => choose({ date: chosen })}
        />
        <Choice
          label={t.specialists.rating}
          value={RATINGS.find((rating) => rating === search.get('rating')) ?? 'any'}
          onChange={(rating) => choose({ rating: rating === 'any' ? '' : rating })}
          options={RATINGS.map((value) => ({
            value,
            label: value === 'any' ? t.specialists.anyRating : t.specialists.atLeast(value),
          }))}
        />
      </div>
      <Loaded query={query}>
        {(specialists) =>
          specialists.length === 0 ? (
            <Empty title={t.specialists.empty} text={t.specialists.emptyText} />
          ) : (
            <>
              <ul className="cards">
                {specialists.map((specialist) => (
                  <li key={specialist.id}>
                    <SpecialistCard
                      specialist={specialist}
                      place={locations.find(({ id }) => id === specialist.locationId)?.name}
                      services={services.filter(({ specialistId }) => specialistId === specialist.id)}
                    />
                  </li>
                ))}
              </ul>
              <ShowMore query={query} />
            </>
          )
        }
      </Loaded>
    </>
  )
}

type SpecialistCardProps = { specialist: Specialist; place: string | undefined; services: Service[] }

function SpecialistCard({ specialist, place, services }: SpecialistCardProps) {
  return (
    <Link className="card space" href={`/specialists/${specialist.id}`}>
      <h2>{specialist.name}</h2>
      <p className="soft">
        {place} <Rating {...specialist} />
      </p>
      {specialist.about && <p className="short">{specialist.about}</p>}
      <p className="row">
        {services.map(({ id, name }) => (
          <span key={id} className="tag">
            {name}
          </span>
        ))}
      </p>
    </Link>
  )
}
