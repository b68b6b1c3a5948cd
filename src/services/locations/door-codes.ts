import { renderSVG } from 'uqr'
import { PATHS } from '../../../web/src/paths'
import type { Context } from '../../context'
import type { Env } from '../../env'
import { invalid } from '../../errors'
import { iso, MINUTE, type Millis } from '../../lib/time'
import type { DoorCode } from '../../schemas/check-ins'
import { signToken, verifyToken } from '../shared/signed-tokens'
import { getLocation } from './locations'

/** How long a code is shown. It is accepted for as long again, so that a code scanned just before a change still works. */
const ROTATION: Millis = MINUTE

/**
 * Returns the code for a location's door, as text and as a QR image. It changes every minute. With PUBLIC_URL, the image
 * links to the check-in page; the code is in the URL's fragment, so no access log contains it.
 * @throws NOT_FOUND
 */
export async function getDoorCode(ctx: Context, { id }: { id: string }): Promise<DoorCode> {
  const { id: locationId } = await getLocation(ctx, { id })
  const turn = turnAt(Date.now())
  const code = signToken(ctx.env, 'door-code', { id: locationId, number: turn })
  return { locationId, code, nextAt: iso((turn + 1) * ROTATION), svg: renderSVG(addressOf(ctx.env, code)) }
}

const turnAt = (now: Millis): number => Math.floor(now / ROTATION)

const addressOf = ({ PUBLIC_URL }: Env, code: string) =>
  PUBLIC_URL === undefined ? code : `${PUBLIC_URL}${PATHS.checkIn}#${code}`

/** Returns the id of the location of a scanned code or link. @throws VALIDATION if the code has expired or is forged */
export function readDoorCode(env: Env, scanned: string): string {
  const read = verifyToken(env, 'door-code', scanned.slice(scanned.indexOf('#') + 1))
  const age = turnAt(Date.now()) - (read?.number ?? Number.NaN)
  if (!read?.isOurs() || (age !== 0 && age !== 1))
    throw invalid('code', 'This code is not valid. Scan the current code at the door.')
  return read.id
}
