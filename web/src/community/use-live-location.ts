import { useEffect, useState } from 'react'
import { client, trpc } from '../api'
import { makeOld } from '../ui/changes'

/**
 * Refetches check-ins and events when they change.
 * @returns `present` counts anonymous users too, and is available to signed-out visitors
 */
export function useLiveLocation(locationId: string): { isLive: boolean; present: number | undefined } {
  const [isLive, setLive] = useState(false)
  const [present, setPresent] = useState<number>()
  useEffect(() => {
    const watch = client.watchLocation(
      { locationId },
      ({ checkIns }) => {
        setPresent(checkIns.length)
        makeOld(trpc.checkIns.pathFilter(), trpc.events.pathFilter())
      },
      { onStatus: ({ live }) => setLive(live) },
    )
    return () => watch.stop()
  }, [locationId])
  return { isLive, present }
}
