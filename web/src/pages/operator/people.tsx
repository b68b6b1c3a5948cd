import type { User } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { useDeferredValue, useState } from 'react'
import { client, queryClient, trpc, useMe } from '../../api'
import { formatMoment } from '../../format'
import { useText } from '../../i18n'
import { Button, Choice, TextField } from '../../ui/controls'
import { usePages } from '../../ui/pages'
import { Empty, explain, Loaded } from '../../ui/states'
import { say } from '../../ui/toasts'
import { OperatorPage } from './shell'

export default function PeoplePage() {
  const { t } = useText()
  return (
    <OperatorPage title={t.operator.people}>
      <People />
    </OperatorPage>
  )
}

function People() {
  const { t } = useText()
  const [typed, setTyped] = useState('')
  const search = useDeferredValue(typed.trim())
  const query = usePages([...trpc.users.list.pathKey(), search], (cursor) =>
    client.users.list.query({ ...(search && { search }), limit: 50, cursor }),
  )
  return (
    <>
      <TextField label={t.operator.search} type="search" value={typed} onChange={setTyped} maxLength={100} />
      <Loaded query={query}>
        {(people) => (
          <>
            {people.length === 0 && <Empty title={t.operator.noPeople} />}
            <ul className="list">
              {people.map((person) => (
                <li key={person.id}>
                  <Person person={person} />
                </li>
              ))}
            </ul>
            {query.hasMore && (
              <Button onClick={query.showMore} disabled={query.isBusy}>
                {t.state.more}
              </Button>
            )}
          </>
        )}
      </Loaded>
    </>
  )
}

function Person({ person }: { person: User }) {
  const { t, language } = useText()
  const me = useMe()
  const update = useMutation(
    trpc.users.update.mutationOptions({
      onSuccess: () => say(t.state.saved),
      onError: (error) => say(explain(error, t)),
      onSettled: () => void queryClient.invalidateQueries(trpc.users.pathFilter()),
    }),
  )
  return (
    <article className="card row spread">
      <div className="grow">
        <h2>{person.name}</h2>
        <p className="soft">
          {person.email} · {formatMoment(person.createdAt, language)}
        </p>
      </div>
      {person.id === me?.id ? (
        <p className="soft">{t.roles[person.role]}</p>
      ) : (
        <Choice
          quiet
          label={`${t.operator.role}: ${person.name}`}
          value={person.role}
          onChange={(role) => update.mutate({ id: person.id, role })}
          options={(['customer', 'specialist', 'admin'] as const).map((value) => ({
            value,
            label: t.roles[value],
          }))}
        />
      )}
    </article>
  )
}
