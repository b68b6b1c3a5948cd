import type { Outputs } from '@coworkspace/client'
import { useEffect, useRef } from 'react'
import { serverNow } from '../clock'
import { formatTime } from '../format'
import { useText } from '../i18n'
import { useNow } from '../online'
import { Button } from '../ui/controls'
import { Loaded, type Query } from '../ui/states'

type Code = Outputs['checkIns']['doorCode']

/** The server accepts a code this long after the next one has begun. */
const STILL_TAKEN_MS = 60_000

/** Refetches a door code when the next one begins, also in a background tab. */
export const untilNext = {
  staleTime: 0,
  refetchIntervalInBackground: true,
  refetchInterval: ({ state: { data } }: { state: { data: Code | undefined } }) =>
    data ? Math.max(1000, Date.parse(data.nextAt) - serverNow()) : false,
} as const

type DoorCodeProps = { query: Query<Code>; name: string; timeZone: string }

/** The door code, for a screen at the door. Has a full-screen button and follows each new code. */
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

/** Keeps the screen on. The browser releases the lock when the page is hidden, so it is requested again. */
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
