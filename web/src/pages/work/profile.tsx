import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { trpc } from '../../api'
import { ClosureForm } from '../../fields/closure-form'
import { formatMoment } from '../../format'
import { useText } from '../../i18n'
import { ProfileForm } from '../../specialists/profile-form'
import { useSettled } from '../../ui/changes'
import { Button } from '../../ui/controls'
import { Modal } from '../../ui/dialogs'
import { Loaded } from '../../ui/states'
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
        {adding && (
          <ClosureForm
            of={{ locationId: me.locationId, specialistId: me.id }}
            timeZone={me.timeZone}
            onDone={() => setAdding(false)}
          />
        )}
      </Modal>
    </section>
  )
}
