import type { Location } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { queryClient, trpc } from '../../api'
import { formatMoment, instantOf, localOf } from '../../format'
import { useText } from '../../i18n'
import { Button, Choice, TextField } from '../../ui/controls'
import { Modal } from '../../ui/dialogs'
import { Empty, explain, Loaded } from '../../ui/states'
import { say } from '../../ui/toasts'
import { AtLocation, OperatorPage } from './shell'

export default function ClosuresPage() {
  const { t } = useText()
  const [adding, setAdding] = useState(false)
  return (
    <OperatorPage title={t.operator.closures}>
      <AtLocation
        beside={() => (
          <Button look="main" onClick={() => setAdding(true)}>
            {t.operator.addClosure}
          </Button>
        )}
      >
        {(location) => (
          <>
            <Closures location={location} />
            <Modal open={adding} title={t.operator.addClosure} onClose={() => setAdding(false)}>
              <ClosureForm location={location} onDone={() => setAdding(false)} />
            </Modal>
          </>
        )}
      </AtLocation>
    </OperatorPage>
  )
}

const useSpacesOf = (location: Location) =>
  useQuery(trpc.spaces.list.queryOptions({ locationId: location.id, limit: 100 })).data?.items ?? []

function Closures({ location }: { location: Location }) {
  const { t, language } = useText()
  const spaces = useSpacesOf(location)
  const closures = useQuery(trpc.closures.list.queryOptions({ locationId: location.id, limit: 100 }))
  const remove = useMutation(
    trpc.closures.remove.mutationOptions({
      onError: (error) => say(explain(error, t)),
      onSettled: () => void queryClient.invalidateQueries(trpc.closures.pathFilter()),
    }),
  )
  const moment = (instant: string) => formatMoment(instant, language, location.timeZone)
  return (
    <Loaded query={closures}>
      {({ items }) => (
        <>
          {items.length === 0 && <Empty title={t.operator.noClosures} />}
          <ul className="list">
            {items.map(({ id, spaceId, startsAt, endsAt, reason }) => (
              <li key={id} className="card row spread">
                <div className="grow">
                  <h2>{spaces.find((space) => space.id === spaceId)?.name ?? t.operator.wholeLocation}</h2>
                  <p>
                    {moment(startsAt)} – {moment(endsAt)}
                  </p>
                  {reason && <p className="soft">{reason}</p>}
                </div>
                <Button disabled={remove.isPending} onClick={() => remove.mutate({ id })}>
                  {t.operator.reopen}
                </Button>
              </li>
            ))}
          </ul>
        </>
      )}
    </Loaded>
  )
}

function ClosureForm({ location, onDone }: { location: Location; onDone(): void }) {
  const { t } = useText()
  const spaces = useSpacesOf(location)
  const [spaceId, setSpaceId] = useState('all')
  const [from, setFrom] = useState(() => localOf(new Date().toISOString(), location.timeZone))
  const [to, setTo] = useState('')
  const [reason, setReason] = useState('')
  const create = useMutation(
    trpc.closures.create.mutationOptions({
      onSuccess({ standing }) {
        void queryClient.invalidateQueries(trpc.closures.pathFilter())
        say(standing.length > 0 ? t.operator.standing(standing.length) : t.state.saved)
        onDone()
      },
    }),
  )
  return (
    <form
      className="form-grid"
      onSubmit={(event) => {
        event.preventDefault()
        create.mutate({
          locationId: location.id,
          spaceId: spaceId === 'all' ? null : spaceId,
          startsAt: instantOf(from, location.timeZone),
          endsAt: instantOf(to, location.timeZone),
          reason,
        })
      }}
    >
      <Choice
        label={t.operator.space}
        value={spaceId}
        onChange={setSpaceId}
        options={[
          { value: 'all', label: t.operator.wholeLocation },
          ...spaces.map(({ id, name }) => ({ value: id, label: name })),
        ]}
      />
      <TextField label={t.operator.reason} value={reason} onChange={setReason} maxLength={500} />
      <TextField label={t.operator.from} type="datetime-local" value={from} onChange={setFrom} required />
      <TextField
        label={t.operator.to}
        type="datetime-local"
        value={to}
        min={from}
        onChange={setTo}
        required
      />
      <p className="soft whole">{t.board.timesIn(location.timeZone)}</p>
      {create.error && (
        <p className="error whole" role="alert">
          {explain(create.error, t)}
        </p>
      )}
      <div className="actions whole">
        <Button type="submit" look="main" disabled={create.isPending}>
          {t.state.save}
        </Button>
      </div>
    </form>
  )
}
