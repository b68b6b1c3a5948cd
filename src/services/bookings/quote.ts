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
  roomUnavailableReason,
  unavailableReasonByRules,
} from '../calendar/availability'
import { getTier } from '../loyalty/loyalty'

/** What somebody wants: a time of a space, or of a service with the room it may need, which may be named. */
export type TimeRequest = {
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
export type Quote = {
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
export async function quoteTime(
  db: Db,
  wish: TimeRequest,
  personId: string,
  remembered?: Cache,
): Promise<Quote> {
  const { spaceId = wish.slotOf, serviceId = wish.slotOf } = wish
  const ofSpace =
    wish.serviceId === undefined && spaceId
      ? ((remembered && (await quoteFromCache(remembered, db, spaceId, wish))) ??
        (await quoteSpace(db, spaceId, wish, personId)))
      : undefined
  const plan = ofSpace ?? (serviceId ? await quoteService(db, serviceId, wish, personId) : undefined)
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

async function quoteSpace(
  db: Db,
  spaceId: string,
  wish: TimeRequest,
  personId: string,
): Promise<Quote | undefined> {
  const [row] = await spaceQuery(db).execute({ id: spaceId, window: multirange([widest(wish)]) })
  if (!row?.rules) return undefined
  const time = timeOf(wish, row.rules)
  await assertWithinRules(db, row.rules, time, row.now, personId)
  return quoteFromRules(row.rules, spaceId, time)
}

/** What the rules of a space were when they were read, and the difference between the database's clock and that of this process. */
type CachedRules = { rules: Rules | null; clockAhead: Millis }

/** For so long the rules of spaces are remembered, under one tag: they change seldom. */
const RULES_MAX_AGE_MS = MINUTE
export const RULES_TAG = 'rules'

/** @returns undefined where the rules of now must decide */
async function quoteFromCache(
  cache: Cache,
  db: Db,
  spaceId: string,
  wish: TimeRequest,
): Promise<Quote | undefined> {
  const { from, to } = widest(wish)
  const period = { from: Math.floor(from / DAY) * DAY, to: (Math.floor(from / DAY) + 2) * DAY }
  if (to > period.to) return undefined
  const { rules, clockAhead } = await cache.local<CachedRules>(
    `rules:${spaceId}:${period.from}`,
    { tag: RULES_TAG, maxAgeMs: RULES_MAX_AGE_MS },
    async () => {
      const [row] = await spaceQuery(db).execute({ id: spaceId, window: multirange([period]) })
      return { value: { rules: row?.rules ?? null, clockAhead: (row?.now ?? 0) - performance.now() } }
    },
  )
  if (!rules) return undefined
  const time = timeOf(wish, rules)
  const refused =
    time.from >= time.to || unavailableReasonByRules(rules, time, clockAhead + performance.now()) !== null
  return refused ? undefined : quoteFromRules(rules, spaceId, time)
}

function quoteFromRules(rules: Rules, spaceId: string, time: Period): Quote {
  return {
    ...quoteBase(rules, time),
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

async function quoteService(
  db: Db,
  serviceId: string,
  wish: TimeRequest,
  personId: string,
): Promise<Quote | undefined> {
  const [row] = await serviceQuery(db).execute({ id: serviceId, window: multirange([widest(wish)]) })
  const { rules, rooms = [], now: at = 0 } = row ?? {}
  const calendar = rules && forService({ rules, rooms, claims: [], now: at }, serviceId)
  if (!calendar) return undefined
  if (wish.specialistId && wish.specialistId !== calendar.rules.specialistId)
    throw invalidField('specialistId', 'does not offer this service')
  const time = timeOf(wish, calendar.rules)
  await assertWithinRules(db, calendar.rules, time, at, personId)
  const fitting = roomsFor(calendar, time, wish.spaceId)
  const { priceMinor } = calendar.rules
  return {
    ...quoteBase(calendar.rules, time),
    spaces: fitting.map((room) => calendarId(room.rules)),
    prices: calendar.rules.room
      ? fitting.map((room) => priceMinor + roomPrice(room.rules, time))
      : [priceMinor],
    rules: Object.fromEntries(
      [calendar.rules, ...fitting.map((room) => room.rules)].map((of) => [calendarId(of), of.rulesVersion]),
    ),
  }
}

function quoteBase(rules: Rules, time: Period) {
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
  const closed = roomUnavailableReason(calendar, time)
  if (closed) throw timeRefusal(closed)
  const open = openRooms(calendar, time)
  if (!named) return open
  const chosen = open.filter(({ rules }) => rules.spaceId === named)
  if (chosen.length > 0) return chosen
  const fits = calendar.rooms?.some(
    ({ rules, kind, capacity }) =>
      rules.spaceId === named && need && kind === need.kind && capacity >= need.capacity,
  )
  throw fits ? timeRefusal('SLOT_CLOSED') : invalidField('spaceId', 'is not a room that fits this service')
}

/** One slot where no end is given. */
function timeOf({ startsAt, endsAt }: TimeRequest, rules: Rules): Period {
  const from = startsAt.getTime()
  return { from, to: endsAt ? endsAt.getTime() : from + rules.slotMinutes * MINUTE }
}

/** Without an end it is one slot, and no slot is longer than a day. */
function widest({ startsAt, endsAt }: TimeRequest): Period {
  const from = startsAt.getTime()
  return { from, to: Math.max(endsAt?.getTime() ?? 0, from + DAY) }
}

/**
 * Boards are the same for everyone and say TOO_EARLY of what only some may hold yet: those are known here, and for them
 * the same rule decides again, with the longer notice of their tier.
 */
async function assertWithinRules(
  db: Db,
  rules: Rules,
  time: Period,
  at: Millis,
  personId: string,
): Promise<void> {
  if (time.from >= time.to) throw invalidField('endsAt', 'must be after the start')
  let reason = unavailableReasonByRules(rules, time, at)
  if (reason === 'TOO_EARLY') {
    const { extraNoticeDays } = await getTier(db, personId)
    reason = unavailableReasonByRules(
      { ...rules, maxNoticeDays: rules.maxNoticeDays + extraNoticeDays },
      time,
      at,
    )
  }
  if (reason) throw timeRefusal(reason)
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
export const timeRefusal = (reason: Reason): AppError =>
  new AppError(reason, TIME_REFUSALS[reason] ?? 'This time cannot be had.')
