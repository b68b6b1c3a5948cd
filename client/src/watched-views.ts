import type { Board } from './api'
import { createLiveBoard, type Live } from './board'
import { type Day, idOf, keyOf, type Place, type Subject } from './connection'
import type { LiveConnection } from './live-connection'
import { createLiveLocation, type LocationView } from './location'
import { ask, createWatched, type Watched } from './watched'

export type WatchedViews = {
  all(): Watched<unknown>[]
  find(subject: Subject): Watched<unknown> | undefined
  /** Finds the board, or adds it and requests it. */
  board(day: Day): Watched<Board>
  location(place: Place): Watched<LocationView>
  remove(watched: Watched<unknown>): void
  clear(): void
}

export function createWatchedViews(connection: LiveConnection): WatchedViews {
  const boards = new Map<string, Watched<Board>>()
  const locations = new Map<string, Watched<LocationView>>()

  const all = (): Watched<unknown>[] => [...boards.values(), ...locations.values()]

  function add<View>(views: Map<string, Watched<View>>, subject: Subject, state: Live<View>): Watched<View> {
    const watched = createWatched(subject, state, connection)
    views.set(keyOf(subject), watched)
    if (connection.isReady()) ask(watched)
    else connection.connect()
    return watched
  }

  return {
    all,
    find: (subject) => boards.get(keyOf(subject)) ?? locations.get(keyOf(subject)),
    board: (day) => boards.get(keyOf(day)) ?? add(boards, day, createLiveBoard(day)),
    location: (place) => locations.get(keyOf(place)) ?? add(locations, place, createLiveLocation(place)),
    remove({ subject, timer }) {
      clearTimeout(timer)
      boards.delete(keyOf(subject))
      locations.delete(keyOf(subject))
      const isLast = !all().some((other) => idOf(other.subject) === idOf(subject))
      connection.leave(subject, isLast)
    },
    clear() {
      boards.clear()
      locations.clear()
    },
  }
}
