import type { Outputs } from '@coworkspace/client'
import { useEffect, useRef } from 'react'
import { serverNow } from '../clock'
import { formatTime } from '../format'
import { useText } from '../i18n'
import { useNow } from '../online'
import { Button } from '../ui/controls'
import { Loaded, type Query } from '../ui/states'

type Code = Outputs['checkIns']['doorCode']

/** A code is taken for so long after the next one has begun. */
const STILL_TAKEN_MS = 60_000

/** A query for a code asks again when the next one begins, also where nobody touches the screen. */
export const untilNext = {
  staleTime: 0,
  refetchIntervalInBackground: true,
  refetchInterval: ({ state: { data } }: { state: { data: Code | undefined } }) =>
    data ? Math.max(1000, Date.parse(data.nextAt) - serverNow()) : false,
} as const

type DoorCodeProps = { query: Query<Code>; name: string; timeZone: string }

/** Meant for a screen at the door: it fills it when asked to, and changes by itself when the next code begins. */
export function DoorCode({ query, name, timeZone }: DoorCodeProps) {
  const { t, language } = useText()
  const shown = useRef<HTMLElement>(null)
  const now = useNow(true)
  useAwake()
  return (
    <Loaded query={query}>
      {({ svg, nextAt }) => {
        const isOld = now > Date.parse(nextAt) + STILL_TAKEN_MS
        return (
          <>
            <figure ref={shown} className="card door">
              {isOld ? (
                <p className="strong" role="alert">
                  {t.community.door.old}
                </p>
              ) : (
                <img
                  src={`data:image/svg+xml,${encodeURIComponent(svg)}`}
                  alt={t.community.door.alt(name)}
                  width={320}
                  height={320}
                />
              )}
              <figcaption>
                <p className="big">{name}</p>
                <p className="strong">{t.community.door.scan}</p>
                {!isOld && (
                  <p className="soft">{t.community.door.until(formatTime(nextAt, timeZone, language))}</p>
                )}
              </figcaption>
            </figure>
            {document.fullscreenEnabled && (
              <div className="row">
                <Button onClick={() => void shown.current?.requestFullscreen()}>
                  {t.community.door.fill}
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
