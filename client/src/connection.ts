import type { Booking, Reason, ServerMessage } from './api'

/** One day of one space. */
export type Day = { spaceId: string; date: string }
export const keyOf = ({ spaceId, date }: Day): string => `${spaceId}@${date}`

/** Why a board cannot be watched, as the server says it. */
export type WatchError = { reason: Reason; message: string }

/** A way to the server, open or opening. It ends once, by itself or by `close`. */
export type Connection = {
  via: 'socket' | 'events'
  /** Follows a board from now on and asks for the whole of it; also where it is followed already. */
  ask(day: Day): void
  leave(day: Day, isLastOfSpace: boolean): void
  close(): void
}

export type ConnectionEvents = {
  /** The boards may be asked for now; said again where they have to be asked for anew. */
  onReady(): void
  onMessage(message: ServerMessage): void
  onRefused(day: Day, error: WatchError): void
  /** It is over. @param retryInMs where the server said how long to stay away */
  onEnd(retryInMs?: number): void
}

/** True for a booking, as many mutations answer it. */
export const isBooking = (answer: unknown): answer is Booking =>
  typeof answer === 'object' &&
  answer !== null &&
  'status' in answer &&
  'spaceId' in answer &&
  'startsAt' in answer
