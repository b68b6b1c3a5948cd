import type { Location, Outputs } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { trpc } from '../../api'
import { useText } from '../../i18n'
import { ProfileForm } from '../../specialists/profile-form'
import { Services } from '../../specialists/services'
import { AtLocation } from '../../ui/at-location'
import { useSettled } from '../../ui/changes'
import { Button, Choice } from '../../ui/controls'
import { EditAndRemove, EditDialog, useEdited } from '../../ui/forms'
import { List } from '../../ui/lists'
import { Loaded } from '../../ui/states'
import { OperatorPage } from './shell'

type Specialist = Outputs['specialists']['byId']

export default function OperatorSpecialistsPage() {
  const { t } = useText()
  const editing = useEdited<Specialist>()
  return (
    <OperatorPage title={t.operator.specialists}>
      <AtLocation
        beside={
          <Button look="main" onClick={editing.add}>
            {t.operator.addSpecialist}
          </Button>
        }
      >
        {(location) => (
          <>
            <Specialists location={location} onEdit={editing.edit} />
            <EditDialog editing={editing} addTitle={t.operator.addSpecialist} titleOf={({ name }) => name}>
              {(specialist) =>
                specialist ? (
                  <ProfileForm location={location} specialist={specialist} onDone={editing.done} />
                ) : (
                  <NewProfile location={location} onDone={editing.done} />
                )
              }
            </EditDialog>
          </>
        )}
      </AtLocation>
    </OperatorPage>
  )
}

type SpecialistsProps = { location: Location; onEdit(specialist: Specialist): void }

function Specialists({ location, onEdit }: SpecialistsProps) {
  const { t } = useText()
  const specialists = useQuery(trpc.specialists.list.queryOptions({ locationId: location.id, limit: 100 }))
  const remove = useMutation(
    trpc.specialists.remove.mutationOptions(useSettled(trpc.specialists.pathFilter())),
  )
  return (
    <Loaded query={specialists}>
      {({ items }) => (
        <List items={items} empty={t.operator.noSpecialists}>
          {(specialist) => (
            <article className="card stack">
              <div className="row spread top">
                <div className="grow">
                  <h2>{specialist.name}</h2>
                  {specialist.about && <p className="soft">{specialist.about}</p>}
                </div>
                <div className="actions">
                  <EditAndRemove
                    name={specialist.name}
                    title={t.operator.removeSpace(specialist.name)}
                    onEdit={() => onEdit(specialist)}
                    onRemove={() => remove.mutateAsync({ id: specialist.id })}
                  />
                </div>
              </div>
              <h3>{t.operator.services}</h3>
              <Services specialist={specialist} />
            </article>
          )}
        </List>
      )}
    </Loaded>
  )
}

/** Offers users with the specialist role that have no profile yet. */
function NewProfile({ location, onDone }: { location: Location; onDone(): void }) {
  const { t } = useText()
  const [chosen, setChosen] = useState<string>()
  const people = useQuery(trpc.users.list.queryOptions({ role: 'specialist', limit: 100 }))
  const all = useQuery(trpc.specialists.list.queryOptions({ limit: 100 }))
  return (
    <Loaded query={people}>
      {({ items }) => {
        const without = items.filter(({ id }) => !all.data?.items.some(({ userId }) => userId === id))
        const userId = chosen ?? without[0]?.id
        if (!userId) return <p>{t.operator.nobodyToAdd}</p>
        return (
          <ProfileForm location={location} specialist={undefined} userId={userId} onDone={onDone}>
            <Choice
              label={t.operator.person}
              value={userId}
              onChange={setChosen}
              options={without.map(({ id, name, email }) => ({
                value: id,
                label: email ? `${name}, ${email}` : name,
              }))}
            />
          </ProfileForm>
        )
      }}
    </Loaded>
  )
}
