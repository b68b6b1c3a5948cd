import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { trpc } from '../../api'
import { formatMoment, instantOf, localOf } from '../../format'
import { useText } from '../../i18n'
import { ProfileForm } from '../../specialists/profile-form'
import { makeOld, useSettled } from '../../ui/changes'
import { Button, TextField } from '../../ui/controls'
import { Modal } from '../../ui/dialogs'
import { Form } from '../../ui/forms'
import { Loaded } from '../../ui/states'
import { say } from '../../ui/toasts'
import type { Specialist } from '../specialists'
import { WorkPage } from './shell'

export default function WorkProfilePage() {
  const { t } = useText()
  return (
    <WorkPage title={t.work.profile}>
      {(me) => (
        <>
          <section className="card">
            <ProfileForm
              location={{ id: me.locationId, hours: me.hours }}
              specialist={me}
              onDone={() => {}}
            />
          </section>
          <TimeOff me={me} />
        </>
      )}
    </WorkPage>
  )
}

function TimeOff({ me }: { me: Specialist }) {
  const { t, language } = useText()
  const [adding, setAdding] = useState(false)
  const closures = useQuery(trpc.closures.list.queryOptions({ specialistId: me.id, limit: 100 }))
  const remove = useMutation(trpc.closures.remove.mutationOptions(useSettled(trpc.closures.pathFilter())))
  const moment = (instant: string) => formatMoment(instant, language, me.timeZone)
  return (
    <section className="card form">
      <div className="row spread">
        <h2>{t.work.timeOff}</h2>
        <Button onClick={() => setAdding(true)}>{t.work.addTimeOff}</Button>
      </div>
      <Loaded query={closures}>
        {({ items }) => (
          <>
            {items.length === 0 && <p className="soft">{t.work.noTimeOff}</p>}
            <ul className="list lines">
              {items.map(({ id, startsAt, endsAt, reason }) => (
                <li key={id} className="row spread">
                  <div className="grow">
                    <p>
                      {moment(startsAt)} – {moment(endsAt)}
                    </p>
                    {reason && <p className="soft">{reason}</p>}
                  </div>
                  <Button
                    look="quiet"
                    of={moment(startsAt)}
                    disabled={remove.isPending}
                    onClick={() => remove.mutate({ id })}
                  >
                    {t.state.remove}
                  </Button>
                </li>
              ))}
            </ul>
          </>
        )}
      </Loaded>
      <Modal open={adding} title={t.work.addTimeOff} onClose={() => setAdding(false)}>
        {adding && <TimeOffForm me={me} onDone={() => setAdding(false)} />}
      </Modal>
    </section>
  )
}

function TimeOffForm({ me, onDone }: { me: Specialist; onDone(): void }) {
  const { t } = useText()
  const [from, setFrom] = useState(() => localOf(new Date().toISOString(), me.timeZone))
  const [to, setTo] = useState('')
  const [reason, setReason] = useState('')
  const create = useMutation(
    trpc.closures.create.mutationOptions({
      onSuccess({ standing }) {
        makeOld(trpc.closures.pathFilter())
        say(standing.length > 0 ? t.operator.standing(standing.length) : t.state.saved)
        onDone()
      },
    }),
  )
  return (
    <Form
      change={create}
      onSubmit={() =>
        create.mutate({
          locationId: me.locationId,
          specialistId: me.id,
          startsAt: instantOf(from, me.timeZone),
          endsAt: instantOf(to, me.timeZone),
          reason,
        })
      }
    >
      <TextField label={t.operator.from} type="datetime-local" value={from} onChange={setFrom} required />
      <TextField label={t.work.until} type="datetime-local" value={to} min={from} onChange={setTo} required />
      <TextField label={t.operator.reason} value={reason} onChange={setReason} maxLength={500} />
    </Form>
  )
}
