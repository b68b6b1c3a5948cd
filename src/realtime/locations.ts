import type { Db } from '../db/client'
import { readLocationVersions } from '../services/community'
import type { Bus } from './bus'
import { topicOf } from './events'

export type WatchedLocations = {
  watch(locationId: string): void
  unwatch(locationId: string): void
  /** Every sweep: tells the versions of all watched locations, so that a client notices what it missed. */
  tick(): Promise<void>
}

/** Which locations this server's own sockets look at. */
export function createWatchedLocations({
  db,
  deliver,
}: {
  db: Db
  deliver: Bus['deliver']
}): WatchedLocations {
  const watchers = new Map<string, number>()
  return {
    watch(locationId) {
      watchers.set(locationId, (watchers.get(locationId) ?? 0) + 1)
    },
    unwatch(locationId) {
      const left = (watchers.get(locationId) ?? 0) - 1
      if (left > 0) watchers.set(locationId, left)
      else watchers.delete(locationId)
    },
    async tick() {
      for (const { locationId, version } of await readLocationVersions(db, [...watchers.keys()])) {
        for (const topic of [topicOf.location(locationId), topicOf.members(locationId)])
          deliver(topic, { type: 'location_version', locationId, version })
      }
    },
  }
}
