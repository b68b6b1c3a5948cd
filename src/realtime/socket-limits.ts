import type { Reason } from '../errors'

export const MAX_MESSAGE_BYTES = 4096
export const MAX_FRAME_BYTES = 64 * 1024
export const MAX_UNREAD_BYTES = 1 << 20
/** A dropped socket that had this many buffered bytes was closed as a slow reader. */
export const SLOW_READER_BYTES = MAX_UNREAD_BYTES / 2
export const UNREAD_EVERY_MS = 10
export const MESSAGE_BURST = 60
const MESSAGES_PER_SECOND = 20
/** Invalid or too frequent messages before the socket is closed; FORGIVEN_PER_SECOND of them are forgiven. */
const MAX_STRIKES = 200
const FORGIVEN_PER_SECOND = 5
export const MAX_BOARDS = 200
export const MAX_LOCATIONS = 50

export const CLOSE = {
  signedOut: 4401,
  tooManyMessages: 4408,
  tooManyErrors: 4409,
  goingAway: 1001,
  dropped: 1006,
} as const

/**
 * Two token buckets, each stored as the time at which it is full again, in whole milliseconds of `performance.now()`.
 * A full bucket is any time in the past.
 */
export type SocketLimits = { messagesFullAt: number; strikesFullAt: number }

/** Counts a message. @returns false if it is over the limit */
export function mayPass(limits: SocketLimits): boolean {
  const fullAt = take(limits.messagesFullAt, MESSAGE_BURST, MESSAGES_PER_SECOND)
  if (fullAt === undefined) return false
  limits.messagesFullAt = fullAt
  return true
}

/**
 * Counts a refusal against the socket.
 * @returns the close code if there were too many
 */
export function strike(limits: SocketLimits, reason: Reason): number | undefined {
  // Other refusals, such as SLOT_TAKEN, are normal use.
  if (reason !== 'VALIDATION' && reason !== 'RATE_LIMITED') return undefined
  const fullAt = take(limits.strikesFullAt, MAX_STRIKES, FORGIVEN_PER_SECOND)
  if (fullAt === undefined) return reason === 'RATE_LIMITED' ? CLOSE.tooManyMessages : CLOSE.tooManyErrors
  limits.strikesFullAt = fullAt
  return undefined
}

/** Takes a token from a bucket. @returns when the bucket is full again, or undefined if it is empty */
function take(fullAt: number, size: number, perSecond: number): number | undefined {
  const tokenMs = 1000 / perSecond
  const now = Math.floor(performance.now())
  const next = Math.max(fullAt, now) + tokenMs
  return next - now > size * tokenMs ? undefined : next
}
