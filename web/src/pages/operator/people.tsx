import type { User } from '@coworkspace/client'
import { useMutation } from '@tanstack/react-query'
import { useDeferredValue, useState } from 'react'
import { Link } from 'wouter'
import { client, trpc, useMe } from '../../api'
import { formatMoment } from '../../format'
import { useText } from '../../i18n'
import { PATHS } from '../../paths'
import { useSettled } from '../../ui/changes'
import { Choice, TextField } from '../../ui/controls'
import { Confirm } from '../../ui/dialogs'
import { Entry, PagedList } from '../../ui/lists'
import { usePages } from '../../ui/pages'
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
      <PagedList query={query} empty={t.operator.noPeople}>
        {(person) => <Person person={person} />}
      </PagedList>
    </>
  )
}

function Person({ person }: { person: User }) {
  const { t, language } = useText()
  const me = useMe()
  const [wanted, setWanted] = useState<User['role']>()
  const settled = useSettled(trpc.users.pathFilter())
  const update = useMutation(
    trpc.users.update.mutationOptions({
      ...settled,
      onSuccess: () => say(t.state.saved),
      onSettled() {
        setWanted(undefined)
        settled.onSettled()
      },
    }),
  )
  const role =
    person.id === me?.id ? (
      <p className="soft">{t.roles[person.role]}</p>
    ) : (
      <Choice
        quiet
        label={`${t.operator.role}: ${person.name}`}
        value={person.role}
        onChange={(chosen) => chosen !== person.role && setWanted(chosen)}
        options={(['customer', 'specialist', 'admin'] as const).map((value) => ({
          value,
          label: t.roles[value],
        }))}
      />
    )
  return (
    <Entry
      title={person.name}
      actions={
        <>
          <Link className="button quiet" href={`${PATHS.operatorBookings}?person=${person.id}`}>
            {t.operator.bookings}
            <span className="unseen"> {person.name}</span>
          </Link>
          {role}
        </>
      }
    >
      <p className="soft">
        {person.email} · {formatMoment(person.createdAt, language)}
      </p>
      <Confirm
        open={wanted !== undefined}
        title={t.operator.roleTitle(person.name, t.roles[wanted ?? person.role])}
        text={t.operator.roleText(t.roles[person.role])}
        action={t.operator.roleDo}
        busy={update.isPending}
        onConfirm={() => wanted && update.mutate({ id: person.id, role: wanted })}
        onClose={() => setWanted(undefined)}
      />
    </Entry>
  )
}
