import type { Location, Outputs } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { trpc, useSpaces } from '../api'
import { CancellationField } from '../fields/cancellation-field'
import { amountField, minorOf, typedAmount } from '../fields/numbers'
import { instantOf, localOf } from '../format'
import { useText } from '../i18n'
import { useSaved } from '../ui/changes'
import { Check, Choice, TextArea, TextField } from '../ui/controls'
import { Form } from '../ui/forms'

export type Meeting = Outputs['events']['byId']

type EventFormProps = {
  location: Pick<Location, 'id' | 'timeZone'>
  event: Meeting | undefined
  onDone(): void
}

/** Announces an event, or changes one. Times are those of the location. */
export function EventForm({ location, event, onDone }: EventFormProps) {
  const { t } = useText()
  const { timeZone } = location
  const spaces = useSpaces(location.id)
  const [title, setTitle] = useState(event?.title ?? '')
  const [text, setText] = useState(event?.text ?? '')
  const [from, setFrom] = useState(event ? localOf(event.startsAt, timeZone) : '')
  const [to, setTo] = useState(event ? localOf(event.endsAt, timeZone) : '')
  const [spaceId, setSpaceId] = useState(event?.spaceId ?? 'none')
  const [capacity, setCapacity] = useState(String(event?.capacity ?? ''))
  const [currency, setCurrency] = useState(event?.currency ?? 'EUR')
  const [price, setPrice] = useState(typedAmount(event?.priceMinor ?? 0, currency))
  const [cancellation, setCancellation] = useState(event?.cancellation ?? [])
  const [isForMembers, setForMembers] = useState(event?.visibility === 'members')
  const saved = useSaved(onDone, trpc.events.pathFilter())
  const create = useMutation(trpc.events.create.mutationOptions(saved))
  const update = useMutation(trpc.events.update.mutationOptions(saved))

  function save() {
    const details = {
      title,
      text,
      startsAt: instantOf(from, timeZone),
      endsAt: instantOf(to, timeZone),
      spaceId: spaceId === 'none' ? null : spaceId,
      capacity: capacity === '' ? null : Number(capacity),
      priceMinor: minorOf(price, currency),
      currency,
      cancellation,
      visibility: isForMembers ? ('members' as const) : ('public' as const),
    }
    if (event) update.mutate({ id: event.id, ...details })
    else create.mutate({ locationId: location.id, ...details })
  }

  return (
    <Form change={event ? update : create} onSubmit={save}>
      <TextField
        className="whole"
        label={t.community.eventTitle}
        value={title}
        onChange={setTitle}
        required
        maxLength={200}
      />
      <TextArea label={t.community.eventText} value={text} onChange={setText} maxLength={2000} />
      <TextField label={t.operator.from} type="datetime-local" value={from} onChange={setFrom} required />
      <TextField
        label={t.operator.to}
        type="datetime-local"
        value={to}
        min={from}
        onChange={setTo}
        required
      />
      <p className="soft whole">{t.board.timesIn(timeZone)}</p>
      <Choice
        label={t.operator.space}
        value={spaceId}
        onChange={setSpaceId}
        options={[
          { value: 'none', label: t.community.noSpace },
          ...spaces.map(({ id, name }) => ({ value: id, label: name })),
        ]}
      />
      <TextField
        label={t.community.places}
        hint={t.community.placesHint}
        type="number"
        min={1}
        max={100_000}
        value={capacity}
        onChange={setCapacity}
      />
      <TextField
        label={t.operator.servicePrice}
        {...amountField({ value: price, currency, onChange: setPrice })}
      />
      <TextField
        label={t.operator.currency}
        value={currency}
        onChange={(typed) => setCurrency(typed.toUpperCase())}
        pattern="[A-Z]{3}"
        required
      />
      <Check label={t.community.forMembers} checked={isForMembers} onChange={setForMembers} />
      {Number(price) > 0 && <CancellationField tiers={cancellation} onChange={setCancellation} />}
    </Form>
  )
}
