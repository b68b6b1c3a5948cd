import type { Location } from '@coworkspace/client'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { trpc, useSpaces } from '../../api'
import { ClosureForm } from '../../fields/closure-form'
import { formatMoment } from '../../format'
import { useText } from '../../i18n'
import { AtLocation } from '../../ui/at-location'
import { useSettled } from '../../ui/changes'
import { Button, Choice } from '../../ui/controls'
import { Modal } from '../../ui/dialogs'
import { Entry, List } from '../../ui/lists'
import { Loaded } from '../../ui/states'
import { OperatorPage } from './shell'

export default function ClosuresPage() {
  const { t } = useText()
  const [adding, setAdding] = useState(false)
  return (
    <OperatorPage title={t.operator.closures}>
      <AtLocation
        beside={
          <Button look="main" onClick={() => setAdding(true)}>
            {t.operator.addClosure}
          </Button>
        }
      >
        {(location) => (
          <>
            <Closures location={location} />
            <Modal open={adding} title={t.operator.addClosure} onClose={() => setAdding(false)}>
              <NewClosure location={location} onDone={() => setAdding(false)} />
            </Modal>
          </>
        )}
      </AtLocation>
    </OperatorPage>
  )
}

function Closures({ location }: { location: Location }) {
  const { t, language } = useText()
  const spaces = useSpaces(location.id)
  const closures = useQuery(trpc.closures.list.queryOptions({ locationId: location.id, limit: 100 }))
  const remove = useMutation(trpc.closures.remove.mutationOptions(useSettled(trpc.closures.pathFilter())))
  const moment = (instant: string) => formatMoment(instant, language, location.timeZone)
  return (
    <Loaded query={closures}>
      {({ items }) => (
        <List items={items} empty={t.operator.noClosures}>
          {({ id, spaceId, startsAt, endsAt, reason }) => (
            <Entry
              title={spaces.find((space) => space.id === spaceId)?.name ?? t.operator.wholeLocation}
              actions={
                <Button disabled={remove.isPending} onClick={() => remove.mutate({ id })}>
                  {t.operator.reopen}
                </Button>
              }
            >
              <p>
                {moment(startsAt)} – {moment(endsAt)}
              </p>
              {reason && <p className="soft">{reason}</p>}
            </Entry>
          )}
        </List>
      )}
    </Loaded>
  )
}

function NewClosure({ location, onDone }: { location: Location; onDone(): void }) {
  const { t } = useText()
  const spaces = useSpaces(location.id)
  const [spaceId, setSpaceId] = useState('all')
  return (
    <ClosureForm
      of={{ locationId: location.id, spaceId: spaceId === 'all' ? null : spaceId }}
      timeZone={location.timeZone}
      onDone={onDone}
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
    </ClosureForm>
  )
}
