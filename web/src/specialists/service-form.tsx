import type { Outputs } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { trpc } from '../api'
import { CancellationField, USUAL_TERMS } from '../fields/cancellation-field'
import { amountField, minorOf, typedAmount, useNumbers } from '../fields/numbers'
import { PriceFields, usePrice } from '../fields/price'
import { useText } from '../i18n'
import { useSaved } from '../ui/changes'
import { Check, Choice, optionsOf, TextField } from '../ui/controls'
import { Form } from '../ui/forms'

type Service = Outputs['services']['create']

type ServiceFormProps = { specialistId: string; service: Service | undefined; onDone(): void }

/** Creates or edits a service. Used by operators and by the specialist. */
export function ServiceForm({ specialistId, service, onDone }: ServiceFormProps) {
  const { t } = useText()
  const [name, setName] = useState(service?.name ?? '')
  const price = usePrice(service)
  const { currency } = price
  const [deposit, setDeposit] = useState(typedAmount(service?.depositMinor ?? 0, currency))
  const [needsApproval, setNeedsApproval] = useState(service?.needsApproval ?? false)
  const [needsRoom, setNeedsRoom] = useState(service?.needsRoom ?? false)
  const [roomKind, setRoomKind] = useState(service?.roomKind ?? 'meeting_room')
  const [cancellation, setCancellation] = useState(service?.cancellation ?? USUAL_TERMS)
  const numbers = useNumbers({
    durationMinutes: service?.durationMinutes ?? 60,
    bufferMinutes: service?.bufferMinutes ?? 0,
    answerHours: service?.answerHours ?? 24,
    roomCapacity: service?.roomCapacity ?? 1,
  })
  const saved = useSaved(onDone, trpc.services.pathFilter())
  const create = useMutation(trpc.services.create.mutationOptions(saved))
  const update = useMutation(trpc.services.update.mutationOptions(saved))

  function save() {
    const settings = {
      name,
      ...price.read(),
      depositMinor: minorOf(deposit, currency),
      needsApproval,
      needsRoom,
      roomKind,
      cancellation,
      ...numbers.read(),
    }
    if (service) update.mutate({ id: service.id, ...settings })
    else create.mutate({ specialistId, ...settings })
  }

  return (
    <Form change={service ? update : create} onSubmit={save}>
      <TextField
        label={t.operator.name}
        name="name"
        value={name}
        onChange={setName}
        required
        maxLength={200}
      />
      <TextField label={t.operator.durationMinutes} {...numbers.field('durationMinutes')} min={5} />
      <PriceFields label={t.operator.servicePrice} price={price} />
      <TextField
        label={t.operator.deposit}
        hint={t.operator.depositHint}
        {...amountField({ name: 'depositMinor', value: deposit, currency, onChange: setDeposit })}
      />
      <TextField label={t.operator.bufferMinutes} {...numbers.field('bufferMinutes')} />
      <Check label={t.operator.needsApproval} checked={needsApproval} onChange={setNeedsApproval} />
      {needsApproval && (
        <TextField label={t.operator.answerHours} {...numbers.field('answerHours')} min={1} max={720} />
      )}
      <Check label={t.operator.needsRoom} checked={needsRoom} onChange={setNeedsRoom} />
      {needsRoom && (
        <>
          <Choice<Service['roomKind']>
            label={t.operator.roomKind}
            value={roomKind}
            onChange={setRoomKind}
            options={optionsOf(t.kinds)}
          />
          <TextField label={t.operator.roomCapacity} {...numbers.field('roomCapacity')} min={1} />
        </>
      )}
      <CancellationField tiers={cancellation} onChange={setCancellation} />
    </Form>
  )
}
