import { useQuery } from '@tanstack/react-query'
import { trpc } from '../../api'
import { formatTime } from '../../format'
import { useText } from '../../i18n'
import { AtLocation } from '../../ui/at-location'
import { Loaded } from '../../ui/states'
import { OperatorPage } from './shell'

export default function DoorPage() {
  const { t } = useText()
  return (
    <OperatorPage title={t.operator.door.title}>
      <p className="soft lead">{t.operator.door.text}</p>
      <AtLocation>{(location) => <DoorCode key={location.id} {...location} />}</AtLocation>
    </OperatorPage>
  )
}

/** Meant for a screen at the door: it stands there alone, and changes by itself when the next code begins. */
function DoorCode({ id, name, timeZone }: { id: string; name: string; timeZone: string }) {
  const { t, language } = useText()
  const code = useQuery(
    trpc.checkIns.doorCode.queryOptions(
      { id },
      {
        staleTime: 0,
        refetchIntervalInBackground: true,
        refetchInterval: ({ state: { data } }) =>
          data ? Math.max(1000, Date.parse(data.nextAt) - Date.now()) : false,
      },
    ),
  )
  return (
    <Loaded query={code}>
      {({ svg, nextAt }) => (
        <figure className="card door">
          <img
            src={`data:image/svg+xml,${encodeURIComponent(svg)}`}
            alt={t.operator.door.alt(name)}
            width={320}
            height={320}
          />
          <figcaption>
            <p className="strong">{name}</p>
            <p className="soft">{t.operator.door.until(formatTime(nextAt, timeZone, language))}</p>
          </figcaption>
        </figure>
      )}
    </Loaded>
  )
}
