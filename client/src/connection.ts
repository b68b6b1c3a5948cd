import type { Booking, Event, Reason, ServerMessage } from './api'

/** One day of a space, or of a specialist, in the slots of one service where it is named. */
export type Day =
  | { spaceId: string; date: string; specialistId?: undefined }
  | { specialistId: string; date: string; serviceId?: string | undefined; spaceId?: undefined }
/** A location: who is there, and what is coming. */
export type Place = { locationId: string }
/** What may be watched. */
export type Subject = Day | Place

/** Whose messages tell of it. */
export const idOf = (subject: Subject): string =>
  'locationId' in subject ? subject.locationId : (subject.spaceId ?? subject.specialistId)
export const keyOf = (subject: Subject): string => {
  if ('locationId' in subject) return subject.locationId
  const service = subject.specialistId && subject.serviceId ? `/${subject.serviceId}` : ''
  return `${idOf(subject)}@${subject.date}${service}`
}

/** Why something cannot be watched, as the server says it. */
export type WatchError = { reason: Reason; message: string }

/** A way to the server, open or opening. It ends once, by itself or by `close`. */
export type Connection = {
  via: 'socket' | 'events'
  /** Follows something from now on and asks for the whole of it; also where it is followed already. */
  ask(subject: Subject): void
  /** @param isLast whether no other day of the same calendar is followed */
  leave(subject: Subject, isLast: boolean): void
  close(): void
}

export type ConnectionEvents = {
  /** What is watched may be asked for now; said again where it has to be asked for anew. */
  onReady(): void
  onMessage(message: ServerMessage): void
  onRefused(subject: Subject, error: WatchError): void
  /** It is over. @param retryInMs where the server said how long to stay away */
  onEnd(retryInMs?: number): void
}

const has = (answer: unknown, ...names: string[]): boolean =>
  typeof answer === 'object' && answer !== null && names.every((name) => name in answer)

/** True for a booking, as many mutations answer it. */
export const isBooking = (answer: unknown): answer is Booking => has(answer, 'status', 'spaceId', 'startsAt')
/** True for an event, as one's own attending, leaving and changing answer it. */
export const isEvent = (answer: unknown): answer is Event => has(answer, 'mine', 'waiting', 'startsAt')
