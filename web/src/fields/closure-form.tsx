import type { Inputs } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { trpc } from '../api'
import { useText } from '../i18n'
import { makeOld } from '../ui/changes'
import { TextField } from '../ui/controls'
import { Form } from '../ui/forms'
import { say } from '../ui/toasts'
import { PeriodFields, usePeriod } from './period'

type ClosureFormProps = {
  /** A location, one of its spaces, or a specialist. */
  of: Omit<Inputs['closures']['create'], 'startsAt' | 'endsAt' | 'reason'>
  timeZone: string
  children?: ReactNode
  onDone(): void
}

/** Creates a closure and reports how many bookings and events remain in its period. */
export function ClosureForm({ of, timeZone, children, onDone }: ClosureFormProps) {
  const { t } = useText()
  const period = usePeriod(timeZone, { startsAt: new Date().toISOString() })
  const [reason, setReason] = useState('')
  const create = useMutation(
    trpc.closures.create.mutationOptions({
      onSuccess({ standing, events }) {
        makeOld(trpc.closures.pathFilter())
        const booked = standing.filter(({ eventId }) => eventId === null).length
        // An event has a claim on every unit of its space; count it once.
        const on = new Set([
          ...standing.flatMap(({ eventId }) => eventId ?? []),
          ...events.map(({ id }) => id),
        ]).size
        const said = [booked > 0 && t.operator.standing(booked), on > 0 && t.operator.on(on)].filter(Boolean)
        say(said.join(' ') || t.state.saved)
        onDone()
      },
    }),
  )
  return (
    <Form change={create} onSubmit={() => create.mutate({ ...of, ...period.read(), reason })}>
      {children}
      <TextField
        label={t.operator.reason}
        name="reason"
        value={reason}
        onChange={setReason}
        maxLength={500}
      />
      <PeriodFields {...period} />
    </Form>
  )
}
