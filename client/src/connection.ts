import type { Booking, Event, Reason, ServerMessage } from './api'

export type Day =
  | { spaceId: string; date: string; specialistId?: undefined }
  | { specialistId: string; date: string; serviceId?: string | undefined; spaceId?: undefined }
export type Place = { locationId: string }
export type Subject = Day | Place

export const idOf = (subject: Subject): string =>
  'locationId' in subject ? subject.locationId : (subject.spaceId ?? subject.specialistId)
export const keyOf = (subject: Subject): string => {
  if ('locationId' in subject) return subject.locationId
  const service = subject.specialistId && subject.serviceId ? `/${subject.serviceId}` : ''
  return `${idOf(subject)}@${subject.date}${service}`
}

export type WatchError = { reason: Reason; message: string }

/** A connection that is open or opening. It ends once, by itself or by `close`. */
export type Connection = {
  via: 'socket' | 'events'
  /** Subscribes and requests the whole view. Repeating it requests the view again. */
  ask(subject: Subject): void
  /** @param isLast whether no other day of the same calendar is watched */
  leave(subject: Subject, isLast: boolean): void
  close(): void
}

export type ConnectionEvents = {
  /** Subjects can be requested now. Called again if all of them must be requested again. */
  onReady(): void
  onMessage(message: ServerMessage): void
  onRefused(subject: Subject, error: WatchError): void
  /** The connection has ended. @param retryInMs the pause that the server requested */
  onEnd(retryInMs?: number): void
}

const has = (answer: unknown, ...names: string[]): boolean =>
  typeof answer === 'object' && answer !== null && names.every((name) => name in answer)

export const isBooking = (answer: unknown): answer is Booking => has(answer, 'status', 'spaceId', 'startsAt')
export const isEvent = (answer: unknown): answer is Event => has(answer, 'mine', 'waiting', 'startsAt')
