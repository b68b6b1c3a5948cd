import type { Inputs, Location } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { trpc } from '../../api'
import { HoursField } from '../../fields/hours-field'
import { useText } from '../../i18n'
import { useSaved, useSettled } from '../../ui/changes'
import { Button, Choice, TextField } from '../../ui/controls'
import { EditAndRemove, EditDialog, Form, useEdited } from '../../ui/forms'
import { Entry, List } from '../../ui/lists'
import { Loaded } from '../../ui/states'
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
  const editing = useEdited<Location>()
  const locations = useQuery(trpc.locations.list.queryOptions({ limit: 100 }))
  const settled = useSettled(
    trpc.locations.pathFilter(),
    trpc.spaces.pathFilter(),
    trpc.specialists.pathFilter(),
  )
  const remove = useMutation(trpc.locations.remove.mutationOptions(settled))
  return (
    <>
      <div className="row">
        <Button look="main" onClick={editing.add}>
          {t.operator.addLocation}
        </Button>
      </div>
      <Loaded query={locations}>
        {({ items }) => (
          <List items={items} empty={t.home.noLocations}>
            {(location) => (
              <Entry
                title={location.name}
                actions={
                  <EditAndRemove
                    name={location.name}
                    title={t.operator.removeSpace(location.name)}
                    onEdit={() => editing.edit(location)}
                    onRemove={() => remove.mutateAsync({ id: location.id })}
                  />
                }
              >
                <p className="soft">
                  {[location.address, location.city, location.timeZone].filter(Boolean).join(' · ')}
                </p>
              </Entry>
            )}
          </List>
        )}
      </Loaded>
      <EditDialog editing={editing} addTitle={t.operator.addLocation} titleOf={({ name }) => name}>
        {(location) => <LocationForm location={location} onDone={editing.done} />}
      </EditDialog>
    </>
  )
}

type LocationInput = Inputs['locations']['create']
const WORKDAYS = [1, 2, 3, 4, 5] as const

/** The browser's time zones and the present one, which it may not know. */
const timeZones = (present: string): string[] => [
  ...new Set([present, 'UTC', ...Intl.supportedValuesOf('timeZone')]),
]

function LocationForm({ location, onDone }: { location: Location | undefined; onDone(): void }) {
  const { t } = useText()
  const [fields, setFields] = useState<LocationInput & { address: string; city: string }>({
    name: location?.name ?? '',
    address: location?.address ?? '',
    city: location?.city ?? '',
    timeZone: location?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone,
    hours: location?.hours ?? WORKDAYS.map((weekday) => ({ weekday, opensAt: '09:00', closesAt: '18:00' })),
  })
  const saved = useSaved(onDone, trpc.locations.pathFilter())
  const create = useMutation(trpc.locations.create.mutationOptions(saved))
  const update = useMutation(trpc.locations.update.mutationOptions(saved))
  const text = (name: 'name' | 'address' | 'city') => ({
    name,
    label: t.operator[name],
    value: fields[name],
    onChange: (value: string) => setFields({ ...fields, [name]: value }),
  })
  return (
    <Form
      change={location ? update : create}
      onSubmit={() => {
        if (location) update.mutate({ id: location.id, ...fields })
        else create.mutate(fields)
      }}
    >
      <TextField {...text('name')} required maxLength={200} />
      <Choice
        label={t.operator.timeZone}
        value={fields.timeZone}
        onChange={(timeZone) => setFields({ ...fields, timeZone })}
        options={timeZones(fields.timeZone).map((value) => ({ value, label: value.replaceAll('_', ' ') }))}
      />
      <TextField {...text('address')} maxLength={500} />
      <TextField {...text('city')} maxLength={200} />
      <HoursField hours={fields.hours} onChange={(hours) => setFields({ ...fields, hours })} />
    </Form>
  )
}
