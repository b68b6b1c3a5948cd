import { AppError } from '../errors'
import { parseSlotId } from '../schemas/common'
import { type ClientMessage, ClientMessageSchema } from '../schemas/socket-messages'
import { MAX_MESSAGE_BYTES } from './socket-limits'

/** @throws VALIDATION */
export function holdRequestOf(message: Extract<ClientMessage, { type: 'slot_hold' }>) {
  if (message.slotId) return parseSlotId(message.slotId)
  const { spaceId, startsAt, endsAt } = message
  if (!spaceId || !startsAt)
    throw new AppError('VALIDATION', 'A hold needs a slotId, or a spaceId and a startsAt.')
  return { spaceId, startsAt: new Date(startsAt), endsAt: endsAt ? new Date(endsAt) : undefined }
}

/** @throws VALIDATION */
export function releaseRequestOf({ slotId }: Extract<ClientMessage, { type: 'slot_release' }>) {
  if (!slotId) throw new AppError('VALIDATION', 'A release needs a slotId or a bookingId.')
  return parseSlotId(slotId)
}

/** Parses a frame as JSON. Binary frames and invalid JSON are returned unchanged. */
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
    throw new AppError('VALIDATION', 'A message must be a JSON object with a type.')
  }
  if (Buffer.byteLength(JSON.stringify(raw)) > MAX_MESSAGE_BYTES) {
    throw new AppError('VALIDATION', `A message can have at most ${MAX_MESSAGE_BYTES} bytes.`)
  }
  return ClientMessageSchema.parse(raw)
}

/** The id to echo, also if the message itself is invalid. */
export function requestIdOf(raw: unknown): string | undefined {
  if (typeof raw !== 'object' || raw === null || !('requestId' in raw)) return undefined
  return typeof raw.requestId === 'string' && raw.requestId.length <= 100 ? raw.requestId : undefined
}
