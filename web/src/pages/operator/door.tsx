import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { trpc } from '../../api'
import { serverNow } from '../../clock'
import { formatTime } from '../../format'
import { useText } from '../../i18n'
import { useNow } from '../../online'
import { AtLocation } from '../../ui/at-location'
import { Button } from '../../ui/controls'
import { Loaded } from '../../ui/states'
import { OperatorPage } from './shell'

/** A code is taken for so long after the next one has begun. */
const STILL_TAKEN_MS = 60_000

export default function DoorPage() {
  const { t } = useText()
  return (
    <OperatorPage title={t.operator.door.title}>
      <p className="soft lead">{t.operator.door.text}</p>
      <AtLocation>{(location) => <DoorCode key={location.id} {...location} />}</AtLocation>
    </OperatorPage>
  )
}

type DoorCodeProps = { id: string; name: string; timeZone: string }

/** Meant for a screen at the door: it fills it when asked to, and changes by itself when the next code begins. */
function DoorCode({ id, name, timeZone }: DoorCodeProps) {
  const { t, language } = useText()
  const shown = useRef<HTMLElement>(null)
  const now = useNow(true)
  useAwake()
  const code = useQuery(
    trpc.checkIns.doorCode.queryOptions(
      { id },
      {
        staleTime: 0,
        refetchIntervalInBackground: true,
        refetchInterval: ({ state: { data } }) =>
          data ? Math.max(1000, Date.parse(data.nextAt) - serverNow()) : false,
      },
    ),
  )
  return (
    <Loaded query={code}>
      {({ svg, nextAt }) => {
        const isOld = now > Date.parse(nextAt) + STILL_TAKEN_MS
        return (
          <>
            <figure ref={shown} className="card door">
              {isOld ? (
                <p className="strong" role="alert">
                  {t.operator.door.old}
                </p>
              ) : (
                <img
                  src={`data:image/svg+xml,${encodeURIComponent(svg)}`}
                  alt={t.operator.door.alt(name)}
                  width={320}
                  height={320}
                />
              )}
              <figcaption>
                <p className="big">{name}</p>
                <p className="strong">{t.operator.door.scan}</p>
                {!isOld && (
                  <p className="soft">{t.operator.door.until(formatTime(nextAt, timeZone, language))}</p>
                )}
              </figcaption>
            </figure>
            {document.fullscreenEnabled && (
              <div className="row">
                <Button onClick={() => void shown.current?.requestFullscreen()}>
                  {t.operator.door.fill}
                </Button>
              </div>
            )}
          </>
        )
      }}
    </Loaded>
  )
}

/** Keeps the screen from going dark while it is shown, where the device can do that; it lets go whenever it is hidden. */
function useAwake(): void {
  useEffect(() => {
    let lock: Promise<WakeLockSentinel | undefined> | undefined
    const stayAwake = () => {
      if (document.visibilityState === 'visible' && 'wakeLock' in navigator)
        lock = navigator.wakeLock.request('screen').catch(() => undefined)
    }
    stayAwake()
    document.addEventListener('visibilitychange', stayAwake)
    return () => {
      document.removeEventListener('visibilitychange', stayAwake)
      void lock?.then((held) => held?.release())
    }
  }, [])
}
