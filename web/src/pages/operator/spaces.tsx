import type { Inputs, Location, Space } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { queryClient, trpc } from '../../api'
import { formatLength, formatMoney } from '../../format'
import { useText } from '../../i18n'
import { Button, Choice, TextField } from '../../ui/controls'
import { Confirm, Modal } from '../../ui/dialogs'
import { Empty, explain, Loaded } from '../../ui/states'
import { say } from '../../ui/toasts'
import { AtLocation, OperatorPage } from './shell'

export default function SpacesPage() {
  const { t } = useText()
  const [edited, setEdited] = useState<Space | 'new'>()
  return (
    <OperatorPage title={t.operator.spaces}>
      <AtLocation
        beside={() => (
          <Button look="main" onClick={() => setEdited('new')}>
            {t.operator.addSpace}
          </Button>
        )}
      >
        {(location) => (
          <>
            <Spaces location={location} onEdit={setEdited} />
            <Modal
              open={edited !== undefined}
              title={edited === 'new' || !edited ? t.operator.addSpace : edited.name}
              onClose={() => setEdited(undefined)}
            >
              {edited && (
                <SpaceForm
                  location={location}
                  space={edited === 'new' ? undefined : edited}
                  onDone={() => setEdited(undefined)}
                />
              )}
            </Modal>
          </>
        )}
      </AtLocation>
    </OperatorPage>
  )
}

function Spaces({ location, onEdit }: { location: Location; onEdit(space: Space): void }) {
  const { t, language } = useText()
  const [leaving, setLeaving] = useState<Space>()
  const spaces = useQuery(trpc.spaces.list.queryOptions({ locationId: location.id, limit: 100 }))
  const remove = useMutation(
    trpc.spaces.remove.mutationOptions({
      onError: (error) => say(explain(error, t)),
      onSettled() {
        setLeaving(undefined)
        void queryClient.invalidateQueries(trpc.spaces.pathFilter())
      },
    }),
  )
  return (
    <Loaded query={spaces}>
      {({ items }) => (
        <>
          {items.length === 0 && <Empty title={t.home.empty} />}
          <ul className="list">
            {items.map((space) => (
              <li key={space.id} className="card row spread">
                <div className="grow">
                  <h2>{space.name}</h2>
                  <p className="soft">
                    {t.kinds[space.kind]} · {t.home.people(space.capacity)} ·{' '}
                    {t.home.perSlot(
                      formatMoney(space.priceMinor, space.currency, language),
                      formatLength(space.slotMinutes, language),
                    )}
                    {space.units > 1 && ` · ${t.home.units(space.units)}`}
                  </p>
                </div>
                <div className="actions">
                  <Button onClick={() => onEdit(space)}>
                    {t.state.edit}
                    <span className="unseen"> {space.name}</span>
                  </Button>
                  <Button look="quiet" onClick={() => setLeaving(space)}>
                    {t.state.remove}
                    <span className="unseen"> {space.name}</span>
                  </Button>
                </div>
              </li>
            ))}
          </ul>
          <Confirm
            open={leaving !== undefined}
            title={t.operator.removeSpace(leaving?.name ?? '')}
            text={t.operator.removeText}
            action={t.state.remove}
            busy={remove.isPending}
            onConfirm={() => leaving && remove.mutate({ id: leaving.id })}
            onClose={() => setLeaving(undefined)}
          />
        </>
      )}
    </Loaded>
  )
}

const NUMBERS = ['capacity', 'units', 'slotMinutes', 'bufferMinutes', 'maxSlots'] as const
type SpaceInput = Inputs['spaces']['create']

function SpaceForm({
  location,
  space,
  onDone,
}: {
  location: Location
  space: Space | undefined
  onDone(): void
}) {
  const { t } = useText()
  const [name, setName] = useState(space?.name ?? '')
  const [kind, setKind] = useState<Space['kind']>(space?.kind ?? 'desk')
  const [currency, setCurrency] = useState(space?.currency ?? 'EUR')
  const [price, setPrice] = useState(String((space?.priceMinor ?? 0) / unitOf(currency)))
  const [numbers, setNumbers] = useState({
    capacity: String(space?.capacity ?? 1),
    units: String(space?.units ?? 1),
    slotMinutes: String(space?.slotMinutes ?? 60),
    bufferMinutes: String(space?.bufferMinutes ?? 0),
    maxSlots: String(space?.maxSlots ?? 8),
  })
  const options = {
    onSuccess() {
      void queryClient.invalidateQueries(trpc.spaces.pathFilter())
      say(t.state.saved)
      onDone()
    },
  }
  const create = useMutation(trpc.spaces.create.mutationOptions(options))
  const update = useMutation(trpc.spaces.update.mutationOptions(options))
  const { isPending, error } = space ? update : create

  function save() {
    const settings: Omit<SpaceInput, 'locationId'> = {
      name,
      kind,
      currency,
      priceMinor: Math.round(Number(price) * unitOf(currency)),
      ...Object.fromEntries(NUMBERS.map((field) => [field, Number(numbers[field])])),
    }
    if (space) update.mutate({ id: space.id, ...settings })
    else create.mutate({ locationId: location.id, ...settings })
  }

  return (
    <form
      className="form-grid"
      onSubmit={(event) => {
        event.preventDefault()
        save()
      }}
    >
      <TextField label={t.operator.name} value={name} onChange={setName} required maxLength={200} />
      <Choice<Space['kind']>
        label={t.operator.kind}
        value={kind}
        onChange={setKind}
        options={(Object.keys(t.kinds) as Space['kind'][]).map((value) => ({ value, label: t.kinds[value] }))}
      />
      <TextField
        label={t.operator.price}
        type="number"
        min={0}
        step="any"
        value={price}
        onChange={setPrice}
        required
      />
      <TextField
        label={t.operator.currency}
        value={currency}
        onChange={(text) => setCurrency(text.toUpperCase())}
        pattern="[A-Z]{3}"
        required
      />
      {NUMBERS.map((field) => (
        <TextField
          key={field}
          label={t.operator[field]}
          type="number"
          min={field === 'bufferMinutes' ? 0 : 1}
          value={numbers[field]}
          onChange={(value) => setNumbers({ ...numbers, [field]: value })}
          required
        />
      ))}
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

/** How many of the smallest unit make one of a currency; 1 for a code that is only half typed. */
function unitOf(currency: string): number {
  if (!/^[A-Z]{3}$/.test(currency)) return 1
  const digits = new Intl.NumberFormat('en', { style: 'currency', currency }).resolvedOptions()
  return 10 ** (digits.maximumFractionDigits ?? 2)
}
