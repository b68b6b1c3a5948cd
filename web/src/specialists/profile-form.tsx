import type { Location, Outputs } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { trpc } from '../api'
import { HoursField } from '../fields/hours-field'
import { useNumbers } from '../fields/numbers'
import { useText } from '../i18n'
import { useSaved } from '../ui/changes'
import { TextArea, TextField } from '../ui/controls'
import { Form } from '../ui/forms'

type Specialist = Outputs['specialists']['byId']

type ProfileFormProps = {
  location: Pick<Location, 'id' | 'hours'>
  specialist: Specialist | undefined
  /** User of a new profile; the caller by default. */
  userId?: string
  /** More fields above the others. */
  children?: ReactNode
  onDone(): void
}

/** Creates or edits a specialist's profile. Used by operators and by the specialist. */
export function ProfileForm({ location, specialist, userId, children, onDone }: ProfileFormProps) {
  const { t } = useText()
  const [name, setName] = useState(specialist?.name ?? '')
  const [about, setAbout] = useState(specialist?.about ?? '')
  const [hours, setHours] = useState(specialist?.hours ?? location.hours)
  const numbers = useNumbers({
    slotMinutes: specialist?.slotMinutes ?? 30,
    minNoticeMinutes: specialist?.minNoticeMinutes ?? 0,
    maxNoticeDays: specialist?.maxNoticeDays ?? 90,
  })
  const saved = useSaved(onDone, trpc.specialists.pathFilter())
  const create = useMutation(trpc.specialists.create.mutationOptions(saved))
  const update = useMutation(trpc.specialists.update.mutationOptions(saved))
  return (
    <Form
      change={specialist ? update : create}
      onSubmit={() => {
        const settings = { about, hours, ...(name.trim() && { name }), ...numbers.read() }
        if (specialist) update.mutate({ id: specialist.id, ...settings })
        else create.mutate({ locationId: location.id, ...(userId && { userId }), ...settings })
      }}
    >
      {children}
      <TextField label={t.operator.name} name="name" value={name} onChange={setName} maxLength={200} />
      <TextField label={t.operator.slotMinutes} {...numbers.field('slotMinutes')} min={5} max={1440} />
      <TextField label={t.operator.minNoticeMinutes} {...numbers.field('minNoticeMinutes')} />
      <TextField label={t.operator.maxNoticeDays} {...numbers.field('maxNoticeDays')} min={1} max={3650} />
      <TextArea label={t.operator.about} name="about" value={about} onChange={setAbout} maxLength={5000} />
      <HoursField hours={hours} onChange={setHours} />
    </Form>
  )
}
