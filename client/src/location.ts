import type { CheckIn, Event, LocationMessage, ServerMessage } from './api'
import type { Live } from './board'
import { isEvent, type Place } from './connection'

/** The check-ins and upcoming events of a location that the user may see. */
export type LocationView = { locationId: string; version: number; checkIns: CheckIn[]; events: Event[] }

type Half = Extract<LocationMessage, { type: 'check_ins' | 'events' }>
type Part = Pick<Event, 'mine' | 'bookingId'>

/** Early messages beyond this are dropped: the client requests the whole location anyway. */
const MAX_WAITING = 500

/**
 * A location with the user's attendance in its events. Pushed messages are the same for all users, so the attendance comes
 * from the whole location, which this user requested, and from the results of the user's own calls.
 */
export function createLiveLocation({ locationId }: Place): Live<LocationView> {
  let view: LocationView | undefined
  let known = -1
  let waiting: Half[] = []
  /** The user's attendance may have changed, and only the whole location shows how. */
  let unsure = false
  let parts = new Map<string, Part>()
  /** Results since the last request, whose response may be older. */
  let answered = new Map<string, Part>()

  function replace(whole: LocationView): boolean {
    if (view && whole.version < view.version) return false
    view = whole
    parts = new Map([...whole.events.map((event) => [event.id, partOf(event)] as const), ...answered])
    unsure = false
    return true
  }

  /** Each message is one version, so none may be skipped. */
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
    onRequest() {
      answered = new Map()
    },
    take(message) {
      if (changesOwnPart(message, view?.events ?? [], parts)) unsure = true
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

/** A shorter waitlist may have given the user a seat. Not every user receives a notification of that. */
const mayHaveMovedUp = (before: Event[], now: Event[], parts: Map<string, Part>): boolean =>
  before.some(({ id, waiting }) => {
    const left = now.find((event) => event.id === id)?.waiting ?? 0
    return left < waiting && parts.get(id)?.mine === 'waiting'
  })

/** Whether a message reports a change of the user's attendance, for example a seat from the waitlist or a payment. */
function changesOwnPart(message: ServerMessage, events: Event[], parts: Map<string, Part>): boolean {
  const isHere = (eventId: string | null) => events.some(({ id }) => id === eventId)
  switch (message.type) {
    case 'booking_update':
      return isHere(message.booking.eventId)
    case 'notification':
      return message.kind.startsWith('event_place') && isHere(message.eventId)
    case 'event_update': {
      const { id, mine } = message.event
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
