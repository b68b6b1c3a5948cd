import { createHmac, timingSafeEqual } from 'node:crypto'
import { renderSVG } from 'uqr'
import { PATHS } from '../../web/src/paths'
import type { Context } from '../context'
import type { Env } from '../env'
import { AppError } from '../errors'
import type { DoorCode } from '../shapes/checkIns'
import { iso, MINUTE, type Millis } from '../time'
import { getLocation } from './locations'

/** A code is shown for so long, and taken for as long again, so that nobody is turned away who scanned it just now. */
const SHOWN: Millis = MINUTE
const ID_BYTES = 16
const TURN_BYTES = 6
const MAC_BYTES = 16

/**
 * The code at the door of a location, as text and as a QR image: the next one comes every minute. It says nothing to a
 * reader, and only this server makes one: the location and the turn, signed. Where `PUBLIC_URL` is set, the image is the
 * address of the page that checks in whoever opens it, with the code behind a `#`, so that no log on the way keeps it.
 * @throws NOT_FOUND
 */
export async function getDoorCode(ctx: Context, { id }: { id: string }): Promise<DoorCode> {
  const { id: locationId } = await getLocation(ctx, { id })
  const turn = Math.floor(Date.now() / SHOWN)
  const code = codeOf(ctx.env, locationId, turn)
  return { locationId, code, nextAt: iso((turn + 1) * SHOWN), svg: renderSVG(addressOf(ctx.env, code)) }
}

const addressOf = ({ PUBLIC_URL }: Env, code: string) =>
  PUBLIC_URL === undefined ? code : `${PUBLIC_URL}${PATHS.checkIn}#${code}`

function codeOf(env: Env, locationId: string, turn: number): string {
  const payload = Buffer.alloc(ID_BYTES + TURN_BYTES)
  payload.write(locationId.replaceAll('-', ''), 'hex')
  payload.writeUIntBE(turn, ID_BYTES, TURN_BYTES)
  return Buffer.concat([payload, macOf(env, payload)]).toString('base64url')
}

const macOf = (env: Env, payload: Buffer) =>
  createHmac('sha256', env.JWT_SECRET).update('door-code:').update(payload).digest().subarray(0, MAC_BYTES)

/** Which location a code, or the address that its image is, stands at the door of. @throws VALIDATION for one that is old, or was never ours */
export function readDoorCode(env: Env, scanned: string): string {
  const bytes = Buffer.from(scanned.slice(scanned.indexOf('#') + 1), 'base64url')
  const payload = bytes.subarray(0, ID_BYTES + TURN_BYTES)
  const ours =
    bytes.length === ID_BYTES + TURN_BYTES + MAC_BYTES &&
    timingSafeEqual(bytes.subarray(payload.length), macOf(env, payload))
  const age = ours ? Math.floor(Date.now() / SHOWN) - payload.readUIntBE(ID_BYTES, TURN_BYTES) : Number.NaN
  if (age !== 0 && age !== 1) {
    const message = 'This code is not valid any more. Please scan the one that is at the door now.'
    throw new AppError('VALIDATION', message, { issues: [{ path: 'code', message }] })
  }
  return payload.toString('hex', 0, ID_BYTES).replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5')
}
