import { useEffect, useState } from 'react'
import { client, trpc } from '../api'
import { makeOld } from '../ui/changes'

/**
 * Asks again for who is at a location and what is on there, whenever that has changed.
 * @returns whether changes come as they happen
 */
export function useLiveLocation(locationId: string): boolean {
  const [isLive, setLive] = useState(false)
  useEffect(() => {
    const watch = client.watchLocation(
      { locationId },
      () => makeOld(trpc.checkIns.pathFilter(), trpc.events.pathFilter()),
      { onStatus: ({ live }) => setLive(live) },
    )
    return () => watch.stop()
  }, [locationId])
  return isLive
}
