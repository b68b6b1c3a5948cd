import type { Location, Space } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { trpc } from '../../api'
import { CancellationField, USUAL_TERMS } from '../../fields/cancellation-field'
import { HoursField } from '../../fields/hours-field'
import { useNumbers } from '../../fields/numbers'
import { PriceFields, usePrice } from '../../fields/price'
import { formatLength, formatMoney } from '../../format'
import { useText } from '../../i18n'
import { AtLocation } from '../../ui/at-location'
import { useSaved, useSettled } from '../../ui/changes'
import { Button, Check, Choice, optionsOf, TextField } from '../../ui/controls'
import { EditAndRemove, EditDialog, Form, useEdited } from '../../ui/forms'
import { Entry, List } from '../../ui/lists'
import { Loaded } from '../../ui/states'
import { OperatorPage } from './shell'

export default function SpacesPage() {
  const { t } = useText()
  const editing = useEdited<Space>()
  return (
    <OperatorPage title={t.operator.spaces}>
      <AtLocation
        beside={
          <Button look="main" onClick={editing.add}>
            {t.operator.addSpace}
          </Button>
        }
      >
        {(location) => (
          <>
            <Spaces location={location} onEdit={editing.edit} />
            <EditDialog editing={editing} addTitle={t.operator.addSpace} titleOf={({ name }) => name}>
              {(space) => <SpaceForm location={location} space={space} onDone={editing.done} />}
            </EditDialog>
          </>
        )}
      </AtLocation>
    </OperatorPage>
  )
}

function Spaces({ location, onEdit }: { location: Location; onEdit(space: Space): void }) {
  const { t, language } = useText()
  const spaces = useQuery(trpc.spaces.list.queryOptions({ locationId: location.id, limit: 100 }))
  const remove = useMutation(trpc.spaces.remove.mutationOptions(useSettled(trpc.spaces.pathFilter())))
  return (
    <Loaded query={spaces}>
      {({ items }) => (
        <List items={items} empty={t.home.empty}>
          {(space) => (
            <Entry
              title={space.name}
              actions={
                <EditAndRemove
                  name={space.name}
                  title={t.operator.removeSpace(space.name)}
                  onEdit={() => onEdit(space)}
                  onRemove={() => remove.mutateAsync({ id: space.id })}
                />
              }
            >
              <p className="soft">
                {t.kinds[space.kind]} · {t.home.people(space.capacity)} ·{' '}
                {space.priceMinor === 0
                  ? t.home.free
                  : t.home.perSlot(
                      formatMoney(space.priceMinor, space.currency, language),
                      formatLength(space.slotMinutes, language),
                    )}
                {space.units > 1 && ` · ${t.home.units(space.units)}`}
              </p>
            </Entry>
          )}
        </List>
      )}
    </Loaded>
  )
}

const NUMBERS = [
  'capacity',
  'units',
  'slotMinutes',
  'bufferMinutes',
  'maxSlots',
  'minNoticeMinutes',
  'maxNoticeDays',
] as const

type SpaceFormProps = { location: Location; space: Space | undefined; onDone(): void }

function SpaceForm({ location, space, onDone }: SpaceFormProps) {
  const { t } = useText()
  const [name, setName] = useState(space?.name ?? '')
  const [kind, setKind] = useState<Space['kind']>(space?.kind ?? 'desk')
  const price = usePrice(space)
  const [hours, setHours] = useState(space?.hours ?? null)
  const [cancellation, setCancellation] = useState(space?.cancellation ?? USUAL_TERMS)
  const numbers = useNumbers({
    capacity: space?.capacity ?? 1,
    units: space?.units ?? 1,
    slotMinutes: space?.slotMinutes ?? 60,
    bufferMinutes: space?.bufferMinutes ?? 0,
    maxSlots: space?.maxSlots ?? 8,
    minNoticeMinutes: space?.minNoticeMinutes ?? 0,
    maxNoticeDays: space?.maxNoticeDays ?? 90,
  })
  const saved = useSaved(onDone, trpc.spaces.pathFilter())
  const create = useMutation(trpc.spaces.create.mutationOptions(saved))
  const update = useMutation(trpc.spaces.update.mutationOptions(saved))

  function save() {
    const settings = {
      name,
      kind,
      ...price.read(),
      hours,
      cancellation,
      ...numbers.read(),
    }
    if (space) update.mutate({ id: space.id, ...settings })
    else create.mutate({ locationId: location.id, ...settings })
  }

  return (
    <Form change={space ? update : create} onSubmit={save}>
      <TextField
        label={t.operator.name}
        name="name"
        value={name}
        onChange={setName}
        required
        maxLength={200}
      />
      <Choice<Space['kind']>
        label={t.operator.kind}
        value={kind}
        onChange={setKind}
        options={optionsOf(t.kinds)}
      />
      <PriceFields label={t.operator.price} price={price} />
      {NUMBERS.map((field) => (
        <TextField key={field} label={t.operator[field]} {...numbers.field(field)} />
      ))}
      <Check
        label={t.operator.ownHours}
        checked={hours !== null}
        onChange={(own) => setHours(own ? location.hours : null)}
      />
      {hours && <HoursField hours={hours} onChange={setHours} />}
      <CancellationField tiers={cancellation} onChange={setCancellation} />
    </Form>
  )
}
