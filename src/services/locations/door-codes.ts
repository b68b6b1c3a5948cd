import { renderSVG } from 'uqr'
import { PATHS } from '../../../web/src/paths'
import type { Context } from '../../context'
import type { Env } from '../../env'
import { invalid } from '../../errors'
import { iso, MINUTE, type Millis } from '../../lib/time'
import type { DoorCode } from '../../schemas/check-ins'
import { signToken, verifyToken } from '../shared/signed-tokens'
import { getLocation } from './locations'

/** A code is shown for so long, and taken for as long again, so that nobody is turned away who scanned it just now. */
const SHOWN: Millis = MINUTE

/**
 * The code at the door of a location, as text and as a QR image: the next one comes every minute. It says nothing to a
 * reader, and only this server makes one: the location and the turn, signed. Where `PUBLIC_URL` is set, the image is the
 * address of the page that checks in whoever opens it, with the code behind a `#`, so that no log on the way keeps it.
 * @throws NOT_FOUND
 */
export async function getDoorCode(ctx: Context, { id }: { id: string }): Promise<DoorCode> {
  const { id: locationId } = await getLocation(ctx, { id })
  const turn = turnAt(Date.now())
  const code = signToken(ctx.env, 'door-code', { id: locationId, number: turn })
  return { locationId, code, nextAt: iso((turn + 1) * SHOWN), svg: renderSVG(addressOf(ctx.env, code)) }
}

const turnAt = (now: Millis): number => Math.floor(now / SHOWN)

const addressOf = ({ PUBLIC_URL }: Env, code: string) =>
  PUBLIC_URL === undefined ? code : `${PUBLIC_URL}${PATHS.checkIn}#${code}`

/**
 * Which location a code, or the address that its image is, stands at the door of.
 * @throws VALIDATION for one that is old, or was never ours
 */
export function readDoorCode(env: Env, scanned: string): string {
  const read = verifyToken(env, 'door-code', scanned.slice(scanned.indexOf('#') + 1))
  const age = turnAt(Date.now()) - (read?.number ?? Number.NaN)
  if (!read?.isOurs() || (age !== 0 && age !== 1))
    throw invalid('code', 'This code is not valid any more. Please scan the one that is at the door now.')
  return read.id
}
