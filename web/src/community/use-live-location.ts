import { useEffect } from 'react'
import { trpc } from '../api'
import { makeOld } from '../ui/changes'

/** Who comes and goes elsewhere is seen after so long. */
const LOOK_AGAIN_MS = 5000

/** Keeps what is shown of a location as it is now: who is there, and what is on. */
export function useLiveLocation(): void {
  useEffect(() => {
    const timer = setInterval(
      () => makeOld(trpc.checkIns.pathFilter(), trpc.events.pathFilter()),
      LOOK_AGAIN_MS,
    )
    return () => clearInterval(timer)
  }, [])
}
