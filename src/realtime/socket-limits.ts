import type { Reason } from '../errors'

/** The largest message that is read, in bytes; a larger one is refused. */
export const MAX_MESSAGE_BYTES = 4096
/** A frame beyond this ends the connection before anybody reads it. */
export const MAX_FRAME_BYTES = 64 * 1024
/** What a socket may have unread before it is closed rather than buffered further, in bytes. */
export const MAX_UNREAD_BYTES = 1 << 20
/** Whoever had so much unread a moment ago, and is suddenly gone, was closed for it. */
export const SLOW_READER_BYTES = MAX_UNREAD_BYTES / 2
/** How often, at the most, it is asked who has how much unread, in milliseconds. */
export const UNREAD_EVERY_MS = 10
/** Messages that one socket may send at once, and that may wait for their answers. */
export const MESSAGE_BURST = 60
/** Messages a second that one socket may send in the long run. */
const MESSAGES_PER_SECOND = 20
/** Messages that cannot be read, or come too often, after which it is no accident and the socket is closed. */
const MAX_STRIKES = 200
/** So many of them are forgiven each second. */
const FORGIVEN_PER_SECOND = 5
/** Boards that one socket may watch at once. */
export const MAX_BOARDS = 200
/** Locations that one socket may watch at once. */
export const MAX_LOCATIONS = 50

export const CLOSE = {
  signedOut: 4401,
  tooManyMessages: 4408,
  tooManyErrors: 4409,
  goingAway: 1001,
  dropped: 1006,
} as const

/** What one socket may still do. There are thousands of them, so it is two small objects and no function. */
export type SocketLimits = { messages: Bucket; strikes: Bucket }
type Bucket = { level: number; at: number }

export function createSocketLimits(): SocketLimits {
  const at = performance.now()
  return { messages: { level: MESSAGE_BURST, at }, strikes: { level: MAX_STRIKES, at } }
}

/** Takes one message from the allowance; false where none is left. */
export const mayPass = ({ messages }: SocketLimits): boolean =>
  take(messages, { size: MESSAGE_BURST, perSecond: MESSAGES_PER_SECOND })

/** Counts a refusal against the socket. @returns the code to close it with, once it has had enough of them */
export function strike({ strikes }: SocketLimits, reason: Reason): number | undefined {
  // A time that somebody else has is no misbehaviour, however often it is asked for.
  if (reason !== 'VALIDATION' && reason !== 'RATE_LIMITED') return undefined
  if (take(strikes, { size: MAX_STRIKES, perSecond: FORGIVEN_PER_SECOND })) return undefined
  return reason === 'RATE_LIMITED' ? CLOSE.tooManyMessages : CLOSE.tooManyErrors
}

/** Takes one out of a store of `size` that refills by `perSecond`; false where it is empty. */
function take(bucket: Bucket, { size, perSecond }: { size: number; perSecond: number }): boolean {
  const now = performance.now()
  bucket.level = Math.min(size, bucket.level + ((now - bucket.at) / 1000) * perSecond)
  bucket.at = now
  if (bucket.level < 1) return false
  bucket.level -= 1
  return true
}
