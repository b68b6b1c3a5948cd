import type { Board, ServerMessage } from './api'
import type { Delay } from './backoff'
import type { Day, Place, Subject, WatchError } from './connection'
import { type Connect, createLiveConnection } from './live-connection'
import type { LocationView } from './location'
import { isPersonal, type OnPersonal } from './personal-messages'
import {
  addWatcher,
  advance,
  ask,
  askAfter,
  type BoardStatus,
  clearMarks,
  mark,
  pause,
  type Watch,
  type Watched,
  type Watcher,
} from './watched'
import { createWatchedViews, type WatchedViews } from './watched-views'

export type OnBoard = (board: Board, status: BoardStatus) => void
export type OnLocation = (location: LocationView, status: BoardStatus) => void

export type LiveViews = {
  watchBoard(day: Day, watcher: Watcher<Board>): Watch
  watchLocation(place: Place, watcher: Watcher<LocationView>): Watch
  /** Receives the signed-in user's messages, over a socket only. @returns a function that stops it */
  listen(listener: OnPersonal): () => void
  mark(answer: unknown): void
  /** Forgets the previous user's marks and reconnects. Call it after each sign-in and sign-out. */
  restart(): void
  close(): void
}

/**
 * Watches any number of boards and locations over one connection.
 * @param transports in order of preference
 */
export function createLiveViews(transports: Connect[], reconnect: Delay): LiveViews {
  const listeners = new Set<OnPersonal>()
  const connection = createLiveConnection(transports, reconnect, {
    purpose,
    onReady(via) {
      for (const watched of views.all()) ask(watched)
      if (via === 'socket') for (const { onReady } of [...listeners]) onReady?.()
    },
    onMessage: receive,
    onRefused: refuse,
    onLost() {
      for (const watched of views.all()) pause(watched)
    },
  })
  const views: WatchedViews = createWatchedViews(connection)

  function purpose(): 'watch' | 'listen' | undefined {
    if (views.all().length > 0) return 'watch'
    return listeners.size > 0 ? 'listen' : undefined
  }

  function receive(message: ServerMessage): void {
    if (isPersonal(message)) {
      connection.confirm()
      for (const { onMessage } of [...listeners]) onMessage(message)
    }
    if (message.type === 'booking_update') markAll(message.booking)
    for (const watched of views.all()) advance(watched, message)
  }

  function markAll(answer: unknown): void {
    for (const watched of views.all()) mark(watched, answer)
  }

  function refuse(subject: Subject, error: WatchError): void {
    const watched = views.find(subject)
    if (!watched) return
    // Any other refusal is temporary.
    if (error.reason !== 'NOT_FOUND' && error.reason !== 'VALIDATION') {
      askAfter(watched, connection.countFailure())
      return
    }
    for (const { onError } of [...watched.watchers]) onError?.(error)
    stopWatching(watched)
  }

  function stopWatching(watched: Watched<unknown>): void {
    if (views.find(watched.subject) !== watched) return
    views.remove(watched)
    if (!purpose() || (purpose() === 'listen' && connection.via() === 'events')) connection.disconnect()
    connection.connect()
  }

  return {
    mark: markAll,
    watchBoard: (day, watcher) => addWatcher(views.board(day), watcher, stopWatching),
    watchLocation: (place, watcher) => addWatcher(views.location(place), watcher, stopWatching),
    listen(listener) {
      listeners.add(listener)
      if (!connection.isReady()) connection.connect()
      else if (connection.via() === 'socket') queueMicrotask(() => listener.onReady?.())
      return () => {
        if (listeners.delete(listener) && !purpose()) connection.disconnect()
      }
    },
    restart() {
      for (const watched of views.all()) clearMarks(watched)
      connection.disconnect()
      connection.connect()
    },
    close() {
      views.clear()
      listeners.clear()
      connection.disconnect()
    },
  }
}
