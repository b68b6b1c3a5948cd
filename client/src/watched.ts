import type { ServerMessage } from './api'
import type { Live } from './board'
import type { Subject, WatchError } from './connection'
import type { LiveConnection } from './live-connection'

/** How long a missing message may be late before the whole view is requested again. */
const PATIENCE_MS = 250

/** Whether the view matches the server, and how updates arrive. */
export type BoardStatus = { live: boolean; via: 'socket' | 'events' | null }
export type WatchOptions = {
  /** Called when the view becomes live or stops being live, also before the first view. */
  onStatus?: (status: BoardStatus) => void
  /** The server refused, for example with NOT_FOUND. No further update arrives. */
  onError?: (error: WatchError) => void
}
export type Watch = { status(): BoardStatus; stop(): void }

export type Watcher<View> = WatchOptions & {
  // A method, because its parameter is bivariant: watchers of different views fit into one collection.
  show(view: View, status: BoardStatus): void
}

export type Watched<View> = {
  subject: Subject
  state: Live<View>
  connection: LiveConnection
  watchers: Set<Watcher<View>>
  live: boolean
  timer: ReturnType<typeof setTimeout> | undefined
}

export const createWatched = <View>(
  subject: Subject,
  state: Live<View>,
  connection: LiveConnection,
): Watched<View> => ({ subject, state, connection, watchers: new Set(), live: false, timer: undefined })

const statusOf = ({ live, connection }: Watched<unknown>): BoardStatus => ({
  live,
  via: live ? connection.via() : null,
})

function show(watched: Watched<unknown>): void {
  const view = watched.state.view()
  if (view === undefined) return
  for (const watcher of [...watched.watchers]) watcher.show(view, statusOf(watched))
}

function setLive(watched: Watched<unknown>, live: boolean): void {
  if (watched.live === live) return
  watched.live = live
  for (const { onStatus } of [...watched.watchers]) onStatus?.(statusOf(watched))
}

export function ask({ connection, state, subject }: Watched<unknown>): void {
  if (connection.via() === null) return
  state.onRequest()
  connection.ask(subject)
}

/** Requests the whole view after a pause, unless a request is already scheduled. */
export function askAfter(watched: Watched<unknown>, delayMs: number): void {
  schedule(watched, delayMs, () => ask(watched))
}

function schedule(watched: Watched<unknown>, delayMs: number, run: () => void): void {
  watched.timer ??= setTimeout(() => {
    watched.timer = undefined
    run()
  }, delayMs)
}

export function advance(watched: Watched<unknown>, message: ServerMessage): void {
  const { state } = watched
  const taken = state.take(message)
  if (taken) {
    watched.connection.confirm()
    const becameLive = taken.whole && !watched.live && !state.behind()
    if (becameLive) setLive(watched, true)
    if (taken.changed || becameLive) show(watched)
  }
  if (state.behind() && state.view() !== undefined) askIfStillBehind(watched)
}

/** The missing version may only be late, so this waits before it requests the whole view. */
function askIfStillBehind(watched: Watched<unknown>): void {
  schedule(watched, PATIENCE_MS * (1 + Math.random()), () => {
    if (watched.connection.via() === null || !watched.state.behind()) return
    setLive(watched, false)
    show(watched)
    ask(watched)
  })
}

export function mark(watched: Watched<unknown>, answer: unknown): void {
  if (watched.state.mark(answer)) show(watched)
}

/** Shows the view as out of date after the connection was lost. */
export function pause(watched: Watched<unknown>): void {
  clearTimeout(watched.timer)
  watched.timer = undefined
  const wasLive = watched.live
  setLive(watched, false)
  if (wasLive) show(watched)
}

export function clearMarks(watched: Watched<unknown>): void {
  watched.state.forgetMarks()
  setLive(watched, false)
  show(watched)
}

/** @param onUnused runs when the last watcher stops */
export function addWatcher<View>(
  watched: Watched<View>,
  watcher: Watcher<View>,
  onUnused: (watched: Watched<unknown>) => void,
): Watch {
  watched.watchers.add(watcher)
  queueMicrotask(() => {
    const view = watched.watchers.has(watcher) ? watched.state.view() : undefined
    if (view !== undefined) watcher.show(view, statusOf(watched))
  })
  return {
    status: () => statusOf(watched),
    stop() {
      if (watched.watchers.delete(watcher) && watched.watchers.size === 0) onUnused(watched)
    },
  }
}
