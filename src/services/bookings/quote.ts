import { eq, sql } from 'drizzle-orm'
import { type Db, prepared } from '../../db/client'
import { services, spaces } from '../../db/schema'
import { multirange } from '../../db/sql'
import { AppError, invalidField, notFound, type Reason } from '../../errors'
import type { Cache } from '../../lib/cache'
import { DAY, MINUTE, type Millis, type Period } from '../../lib/time'
import { calendarId } from '../../schemas/slots'
import {
  type Calendar,
  forService,
  openRooms,
  type Room,
  type Rules,
  roomPrice,
  whyNoRoom,
  whyNotByRules,
} from '../calendar/availability'
import { standingOf } from '../loyalty/loyalty'

/** What somebody wants: a time of a space, or of a service with the room it may need, which may be named. */
export type Wish = {
  spaceId?: string | undefined
  serviceId?: string | undefined
  /** In place of the two: whatever a slot's id says, which is a space or a service. */
  slotOf?: string | undefined
  /** Must be the service's, where it is given. */
  specialistId?: string | undefined
  startsAt: Date
  endsAt?: Date | undefined
}

/** How a wish could come true by the rules as they stand; who gets it is not decided here. */
export type Plan = {
  time: Period
  locationId: string
  serviceId: string | null
  specialistId: string | null
  /** Of the service; a space adds its own where that is longer. */
  bufferMinutes: number
  currency: string
  /** The spaces that would do, the best first; none where a service needs no room. */
  spaces: string[]
  /** What the whole costs in each of the spaces, or without one. */
  prices: number[]
  /** For which versions of the rules this was decided, by calendar. */
  rules: Record<string, number>
}

/**
 * Decides a wish by the rules: whether the time can be had at all, where, and what it costs there.
 * @param personId whose wish it is: their tier may let them book further ahead than everyone
 * @param remembered where the rules of a space may be as they were a moment ago. A plan by such rules is as good as any, since
 *   who claims by it is told STALE_RULES where they have changed; what they refuse is decided again by those of now
 * @throws NOT_FOUND, VALIDATION, SLOT_PAST, SLOT_CLOSED, OFF_GRID, TOO_LONG, TOO_LATE, TOO_EARLY
 */
export async function planTime(db: Db, wish: Wish, personId: string, remembered?: Cache): Promise<Plan> {
  const { spaceId = wish.slotOf, serviceId = wish.slotOf } = wish
  const ofSpace =
    wish.serviceId === undefined && spaceId
      ? ((remembered && (await planByMemory(remembered, db, spaceId, wish))) ??
        (await planSpace(db, spaceId, wish, personId)))
      : undefined
  const plan = ofSpace ?? (serviceId ? await planService(db, serviceId, wish, personId) : undefined)
  if (!plan) throw notFound(serviceId ? 'service' : 'space')
  return plan
}

const window = sql`${sql.placeholder('window')}::tstzmultirange`
const now = sql`epoch_ms(clock_timestamp())`.mapWith(Number)

const spaceQuery = prepared((db) =>
  db
    .select({ rules: sql<Rules | null>`space_rules(${spaces.id}, ${window})`, now })
    .from(spaces)
    .where(eq(spaces.id, sql.placeholder('id')))
    .prepare('rules'),
)

async function planSpace(db: Db, spaceId: string, wish: Wish, personId: string): Promise<Plan | undefined> {
  const [row] = await spaceQuery(db).execute({ id: spaceId, window: multirange([widest(wish)]) })
  if (!row?.rules) return undefined
  const time = timeOf(wish, row.rules)
  await refuseByRules(db, row.rules, time, row.now, personId)
  return planByRules(row.rules, spaceId, time)
}

/** What the rules of a space were when they were read, and the difference between the database's clock and that of this process. */
type Memory = { rules: Rules | null; clockAhead: Millis }

/** For so long the rules of spaces are remembered, under one tag: they change seldom. */
const REMEMBERED_MS = MINUTE
export const RULES = 'rules'

/** @returns undefined where the rules of now must decide */
async function planByMemory(cache: Cache, db: Db, spaceId: string, wish: Wish): Promise<Plan | undefined> {
  const { from, to } = widest(wish)
  const period = { from: Math.floor(from / DAY) * DAY, to: (Math.floor(from / DAY) + 2) * DAY }
  if (to > period.to) return undefined
  const { rules, clockAhead } = await cache.near<Memory>(
    `rules:${spaceId}:${period.from}`,
    { tag: RULES, maxAgeMs: REMEMBERED_MS },
    async () => {
      const [row] = await spaceQuery(db).execute({ id: spaceId, window: multirange([period]) })
      return { value: { rules: row?.rules ?? null, clockAhead: (row?.now ?? 0) - performance.now() } }
    },
  )
  if (!rules) return undefined
  const time = timeOf(wish, rules)
  const refused = time.from >= time.to || whyNotByRules(rules, time, clockAhead + performance.now()) !== null
  return refused ? undefined : planByRules(rules, spaceId, time)
}

function planByRules(rules: Rules, spaceId: string, time: Period): Plan {
  return {
    ...planned(rules, time),
    spaces: [spaceId],
    prices: [(rules.priceMinor * (time.to - time.from)) / (rules.slotMinutes * MINUTE)],
    bufferMinutes: 0,
  }
}

const serviceQuery = prepared((db) =>
  db
    .select({
      rules: sql<Rules | null>`specialist_rules(${services.specialistId}, ${window})`,
      rooms: sql<Room[]>`specialist_rooms(${services.specialistId}, ${window})`,
      now,
    })
    .from(services)
    .where(eq(services.id, sql.placeholder('id')))
    .prepare('service_rules'),
)

async function planService(
  db: Db,
  serviceId: string,
  wish: Wish,
  personId: string,
): Promise<Plan | undefined> {
  const [row] = await serviceQuery(db).execute({ id: serviceId, window: multirange([widest(wish)]) })
  const { rules, rooms = [], now: at = 0 } = row ?? {}
  const calendar = rules && forService({ rules, rooms, claims: [], now: at }, serviceId)
  if (!calendar) return undefined
  if (wish.specialistId && wish.specialistId !== calendar.rules.specialistId)
    throw invalidField('specialistId', 'does not offer this service')
  const time = timeOf(wish, calendar.rules)
  await refuseByRules(db, calendar.rules, time, at, personId)
  const fitting = roomsFor(calendar, time, wish.spaceId)
  const { priceMinor } = calendar.rules
  return {
    ...planned(calendar.rules, time),
    spaces: fitting.map((room) => calendarId(room.rules)),
    prices: calendar.rules.room
      ? fitting.map((room) => priceMinor + roomPrice(room.rules, time))
      : [priceMinor],
    rules: Object.fromEntries(
      [calendar.rules, ...fitting.map((room) => room.rules)].map((of) => [calendarId(of), of.rulesVersion]),
    ),
  }
}

function planned(rules: Rules, time: Period) {
  return {
    time,
    locationId: rules.locationId,
    serviceId: rules.serviceId ?? null,
    specialistId: rules.specialistId ?? null,
    bufferMinutes: rules.bufferMinutes,
    currency: rules.currency,
    rules: { [calendarId(rules)]: rules.rulesVersion },
  }
}

/** The rooms that would do, or of them the one that is named. */
function roomsFor(calendar: Calendar, time: Period, named: string | undefined): Room[] {
  const { room: need } = calendar.rules
  if (!need && named) throw invalidField('spaceId', 'is not needed for this service')
  const closed = whyNoRoom(calendar, time)
  if (closed) throw refuseTime(closed)
  const open = openRooms(calendar, time)
  if (!named) return open
  const chosen = open.filter(({ rules }) => rules.spaceId === named)
  if (chosen.length > 0) return chosen
  const fits = calendar.rooms?.some(
    ({ rules, kind, capacity }) =>
      rules.spaceId === named && need && kind === need.kind && capacity >= need.capacity,
  )
  throw fits ? refuseTime('SLOT_CLOSED') : invalidField('spaceId', 'is not a room that fits this service')
}

/** One slot where no end is given. */
function timeOf({ startsAt, endsAt }: Wish, rules: Rules): Period {
  const from = startsAt.getTime()
  return { from, to: endsAt ? endsAt.getTime() : from + rules.slotMinutes * MINUTE }
}

/** Without an end it is one slot, and no slot is longer than a day. */
function widest({ startsAt, endsAt }: Wish): Period {
  const from = startsAt.getTime()
  return { from, to: Math.max(endsAt?.getTime() ?? 0, from + DAY) }
}

/**
 * Boards are the same for everyone and say TOO_EARLY of what only some may hold yet: those are known here, and for them
 * the same rule decides again, with the longer notice of their tier.
 */
async function refuseByRules(
  db: Db,
  rules: Rules,
  time: Period,
  at: Millis,
  personId: string,
): Promise<void> {
  if (time.from >= time.to) throw invalidField('endsAt', 'must be after the start')
  let reason = whyNotByRules(rules, time, at)
  if (reason === 'TOO_EARLY') {
    const { extraNoticeDays } = await standingOf(db, personId)
    reason = whyNotByRules({ ...rules, maxNoticeDays: rules.maxNoticeDays + extraNoticeDays }, time, at)
  }
  if (reason) throw refuseTime(reason)
}

const TIME_REFUSALS: Partial<Record<Reason, string>> = {
  SLOT_TAKEN: 'Somebody else has this time.',
  SLOT_PAST: 'This time has already begun.',
  SLOT_CLOSED: 'It is closed at this time.',
  OFF_GRID: 'A booking begins and ends where a slot does.',
  TOO_LONG: 'This is longer than what can be booked at once.',
  TOO_LATE: 'This time is too soon: more notice is asked for.',
  TOO_EARLY: 'This time is too far ahead to be booked yet.',
}

/** The refusal of a time, in words for a person. */
export const refuseTime = (reason: Reason): AppError =>
  new AppError(reason, TIME_REFUSALS[reason] ?? 'This time cannot be had.')
