import { useEffect, useState } from 'react'
import { client, trpc } from '../api'
import { makeOld } from '../ui/changes'

/**
 * Asks again for who is at a location and what is on there, whenever that has changed.
 * @returns whether changes come as they happen, and how many people are there, also for whoever may not see their names
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
