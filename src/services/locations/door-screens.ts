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
 * Creates an address for a location's door screen and revokes the previous one. The address gives access to the door code
 * and nothing else. Its secret is returned only here and is not logged.
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

/** Returns the current code for a door screen. @throws NOT_FOUND if the secret was revoked or the location removed */
export async function getScreenCode(ctx: Context, { secret }: { secret: string }): Promise<DoorCode> {
  const [screen] = await ctx.db
    .select({ id: doorScreens.locationId })
    .from(doorScreens)
    .where(eq(doorScreens.secretHash, hashSecret(secret)))
  if (!screen) throw notFound('screen')
  return getDoorCode(ctx, screen)
}
