import { AppError } from '../errors'
import { parseSlotId } from '../schemas/common'
import { type ClientMessage, ClientMessageSchema } from '../schemas/socket-messages'
import { MAX_MESSAGE_BYTES } from './socket-limits'

/** The time that a message asks for. @throws VALIDATION */
export function holdRequestOf(message: Extract<ClientMessage, { type: 'slot_hold' }>) {
  if (message.slotId) return parseSlotId(message.slotId)
  const { spaceId, startsAt, endsAt } = message
  if (!spaceId || !startsAt)
    throw new AppError('VALIDATION', 'A hold needs a slotId, or a spaceId and a startsAt.')
  return { spaceId, startsAt: new Date(startsAt), endsAt: endsAt ? new Date(endsAt) : undefined }
}

/** The slot that a message gives back. @throws VALIDATION */
export function releaseRequestOf({ slotId }: Extract<ClientMessage, { type: 'slot_release' }>) {
  if (!slotId) throw new AppError('VALIDATION', 'A release needs a slotId or a bookingId.')
  return parseSlotId(slotId)
}

/** What a frame holds: JSON where it is that; bytes, and text that is no JSON, as they came. */
export function readMessage(frame: string | Buffer): unknown {
  if (typeof frame !== 'string') return frame
  try {
    return JSON.parse(frame)
  } catch {
    return frame
  }
}

/** @throws VALIDATION */
export function parseMessage(raw: unknown): ClientMessage {
  if (typeof raw !== 'object' || raw === null || ArrayBuffer.isView(raw)) {
    throw new AppError('VALIDATION', 'A message is a JSON object with a type.')
  }
  if (Buffer.byteLength(JSON.stringify(raw)) > MAX_MESSAGE_BYTES) {
    throw new AppError('VALIDATION', `A message has ${MAX_MESSAGE_BYTES} bytes at the most.`)
  }
  return ClientMessageSchema.parse(raw)
}

/** What the answer to a message must bring back, even where the message itself cannot be read. */
export function requestIdOf(raw: unknown): string | undefined {
  if (typeof raw !== 'object' || raw === null || !('requestId' in raw)) return undefined
  return typeof raw.requestId === 'string' && raw.requestId.length <= 100 ? raw.requestId : undefined
}
