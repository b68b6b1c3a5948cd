import { eq } from 'drizzle-orm'
import { PATHS } from '../../../web/src/paths'
import type { Context } from '../../context'
import { doorScreens } from '../../db/schema'
import { notFound } from '../../errors'
import type { DoorCode } from '../../schemas/check-ins'
import { hashSecret, renewSecret } from '../shared/secrets'
import { getDoorCode } from './door-codes'
import { getLocation } from './locations'

/**
 * Gives the screen at the door of a location an address of its own, and ends the one it had: whoever stands before it is to
 * see the code, and nothing else that an operator may. The secret is shown this once, and our own log does not have it.
 * @throws NOT_FOUND
 */
export async function renewDoorScreen(
  ctx: Context,
  { id }: { id: string },
): Promise<{ secret: string; url: string }> {
  const { id: locationId } = await getLocation(ctx, { id })
  const { secret, kept } = renewSecret()
  await ctx.db
    .insert(doorScreens)
    .values({ locationId, ...kept })
    .onConflictDoUpdate({ target: doorScreens.locationId, set: kept })
  return { secret, url: `${ctx.env.PUBLIC_URL ?? ''}${PATHS.doorScreen}#${secret}` }
}

/** The code that a screen shows now. @throws NOT_FOUND for a secret that has ended or never was, and where its location is gone */
export async function getScreenCode(ctx: Context, { secret }: { secret: string }): Promise<DoorCode> {
  const [screen] = await ctx.db
    .select({ id: doorScreens.locationId })
    .from(doorScreens)
    .where(eq(doorScreens.secretHash, hashSecret(secret)))
  if (!screen) throw notFound('screen')
  return getDoorCode(ctx, screen)
}
