import type { CheckIn, Event, LocationMessage, ServerMessage } from './api'
import type { Live } from './board'
import { isEvent, type Place } from './connection'

/** Who is at a location and what is coming there, as this person may see it. */
export type LocationView = { locationId: string; version: number; checkIns: CheckIn[]; events: Event[] }

type Half = Extract<LocationMessage, { type: 'check_ins' | 'events' }>
type Part = Pick<Event, 'mine' | 'bookingId'>

/** Halves that wait for one before them; past so many the whole is asked for anyway. */
const MAX_WAITING = 500

/**
 * A location with this person's own part in its events. What is pushed goes to everybody and says nothing of that, so it
 * comes from the whole, which this person asked for, and from the person's own answers.
 */
export function createLiveLocation({ locationId }: Place): Live<LocationView> {
  let view: LocationView | undefined
  let known = -1
  let waiting: Half[] = []
  /** True where this person's own part in an event has changed, and how is not known. */
  let unsure = false
  let parts = new Map<string, Part>()
  /** What was answered since the whole was asked for, which may know nothing of it yet. */
  let answered = new Map<string, Part>()

  function replace(whole: LocationView): boolean {
    if (view && whole.version < view.version) return false
    view = whole
    parts = new Map([...whole.events.map((event) => [event.id, partOf(event)] as const), ...answered])
    unsure = false
    return true
  }

  /** Each change of a half is one version: none may be passed over. */
  function applyWaiting(): boolean {
    let changed = false
    for (;;) {
      const current = view
      if (!current) return changed
      waiting = waiting.filter(({ version }) => version > current.version)
      const next = waiting.find(({ version }) => version === current.version + 1)
      if (!next) return changed
      if (next.type === 'events' && mayHaveMovedUp(current.events, next.events, parts)) unsure = true
      const half = next.type === 'check_ins' ? { checkIns: next.present } : { events: next.events }
      view = { ...current, ...half, version: next.version }
      changed = true
    }
  }

  return {
    view: () =>
      view && {
        ...view,
        events: view.events.map((event) => ({ ...event, ...(parts.get(event.id) ?? NO_PART) })),
      },
    behind: () => view === undefined || view.version < known || unsure,
    asked() {
      answered = new Map()
    },
    take(message) {
      if (tellsOfOwnPart(message, view?.events ?? [], parts)) unsure = true
      if (!isLocationMessage(message) || message.locationId !== locationId) return undefined
      known = Math.max(known, message.version)
      if (message.type === 'location_version') return { changed: false, whole: false }
      if (message.type === 'initial') {
        const { type: _type, requestId: _requestId, ...whole } = message
        const replaced = replace(whole)
        return { changed: applyWaiting() || replaced, whole: true }
      }
      if (waiting.length < MAX_WAITING) waiting.push(message)
      return { changed: applyWaiting(), whole: false }
    },
    mark(answer) {
      if (!isEvent(answer) || answer.locationId !== locationId) return false
      parts.set(answer.id, partOf(answer))
      answered.set(answer.id, partOf(answer))
      return true
    },
    forgetMarks() {
      parts.clear()
      answered.clear()
    },
  }
}

const NO_PART: Part = { mine: null, bookingId: null }
const partOf = ({ mine, bookingId }: Event): Part => ({ mine, bookingId })

/** Where fewer wait than before, who waits may have a place now; not everybody wishes to be told so. */
const mayHaveMovedUp = (before: Event[], now: Event[], parts: Map<string, Part>): boolean =>
  before.some(({ id, waiting }) => {
    const left = now.find((event) => event.id === id)?.waiting ?? 0
    return left < waiting && parts.get(id)?.mine === 'waiting'
  })

/** One was given a place, has paid for it, has lost it, or attends by another page: how one stands now is in the whole. */
function tellsOfOwnPart(message: ServerMessage, events: Event[], parts: Map<string, Part>): boolean {
  const isHere = (eventId: string | null) => events.some(({ id }) => id === eventId)
  switch (message.type) {
    case 'booking_update':
      return isHere(message.booking.eventId)
    case 'notification':
      return message.kind.startsWith('event_place') && isHere(message.eventId)
    case 'event_update': {
      const { id, mine } = message.event
      // What one has done here is known already, by its answer.
      return isHere(id) && (parts.get(id) ?? NO_PART).mine !== mine
    }
    default:
      return false
  }
}

const isLocationMessage = (message: ServerMessage): message is LocationMessage =>
  message.type === 'initial' ||
  message.type === 'check_ins' ||
  message.type === 'events' ||
  message.type === 'location_version'
