import { and, asc, eq, gt, isNull, type SQL, sql } from 'drizzle-orm'
import type { UserActor } from '../../actor'
import type { Context, SignedInContext } from '../../context'
import type { Db, Tx } from '../../db/client'
import { violates } from '../../db/errors'
import { bookings, locations, type SpecialistRow, services, specialists, users } from '../../db/schema'
import { multirange } from '../../db/sql'
import { AppError, notFound } from '../../errors'
import { MINUTE } from '../../lib/time'
import { averageRating } from '../../schemas/reviews'
import type { CalendarKey } from '../../schemas/slots'
import type { Hours } from '../../schemas/spaces'
import type { Specialist } from '../../schemas/specialists'
import type { Calendar } from '../calendar/availability'
import { around } from '../calendar/boards'
import { changeRules, refuseWithClaims } from '../calendar/change-rules'
import { hoursOf, replaceHours } from '../locations/locations'

export type SpecialistFilter = {
  userId?: string | undefined
  locationId?: string | undefined
  city?: string | undefined
  service?: string | undefined
  serviceId?: string | undefined
  minRating?: number | undefined
}
type Settings = {
  name?: string | undefined
  about?: string | undefined
  slotMinutes?: number | undefined
  minNoticeMinutes?: number | undefined
  maxNoticeDays?: number | undefined
  hours?: Hours | undefined
}

/** @throws NOT_FOUND */
export const getSpecialist = (ctx: Context, { id }: { id: string }): Promise<Specialist> =>
  ctx.cache.shared(`specialist:${id}`, profilesFor(ctx), () => readSpecialist(ctx.db, id))

/** Cache options of profiles. A change to a profile drops all of them, because changes are rare. */
export const profilesFor = ({ actor }: Context) => ({
  tag: 'specialists' as const,
  maxAgeMs: 60 * MINUTE,
  exact: actor.kind === 'user',
})

/**
 * Creates the profile of a user with the role `specialist`. Specialists create their own; admins create any.
 * @throws NOT_FOUND, NOT_ALLOWED, INVALID_STATE if the user is not a specialist or already has a profile
 */
export async function createSpecialist(
  ctx: SignedInContext,
  {
    userId = ctx.actor.id,
    locationId,
    hours = [],
    ...fields
  }: Settings & { userId?: string | undefined; locationId: string },
): Promise<Specialist> {
  if (ctx.actor.role !== 'admin' && userId !== ctx.actor.id)
    throw new AppError('NOT_ALLOWED', 'Only an admin can create a profile for another user.')
  try {
    const specialist = await ctx.db.transaction(async (tx) => {
      const [user] = await tx
        .select({ role: users.role, name: users.name })
        .from(users)
        .where(and(eq(users.id, userId), isNull(users.deletedAt)))
        .for('key share')
      if (!user) throw notFound('user')
      if (user.role !== 'specialist')
        throw new AppError('INVALID_STATE', 'This user is not a specialist. Change the role first.')
      const [location] = await tx
        .select({ id: locations.id })
        .from(locations)
        .where(and(eq(locations.id, locationId), isNull(locations.removedAt)))
        .for('share')
      if (!location) throw notFound('location')
      const [row] = await tx
        .insert(specialists)
        .values({ ...fields, name: fields.name ?? user.name, userId, locationId })
        .returning({ id: specialists.id })
      if (!row) throw new Error('the specialist was not inserted')
      await replaceHours(tx, { specialistId: row.id }, hours)
      return readSpecialist(tx, row.id)
    })
    await ctx.cache.drop('specialists')
    return specialist
  } catch (error) {
    if (violates(error, 'specialists_user'))
      throw new AppError('INVALID_STATE', 'This user already has a profile.')
    throw error
  }
}

/** @throws NOT_FOUND, NOT_ALLOWED */
export async function updateSpecialist(
  ctx: SignedInContext,
  { id, hours, ...fields }: Settings & { id: string },
): Promise<Specialist> {
  return changeRules(
    ctx,
    (tx) => ownCalendar(tx, ctx.actor, id),
    async (tx) => {
      if (Object.keys(fields).length > 0)
        await tx.update(specialists).set(fields).where(eq(specialists.id, id))
      if (hours) await replaceHours(tx, { specialistId: id }, hours)
      return readSpecialist(tx, id)
    },
  )
}

/** Takes a specialist out of use. @throws NOT_FOUND, NOT_ALLOWED, INVALID_STATE if there are holds or bookings */
export async function removeSpecialist(ctx: SignedInContext, { id }: { id: string }): Promise<{ ok: true }> {
  return changeRules(
    ctx,
    (tx) => ownCalendar(tx, ctx.actor, id),
    async (tx, keys) => {
      await refuseWithClaims(tx, keys)
      await tx.update(specialists).set({ removedAt: sql`now()` }).where(eq(specialists.id, id))
      return { ok: true }
    },
  )
}

/** Returns a specialist's calendar if the actor may change it. @throws NOT_FOUND, NOT_ALLOWED */
export async function ownCalendar(tx: Tx, actor: UserActor, id: string): Promise<CalendarKey[]> {
  const [row] = await tx
    .select({ userId: specialists.userId })
    .from(specialists)
    .where(and(eq(specialists.id, id), isNull(specialists.removedAt)))
  if (!row) throw notFound('specialist')
  if (actor.role !== 'admin' && row.userId !== actor.id) throw notYours()
  return [{ specialistId: id }]
}

/** @param id the specialist to change; null if only an admin may make the change. @throws NOT_FOUND, NOT_ALLOWED */
export async function refuseUnlessOwn(tx: Tx, actor: UserActor, id: string | null): Promise<void> {
  if (actor.role === 'admin') return
  if (id === null) throw notYours()
  await ownCalendar(tx, actor, id)
}

const notYours = () =>
  new AppError('NOT_ALLOWED', 'You can change only your own profile, services and time off.')

/** @returns an empty list if the user has no specialist profile */
export async function calendarOfSpecialist(tx: Tx, userId: string): Promise<CalendarKey[]> {
  return tx
    .select({ specialistId: specialists.id })
    .from(specialists)
    .where(and(eq(specialists.userId, userId), isNull(specialists.removedAt)))
}

/** Anonymises the profile of a deleted user. Past bookings remain. @throws INVALID_STATE if there are holds or bookings */
export async function retireSpecialist(tx: Tx, userId: string): Promise<void> {
  await refuseWithClaims(tx, await calendarOfSpecialist(tx, userId))
  await tx
    .update(specialists)
    .set({ userId: null, name: 'Deleted user', about: '', removedAt: sql`coalesce(removed_at, now())` })
    .where(eq(specialists.userId, userId))
  await tx.update(bookings).set({ specialistUserId: null }).where(eq(bookings.specialistUserId, userId))
}

async function readSpecialist(db: Db, id: string): Promise<Specialist> {
  const [row] = await selectSpecialists(db, { id }, 1)
  if (!row) throw notFound('specialist')
  return specialistView(row, await hoursOf(db, 'specialist', [id]))
}

export type SpecialistColumns = SpecialistRow & { timeZone: string }

/** Serves list, single specialist and search. With a `date` it also reads rules, claims and rooms. */
export async function selectSpecialists(
  db: Db,
  filter: SpecialistFilter & { id?: string; cursor?: string | undefined },
  limit: number,
  date?: string,
) {
  const { id, locationId, city, minRating, cursor } = filter
  const window = multirange(date === undefined ? [] : [around(date)])
  const dated = <T>(name: string): SQL<T | null> =>
    date === undefined
      ? sql`NULL`
      : sql<T>`${sql.identifier(name)}(${specialists.id}, ${window}::tstzmultirange)`
  const rows = await db
    .select({
      specialist: specialists,
      timeZone: locations.timeZone,
      services: servicesAskedFor(filter),
      rules: dated<Calendar['rules']>('specialist_rules'),
      claims: dated<Calendar['claims']>('specialist_claims'),
      rooms: dated<Calendar['rooms']>('specialist_rooms'),
      now: sql`epoch_ms(clock_timestamp())`.mapWith(Number),
    })
    .from(specialists)
    .innerJoin(locations, eq(locations.id, specialists.locationId))
    .where(
      and(
        isNull(specialists.removedAt),
        id ? eq(specialists.id, id) : undefined,
        filter.userId ? eq(specialists.userId, filter.userId) : undefined,
        locationId ? eq(specialists.locationId, locationId) : undefined,
        city ? sql`lower(${locations.city}) = lower(${city})` : undefined,
        minRating
          ? sql`${specialists.reviewCount} > 0 AND ${specialists.ratingSum} >= ${minRating}::numeric * ${specialists.reviewCount}`
          : undefined,
        filter.service !== undefined || filter.serviceId !== undefined
          ? sql`${servicesAskedFor(filter)} IS NOT NULL`
          : undefined,
        cursor ? gt(specialists.id, cursor) : undefined,
      ),
    )
    .orderBy(asc(specialists.id))
    .limit(limit)
  return rows.map(({ specialist, ...more }) => ({ ...specialist, ...more }))
}

/** Selects the ids of the specialist's services that match the filter; null if none matches. */
function servicesAskedFor({ service, serviceId }: SpecialistFilter): SQL<string[] | null> {
  const like = service === undefined ? null : `%${service.toLowerCase().replace(/[\\%_]/g, '\\$&')}%`
  return sql<string[] | null>`(SELECT json_agg(${services.id}) FROM ${services}
    WHERE ${services.specialistId} = ${specialists.id} AND ${services.removedAt} IS NULL
      AND (${like}::text IS NULL OR lower(${services.name}) LIKE ${like})
      AND (${serviceId ?? null}::uuid IS NULL OR ${services.id} = ${serviceId ?? null}))`
}

/** Only the profile of a deleted user has no `userId`, and it is never shown. */
export const specialistView = (row: SpecialistColumns, hours: Map<string, Hours>): Specialist => ({
  id: row.id,
  userId: row.userId ?? '',
  locationId: row.locationId,
  name: row.name,
  about: row.about,
  hours: hours.get(row.id) ?? [],
  timeZone: row.timeZone,
  slotMinutes: row.slotMinutes,
  minNoticeMinutes: row.minNoticeMinutes,
  maxNoticeDays: row.maxNoticeDays,
  rating: averageRating(row),
  reviewCount: row.reviewCount,
})
