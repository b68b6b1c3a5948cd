import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Env } from '../../env'

/** A token for one purpose is not valid for another. */
type Purpose = 'door-code' | 'password-reset'
/** `id` is a user or a location; `number` is a time, so that the caller can refuse old tokens. */
type TokenPayload = { id: string; number: number }

const ID_BYTES = 16
const NUMBER_BYTES = 6
const PAYLOAD_BYTES = ID_BYTES + NUMBER_BYTES
const MAC_BYTES = 16

/**
 * Creates a token that is signed with JWT_SECRET.
 * @param also text that the signature covers and the token does not contain
 */
export function signToken(env: Env, purpose: Purpose, { id, number }: TokenPayload, also = ''): string {
  const payload = Buffer.alloc(PAYLOAD_BYTES)
  payload.write(id.replaceAll('-', ''), 'hex')
  payload.writeUIntBE(number, ID_BYTES, NUMBER_BYTES)
  return Buffer.concat([payload, macOf(env, purpose, payload, also)]).toString('base64url')
}

/** Decodes a token. Its payload is trustworthy only if `isOurs` returns true. @returns undefined if it is malformed */
export function verifyToken(
  env: Env,
  purpose: Purpose,
  text: string,
): (TokenPayload & { isOurs: (also?: string) => boolean }) | undefined {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length !== PAYLOAD_BYTES + MAC_BYTES) return undefined
  const payload = bytes.subarray(0, PAYLOAD_BYTES)
  return {
    id: payload.toString('hex', 0, ID_BYTES).replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5'),
    number: payload.readUIntBE(ID_BYTES, NUMBER_BYTES),
    isOurs: (also = '') => timingSafeEqual(bytes.subarray(PAYLOAD_BYTES), macOf(env, purpose, payload, also)),
  }
}

const macOf = (env: Env, purpose: Purpose, payload: Buffer, also: string) =>
  createHmac('sha256', env.JWT_SECRET)
    .update(`${purpose}:`)
    .update(payload)
    .update(also)
    .digest()
    .subarray(0, MAC_BYTES)
