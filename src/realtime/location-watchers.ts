import type { UserActor } from '../actor'
import type { Db } from '../db/client'
import { AppError } from '../errors'
import { type ServerMessage, topicOf } from '../schemas/socket-messages'
import { readCommunity, readLocationVersions } from '../services/calendar/change-location'
import type { Bus } from './bus'
import { MAX_LOCATIONS } from './socket-limits'

type Watcher = {
  socket: { subscribe(topic: string): unknown; unsubscribe(topic: string): unknown }
  user: UserActor | null
  locations: readonly string[]
}

export type LocationWatchers = {
  /**
   * Watches a location.
   * @returns its present state, with names only for signed-in users
   * @throws NOT_FOUND, RATE_LIMITED beyond MAX_LOCATIONS
   */
  enter(watcher: Watcher, locationId: string): Promise<ServerMessage>
  exit(watcher: Watcher, locationId: string): void
  /** Subscribes the watched locations again, with the rights of the new user. */
  signIn(watcher: Watcher, user: UserActor): void
  watch(locationId: string): void
  unwatch(locationId: string): void
  forget(watcher: Watcher): void
  /** Runs in every sweep: sends the versions of the watched locations, so that clients notice lost messages. */
  tick(): Promise<void>
}

export function createLocationWatchers({
  db,
  deliver,
}: {
  db: Db
  deliver: Bus['deliver']
}): LocationWatchers {
  const watchers = new Map<string, number>()
  const topic = (user: UserActor | null, id: string) => (user ? topicOf.members(id) : topicOf.location(id))

  function watch(locationId: string): void {
    watchers.set(locationId, (watchers.get(locationId) ?? 0) + 1)
  }

  function unwatch(locationId: string): void {
    const left = (watchers.get(locationId) ?? 0) - 1
    if (left > 0) watchers.set(locationId, left)
    else watchers.delete(locationId)
  }

  function exit(watcher: Watcher, locationId: string): void {
    const { socket, user, locations } = watcher
    if (!locations.includes(locationId)) return
    watcher.locations = locations.filter((id) => id !== locationId)
    unwatch(locationId)
    socket.unsubscribe(topic(user, locationId))
  }

  return {
    async enter(watcher, locationId) {
      const { socket, user, locations } = watcher
      const isNew = !locations.includes(locationId)
      if (isNew) {
        if (locations.length >= MAX_LOCATIONS)
          throw new AppError(
            'RATE_LIMITED',
            `A socket can watch at most ${MAX_LOCATIONS} locations. Leave one first.`,
          )
        watcher.locations = [...locations, locationId]
        watch(locationId)
        socket.subscribe(topic(user, locationId))
      }
      // Subscribe before reading: a change in between then arrives twice instead of never.
      const community = await readCommunity(db, locationId, user?.id).catch((error) => {
        if (isNew) exit(watcher, locationId)
        throw error
      })
      return { type: 'initial', ...community }
    },
    exit,
    watch,
    unwatch,
    signIn({ socket, user: former, locations }, user) {
      for (const id of locations) {
        socket.unsubscribe(topic(former, id))
        socket.subscribe(topic(user, id))
      }
    },
    forget(watcher) {
      for (const id of watcher.locations) unwatch(id)
      watcher.locations = []
    },
    async tick() {
      for (const { locationId, version } of await readLocationVersions(db, [...watchers.keys()])) {
        for (const name of [topicOf.location(locationId), topicOf.members(locationId)])
          deliver(name, { type: 'location_version', locationId, version })
      }
    },
  }
}
