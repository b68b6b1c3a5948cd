import type { Location, Outputs } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { trpc, useSpaces } from '../api'
import { CancellationField, USUAL_TERMS } from '../fields/cancellation-field'
import { PeriodFields, usePeriod } from '../fields/period'
import { PriceFields, usePrice } from '../fields/price'
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

/** Creates or edits an event. Times are in the location's time zone. */
export function EventForm({ location, event, onDone }: EventFormProps) {
  const { t } = useText()
  const spaces = useSpaces(location.id)
  const [title, setTitle] = useState(event?.title ?? '')
  const [text, setText] = useState(event?.text ?? '')
  const period = usePeriod(location.timeZone, event)
  const [spaceId, setSpaceId] = useState(event?.spaceId ?? 'none')
  const [capacity, setCapacity] = useState(String(event?.capacity ?? ''))
  const price = usePrice(event)
  const [cancellation, setCancellation] = useState(event?.cancellation ?? USUAL_TERMS)
  const [isForMembers, setForMembers] = useState(event?.visibility === 'members')
  const saved = useSaved(onDone, trpc.events.pathFilter())
  const create = useMutation(trpc.events.create.mutationOptions(saved))
  const update = useMutation(trpc.events.update.mutationOptions(saved))

  function save() {
    const details = {
      title,
      text,
      ...period.read(),
      spaceId: spaceId === 'none' ? null : spaceId,
      capacity: capacity === '' ? null : Number(capacity),
      ...price.read(),
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
        name="title"
        value={title}
        onChange={setTitle}
        required
        maxLength={200}
      />
      <TextArea label={t.community.eventText} name="text" value={text} onChange={setText} maxLength={2000} />
      <PeriodFields {...period} />
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
        name="capacity"
        hint={t.community.placesHint}
        type="number"
        min={1}
        max={100_000}
        value={capacity}
        onChange={setCapacity}
      />
      <PriceFields label={t.operator.servicePrice} price={price} />
      <Check label={t.community.forMembers} checked={isForMembers} onChange={setForMembers} />
      {Number(price.value) > 0 && <CancellationField tiers={cancellation} onChange={setCancellation} />}
    </Form>
  )
}
