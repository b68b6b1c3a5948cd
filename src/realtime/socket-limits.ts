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

export type SocketLimits = { messages: Bucket; strikes: Bucket }
type Bucket = { level: number; at: number }

export function createSocketLimits(): SocketLimits {
  const at = performance.now()
  return { messages: { level: MESSAGE_BURST, at }, strikes: { level: MAX_STRIKES, at } }
}

export const mayPass = ({ messages }: SocketLimits): boolean =>
  take(messages, { size: MESSAGE_BURST, perSecond: MESSAGES_PER_SECOND })

/**
 * Counts a refusal against the socket.
 * @returns the close code if there were too many
 */
export function strike({ strikes }: SocketLimits, reason: Reason): number | undefined {
  // Other refusals, such as SLOT_TAKEN, are normal use.
  if (reason !== 'VALIDATION' && reason !== 'RATE_LIMITED') return undefined
  if (take(strikes, { size: MAX_STRIKES, perSecond: FORGIVEN_PER_SECOND })) return undefined
  return reason === 'RATE_LIMITED' ? CLOSE.tooManyMessages : CLOSE.tooManyErrors
}

function take(bucket: Bucket, { size, perSecond }: { size: number; perSecond: number }): boolean {
  const now = performance.now()
  bucket.level = Math.min(size, bucket.level + ((now - bucket.at) / 1000) * perSecond)
  bucket.at = now
  if (bucket.level < 1) return false
  bucket.level -= 1
  return true
}
