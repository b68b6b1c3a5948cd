import { eq, sql } from 'drizzle-orm'
import type { Deps } from '../../context'
import type { Db, Tx } from '../../db/client'
import { locations, users } from '../../db/schema'
import { uuidArray } from '../../db/sql'
import { notFound } from '../../errors'
import { type CheckIn, checkInView, type PresentRow } from '../../schemas/check-ins'
import { type ComingRow, type Event, eventView } from '../../schemas/events'
import type { CalendarKey } from '../../schemas/slots'
import { topicOf } from '../../schemas/socket-messages'
import { type Notice, notify } from '../notifications/notify'
import { accountGone } from '../users/users'
import { type Outcome, withCalendarLocks } from './change-calendars'

/** Sent at most for each location, counted separately for members and for the public. */
const MAX_COMING = 100

export type Part = 'checkIns' | 'events'
export const checkInsChanged = (locationId: string) => ({ locationId, part: 'checkIns' as const })
export const eventsChanged = (locationId: string) => ({ locationId, part: 'events' as const })

/** An `Outcome` with the changed parts of locations and the notifications to send. */
export type LocationOutcome<T> = Outcome<T> & {
  changed: { locationId: string; part: Part }[]
  notices: Notice[]
}
export const noCalendarChanges = { touched: [], bookings: [] }

type Ids = string[] | ((tx: Tx) => Promise<string[]>)
type Calendars = CalendarKey[] | ((tx: Tx) => Promise<CalendarKey[]>)
export type LocationLocks = {
  first?: ((tx: Tx) => Promise<void>) | undefined
  userId?: string | undefined
  locations: Ids
  calendars?: Calendars
}

/**
 * Runs a change of check-ins and events. Locks the user, the locations by id, and then the calendars. Raises a location's
 * version once for each changed part and publishes after the commit; clients notice a lost message by the next version.
 * @throws NOT_SIGNED_IN if the user's account was deleted
 */
export async function withLocationLocks<T>(
  deps: Pick<Deps, 'db' | 'publish'>,
  { first, userId, locations: locationIds, calendars = [] }: LocationLocks,
  run: (tx: Tx) => Promise<LocationOutcome<T>>,
): Promise<T> {
  let updates: { part: Part; community: Community }[] = []
  const result = await withCalendarLocks(
    deps,
    {
      first,
      userId,
      calendars: async (tx) => {
        if (userId) await assertUserExists(tx, userId)
        await lockLocations(tx, typeof locationIds === 'function' ? await locationIds(tx) : locationIds)
        return typeof calendars === 'function' ? calendars(tx) : calendars
      },
    },
    async (tx) => {
      const outcome = await run(tx)
      updates = []
      for (const { locationId, part } of distinct(outcome.changed))
        updates.push({ part, community: await raiseLocation(tx, locationId) })
      await notify(tx, ...outcome.notices)
      return outcome
    },
  )
  for (const { part, community } of updates) publishLocation(deps, part, community)
  return result
}

/** An access token can outlive its account by up to an hour. */
async function assertUserExists(tx: Tx, userId: string): Promise<void> {
  const [user] = await tx
    .select({ id: users.id })
    .from(users)
    .where(sql`${users.id} = ${userId} AND ${users.deletedAt} IS NULL`)
  if (!user) throw accountGone()
}

async function lockLocations(tx: Tx, ids: string[]): Promise<void> {
  if (ids.length === 0) return
  await tx
    .select({ id: locations.id })
    .from(locations)
    .where(sql`${locations.id} = ANY(${uuidArray(ids)})`)
    .orderBy(locations.id)
    .for('no key update')
}

function distinct(changed: LocationOutcome<unknown>['changed']): LocationOutcome<unknown>['changed'] {
  return [...new Map(changed.map((change) => [`${change.locationId}/${change.part}`, change])).values()]
}

async function raiseLocation(tx: Tx, locationId: string): Promise<Community> {
  await tx
    .update(locations)
    .set({ version: sql`${locations.version} + 1` })
    .where(eq(locations.id, locationId))
  return readRows(tx, locationId)
}

/** Publishes one part: to members in full, to the public without names and members' events. */
function publishLocation({ publish }: Pick<Deps, 'publish'>, part: Part, community: Community): void {
  for (const audience of ['members', 'public'] as const) {
    const { locationId, version, checkIns, events } = viewFor(community, audience)
    publish(
      topicOf[audience === 'members' ? 'members' : 'location'](locationId),
      part === 'checkIns'
        ? { type: 'check_ins', locationId, version, present: checkIns }
        : { type: 'events', locationId, version, events },
    )
  }
}

type Audience = 'members' | 'public'
type Community = {
  locationId: string
  version: number
  removed: boolean
  present: PresentRow[]
  coming: ComingRow[]
}

export type CommunityView = { locationId: string; version: number; checkIns: CheckIn[]; events: Event[] }

/**
 * Reads the check-ins and coming events of a location with its version, in one statement.
 * @param me the user; without, names and members' events are left out
 * @throws NOT_FOUND
 */
export async function readCommunity(db: Db, locationId: string, me?: string): Promise<CommunityView> {
  const community = await readRows(db, locationId, me)
  if (community.removed) throw notFound('location')
  return viewFor(community, me ? 'members' : 'public')
}

async function readRows(db: Db, locationId: string, me?: string): Promise<Community> {
  const [row] = await db
    .select({
      version: locations.version,
      removed: sql<boolean>`${locations.removedAt} IS NOT NULL`,
      present: sql<PresentRow[]>`(
        SELECT coalesce(json_agg(json_build_object('id', c.id, 'locationId', c.location_id,
          'since', epoch_ms(c.since), 'note', c.note, 'userId', u.id, 'name', u.name, 'hidden', u.hidden) ORDER BY c.id), '[]')
        FROM check_ins c JOIN users u ON u.id = c.user_id WHERE c.location_id = ${locationId}::uuid AND c.until IS NULL)`,
      coming: sql<ComingRow[]>`(
        SELECT coalesce(json_agg(json_build_object('id', e.id, 'title', e.title, 'text', e.text,
          'locationId', e.location_id, 'spaceId', e.space_id, 'creatorId', e.creator_id, 'startsAt', epoch_ms(e.starts_at), 'endsAt', epoch_ms(e.ends_at),
          'capacity', e.capacity, 'priceMinor', e.price_minor, 'currency', e.currency, 'cancellation', e.cancellation,
          'visibility', e.visibility, 'attending', e.attending, 'held', e.held, 'waiting', e.waiting,
          'mine', a.status, 'bookingId', a.booking_id) ORDER BY e.starts_at, e.id), '[]')
        FROM events e LEFT JOIN event_attendees a ON a.event_id = e.id AND a.user_id = ${me ?? null}::uuid
        WHERE e.id = ANY(${nextOf(locationId)}) OR e.id = ANY(${nextOf(locationId, sql`AND visibility = 'public'`)}))`,
    })
    .from(locations)
    .where(eq(locations.id, locationId))
  if (!row) throw notFound('location')
  return { locationId, ...row }
}

const nextOf = (locationId: string, also = sql``) => sql`
  ARRAY(SELECT id FROM events WHERE location_id = ${locationId}::uuid AND NOT over ${also}
    ORDER BY starts_at, id LIMIT ${MAX_COMING})`

function viewFor({ locationId, version, present, coming }: Community, audience: Audience): CommunityView {
  return {
    locationId,
    version,
    checkIns: present.map((row) => checkInView(row, audience === 'members' && !row.hidden)),
    events: coming
      .filter(({ visibility }) => audience === 'members' || visibility === 'public')
      .slice(0, MAX_COMING)
      .map(eventView),
  }
}

export async function readLocationVersions(
  db: Db,
  ids: string[],
): Promise<{ locationId: string; version: number }[]> {
  if (ids.length === 0) return []
  return db
    .select({ locationId: locations.id, version: locations.version })
    .from(locations)
    .where(sql`${locations.id} = ANY(${uuidArray(ids)})`)
}
