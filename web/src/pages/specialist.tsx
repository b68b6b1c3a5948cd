import { Radio } from '@base-ui/react/radio'
import { RadioGroup } from '@base-ui/react/radio-group'
import { useQuery } from '@tanstack/react-query'
import { useId, useState } from 'react'
import { useParams, useSearchParams } from 'wouter'
import { trpc, useSignedIn } from '../api'
import { BookATime } from '../board/book-a-time'
import { dateOf, formatLength, formatMoney } from '../format'
import { useText } from '../i18n'
import { Reviews } from '../reviews/reviews'
import { TextField } from '../ui/controls'
import { Rating } from '../ui/stars'
import { Empty, Loaded } from '../ui/states'
import { useTitle } from '../ui/title'
import type { Service, Specialist } from './specialists'

/** Keeps the height of the line while it loads. */
const NOTHING_YET = '\u00a0'

export default function SpecialistPage() {
  const { id = '' } = useParams()
  const specialist = useQuery(trpc.specialists.byId.queryOptions({ id }))
  return (
    <Loaded isPage query={specialist}>
      {(found) => <Profile specialist={found} />}
    </Loaded>
  )
}

function Profile({ specialist }: { specialist: Specialist }) {
  const { t } = useText()
  useTitle(specialist.name)
  const location = useQuery(trpc.locations.byId.queryOptions({ id: specialist.locationId })).data
  const services = useQuery(trpc.services.list.queryOptions({ specialistId: specialist.id, limit: 100 }))
  return (
    <>
      <div>
        <p className="soft">
          {location ? [location.name, location.city].filter(Boolean).join(', ') : NOTHING_YET}
        </p>
        <h1>{specialist.name}</h1>
        <p>
          <Rating {...specialist} />
        </p>
      </div>
      {specialist.about && <p className="prose lead">{specialist.about}</p>}
      <Loaded query={services}>
        {({ items }) =>
          items[0] ? (
            <Offer specialist={specialist} services={items} first={items[0]} />
          ) : (
            <Empty title={t.specialists.noServices} />
          )
        }
      </Loaded>
      {!services.isPending && <Reviews of={{ specialistId: specialist.id }} name={specialist.name} />}
    </>
  )
}

type OfferProps = { specialist: Specialist; services: Service[]; first: Service }

function Offer({ specialist, services, first }: OfferProps) {
  const { t } = useText()
  const label = useId()
  const signedIn = useSignedIn()
  const [note, setNote] = useState('')
  const notes = note.trim()
  const [search, setSearch] = useSearchParams()
  const chosen = services.find(({ id }) => id === search.get('service')) ?? first
  const date = dateOf(search.get('date'), specialist.timeZone)
  return (
    <>
      <section>
        <h2 id={label}>{t.specialists.services}</h2>
        <RadioGroup
          className="cards"
          aria-labelledby={label}
          value={chosen.id}
          onValueChange={(id) => setSearch({ service: String(id), date }, { replace: true })}
        >
          {services.map((service) => (
            <ServiceChoice key={service.id} service={service} />
          ))}
        </RadioGroup>
      </section>
      {signedIn && (
        <TextField
          label={t.specialists.note(specialist.name)}
          value={note}
          onChange={setNote}
          maxLength={2000}
        />
      )}
      <BookATime
        key={chosen.id}
        dayOf={{ specialistId: specialist.id, serviceId: chosen.id }}
        date={date}
        timeZone={specialist.timeZone}
        onDate={(day) => setSearch({ service: chosen.id, date: day })}
        wishFor={({ startsAt }) => ({ serviceId: chosen.id, startsAt, ...(notes && { notes }) })}
      />
    </>
  )
}

function ServiceChoice({ service }: { service: Service }) {
  const { t, language } = useText()
  const id = useId()
  const money = (minor: number) => formatMoney(minor, service.currency, language)
  return (
    <Radio.Root value={service.id} aria-labelledby={id} className="card choice">
      <span id={id} className="strong">
        {service.name}
      </span>
      <span className="soft">
        {formatLength(service.durationMinutes, language)} ·{' '}
        {service.priceMinor === 0 ? t.home.free : money(service.priceMinor)}
        {service.needsRoom && ` ${t.specialists.plusRoom}`}
      </span>
      {service.depositMinor > 0 && <span>{t.specialists.deposit(money(service.depositMinor))}</span>}
      {service.needsApproval && <span>{t.specialists.needsYes}</span>}
    </Radio.Root>
  )
}
