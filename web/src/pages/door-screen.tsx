import { isRefused } from '@coworkspace/client'
import { useQuery } from '@tanstack/react-query'
import type { ComponentProps } from 'react'
import { trpc } from '../api'
import { DoorCode, untilNext } from '../community/door-code'
import { useText } from '../i18n'
import { Empty, Loaded } from '../ui/states'
import { useTitle } from '../ui/title'

/** The door code on an unattended screen, without signing in. The secret is in the hash. */
export default function DoorScreenPage() {
  const { t } = useText()
  useTitle(t.community.atDoor)
  const secret = location.hash.slice(1)
  const query = useQuery(
    trpc.checkIns.screenCode.queryOptions({ secret }, { ...untilNext, enabled: secret !== '' }),
  )
  if (secret === '' || isRefused(query.error, 'NOT_FOUND', 'VALIDATION'))
    return <Empty isPage title={t.community.door.ended} text={t.community.door.endedText} />
  return (
    <div className="door-screen">
      <h1>{t.community.atDoor}</h1>
      <Loaded query={query}>{({ locationId }) => <Screen query={query} locationId={locationId} />}</Loaded>
    </div>
  )
}

type ScreenProps = { query: ComponentProps<typeof DoorCode>['query']; locationId: string }

function Screen({ query, locationId }: ScreenProps) {
  const place = useQuery(trpc.locations.byId.queryOptions({ id: locationId }))
  return (
    <Loaded query={place}>
      {({ name, timeZone }) => <DoorCode query={query} name={name} timeZone={timeZone} />}
    </Loaded>
  )
}
