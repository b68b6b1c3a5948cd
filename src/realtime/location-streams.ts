import type { WatchLocation } from '../context'
import type { Db } from '../db/client'
import { AppError } from '../errors'
import { type LocationMessage, type ServerMessage, topicOf } from '../schemas/socket-messages'
import { readCommunity } from '../services/calendar/change-location'
import type { Bus } from './bus'
import type { LocationWatchers } from './location-watchers'

/** The oldest unread message beyond this is dropped. The client notices the gap by its version and asks for the whole. */
const MAX_UNREAD = 64

export type LocationStreams = {
  watch: WatchLocation
  watchers(): number
  close(): void
}

/** Locations for server-sent events, without names: a stream has no token. */
export function createLocationStreams({
  db,
  bus,
  locations,
}: {
  db: Db
  bus: Pick<Bus, 'subscribe'>
  locations: Pick<LocationWatchers, 'watch' | 'unwatch'>
}): LocationStreams {
  const enders = new Set<() => void>()
  let closed = false

  return {
    watchers: () => enders.size,
    async watch(locationId, signal) {
      if (closed) throw new AppError('UNAVAILABLE', 'This server is shutting down. Try again.')
      const unread: LocationMessage[] = []
      let whole: LocationMessage | undefined
      let wake = () => {}
      // Subscribe before reading: a change in between then arrives twice instead of never.
      const unsubscribe = bus.subscribe(topicOf.location(locationId), (message) => {
        if (!isLocationMessage(message)) return
        unread.push(message)
        if (unread.length > MAX_UNREAD) unread.shift()
        wake()
      })
      locations.watch(locationId)
      function end(): void {
        if (!enders.delete(end)) return
        signal.removeEventListener('abort', end)
        unsubscribe()
        locations.unwatch(locationId)
        wake()
      }
      enders.add(end)
      signal.addEventListener('abort', end)
      try {
        const community = await readCommunity(db, locationId)
        // Not in `unread`, which may drop it. Updates received meanwhile are newer or already included.
        whole = { type: 'initial', ...community }
      } catch (error) {
        end()
        throw error
      }
      if (signal.aborted) end()
      return (async function* () {
        try {
          while (enders.has(end)) {
            const message = whole ?? unread.shift()
            whole = undefined
            if (message) yield message
            else await new Promise<void>((resolve) => (wake = resolve))
          }
        } finally {
          end()
        }
      })()
    },
    close() {
      closed = true
      for (const end of [...enders]) end()
    },
  }
}

const isLocationMessage = (message: ServerMessage): message is LocationMessage =>
  message.type === 'check_ins' || message.type === 'events' || message.type === 'location_version'
