import type { UserActor } from '../actor'
import type { Db } from '../db/client'
import { AppError } from '../errors'
import { type ServerMessage, topicOf } from '../schemas/socket-messages'
import { readCommunity, readLocationVersions } from '../services/calendar/change-location'
import type { Bus } from './bus'
import { MAX_LOCATIONS } from './socket-limits'

/** A socket as far as locations go: who is there, and which ones it watches. */
type Visitor = {
  socket: { subscribe(topic: string): unknown; unsubscribe(topic: string): unknown }
  person: UserActor | null
  locations: Set<string>
}

export type LocationWatchers = {
  /** Watches a location. @returns what is there now, as this person may see it @throws NOT_FOUND, RATE_LIMITED */
  enter(visitor: Visitor, locationId: string): Promise<ServerMessage>
  exit(visitor: Visitor, locationId: string): void
  /** Somebody else than before is there, and hears from now on what that person may. */
  signIn(visitor: Visitor, person: UserActor): void
  /** One more stream of this server looks at a location, or no longer. */
  watch(locationId: string): void
  unwatch(locationId: string): void
  /** The socket is gone. */
  forget(visitor: Visitor): void
  /** Every sweep: tells the versions of all watched locations, so that a client notices what it missed. */
  tick(): Promise<void>
}

/** Which locations this server's own sockets and streams look at. */
export function createLocationWatchers({
  db,
  deliver,
}: {
  db: Db
  deliver: Bus['deliver']
}): LocationWatchers {
  const watchers = new Map<string, number>()
  const topic = (person: UserActor | null, id: string) =>
    person ? topicOf.members(id) : topicOf.location(id)

  function watch(locationId: string): void {
    watchers.set(locationId, (watchers.get(locationId) ?? 0) + 1)
  }

  function unwatch(locationId: string): void {
    const left = (watchers.get(locationId) ?? 0) - 1
    if (left > 0) watchers.set(locationId, left)
    else watchers.delete(locationId)
  }

  function exit({ socket, person, locations }: Visitor, locationId: string): void {
    if (!locations.delete(locationId)) return
    unwatch(locationId)
    socket.unsubscribe(topic(person, locationId))
  }

  return {
    async enter(visitor, locationId) {
      const { socket, person, locations } = visitor
      const isNew = !locations.has(locationId)
      if (isNew) {
        if (locations.size >= MAX_LOCATIONS)
          throw new AppError('RATE_LIMITED', `A socket watches ${MAX_LOCATIONS} locations at the most.`)
        locations.add(locationId)
        watch(locationId)
        socket.subscribe(topic(person, locationId))
      }
      // Subscribed before it is read: what changes in between arrives twice rather than never.
      const community = await readCommunity(db, locationId, person?.id).catch((error) => {
        // Who watched it already and asked again watches on: what is refused leaves everything as it was.
        if (isNew) exit(visitor, locationId)
        throw error
      })
      return { type: 'initial', ...community }
    },
    exit,
    watch,
    unwatch,
    signIn({ socket, person: former, locations }, person) {
      for (const id of locations) {
        socket.unsubscribe(topic(former, id))
        socket.subscribe(topic(person, id))
      }
    },
    forget({ locations }) {
      for (const id of locations) unwatch(id)
      locations.clear()
    },
    async tick() {
      for (const { locationId, version } of await readLocationVersions(db, [...watchers.keys()])) {
        for (const heard of [topicOf.location(locationId), topicOf.members(locationId)])
          deliver(heard, { type: 'location_version', locationId, version })
      }
    },
  }
}
