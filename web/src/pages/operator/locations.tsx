import type { Inputs, Location } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { queryClient, trpc } from '../../api'
import { useText } from '../../i18n'
import { Button, TextField } from '../../ui/controls'
import { Modal } from '../../ui/dialogs'
import { Empty, explain, Loaded } from '../../ui/states'
import { say } from '../../ui/toasts'
import { HoursField } from './hours-field'
import { OperatorPage } from './shell'

export default function LocationsPage() {
  const { t } = useText()
  return (
    <OperatorPage title={t.operator.locations}>
      <Locations />
    </OperatorPage>
  )
}

function Locations() {
  const { t } = useText()
  const [edited, setEdited] = useState<Location | 'new'>()
  const locations = useQuery(trpc.locations.list.queryOptions({ limit: 100 }))
  return (
    <>
      <div className="row">
        <Button look="main" onClick={() => setEdited('new')}>
          {t.operator.addLocation}
        </Button>
      </div>
      <Loaded query={locations}>
        {({ items }) => (
          <>
            {items.length === 0 && <Empty title={t.home.noLocations} />}
            <ul className="list">
              {items.map((location) => (
                <li key={location.id} className="card row spread">
                  <div className="grow">
                    <h2>{location.name}</h2>
                    <p className="soft">
                      {[location.address, location.city, location.timeZone].filter(Boolean).join(' · ')}
                    </p>
                  </div>
                  <Button onClick={() => setEdited(location)}>
                    {t.state.edit}
                    <span className="unseen"> {location.name}</span>
                  </Button>
                </li>
              ))}
            </ul>
          </>
        )}
      </Loaded>
      <Modal
        open={edited !== undefined}
        title={edited === 'new' || !edited ? t.operator.addLocation : edited.name}
        onClose={() => setEdited(undefined)}
      >
        {edited && (
          <LocationForm
            location={edited === 'new' ? undefined : edited}
            onDone={() => setEdited(undefined)}
          />
        )}
      </Modal>
    </>
  )
}

type LocationInput = Inputs['locations']['create']
const WORKDAYS = [1, 2, 3, 4, 5] as const

function LocationForm({ location, onDone }: { location: Location | undefined; onDone(): void }) {
  const { t } = useText()
  const [fields, setFields] = useState<LocationInput & { address: string; city: string }>({
    name: location?.name ?? '',
    address: location?.address ?? '',
    city: location?.city ?? '',
    timeZone: location?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    hours: location?.hours ?? WORKDAYS.map((weekday) => ({ weekday, opensAt: '09:00', closesAt: '18:00' })),
  })
  const options = {
    onSuccess() {
      void queryClient.invalidateQueries(trpc.locations.pathFilter())
      say(t.state.saved)
      onDone()
    },
  }
  const create = useMutation(trpc.locations.create.mutationOptions(options))
  const update = useMutation(trpc.locations.update.mutationOptions(options))
  const { isPending, error } = location ? update : create
  const text = (name: 'name' | 'address' | 'city' | 'timeZone') => ({
    label: t.operator[name],
    value: fields[name],
    onChange: (value: string) => setFields({ ...fields, [name]: value }),
  })
  return (
    <form
      className="form-grid"
      onSubmit={(event) => {
        event.preventDefault()
        if (location) update.mutate({ id: location.id, ...fields })
        else create.mutate(fields)
      }}
    >
      <TextField {...text('name')} required maxLength={200} />
      <TextField {...text('timeZone')} required hint="Europe/Rome" />
      <TextField {...text('address')} maxLength={500} />
      <TextField {...text('city')} maxLength={200} />
      <HoursField hours={fields.hours} onChange={(hours) => setFields({ ...fields, hours })} />
      {error && (
        <p className="error whole" role="alert">
          {explain(error, t)}
        </p>
      )}
      <div className="actions whole">
        <Button type="submit" look="main" disabled={isPending}>
          {t.state.save}
        </Button>
      </div>
    </form>
  )
}
