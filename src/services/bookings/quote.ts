import { eq, sql } from 'drizzle-orm'
import { type Db, prepared } from '../../db/client'
import { services, spaces } from '../../db/schema'
import { multirange } from '../../db/sql'
import { AppError, invalidField, notFound, type Reason } from '../../errors'
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
import { recallRules } from '../calendar/space-day'
import { getTier } from '../loyalty/loyalty'

/**
 * A requested time of a space, or of a service with `spaceId` as its room. `slotOf`, the space or service in a slot's id, replaces
 * both. `specialistId` must offer the service.
 */
export type TimeRequest = {
  spaceId?: string | undefined
  serviceId?: string | undefined
  slotOf?: string | undefined
  specialistId?: string | undefined
  startsAt: Date
  endsAt?: Date | undefined
}

/**
 * A requested time checked against the rules. `spaces` lists the suitable ones, best first, and `prices` the total for each in
 * minor units, or a single total if no space is needed. `rules` holds the rules versions by calendar id.
 */
export type Quote = {
  time: Period
  locationId: string
  serviceId: string | null
  specialistId: string | null
  /** The service's buffer. A space with a longer one applies its own. */
  bufferMinutes: number
  currency: string
  spaces: string[]
  prices: number[]
  rules: Record<string, number>
  /** The rules of the space if the request is for one space and no service. */
  spaceRules?: Rules
}

/**
 * Checks a requested time against the rules and finds the suitable spaces and their prices.
 * @param userId the user whose tier may allow booking further ahead
 * @param recall allows remembered rules of a space: a claim by outdated ones fails with STALE_RULES, and a refusal is always
 *   decided by the current rules
 * @throws NOT_FOUND, VALIDATION, SLOT_PAST, SLOT_CLOSED, OFF_GRID, TOO_LONG, TOO_LATE, TOO_EARLY
 */
export async function quoteTime(
  db: Db,
  request: TimeRequest,
  userId: string,
  recall = false,
): Promise<Quote> {
  const { spaceId = request.slotOf, serviceId = request.slotOf } = request
  const isSpace = request.serviceId === undefined && spaceId !== undefined
  const recalled = isSpace && recall ? await quoteFromMemory(db, spaceId, request) : undefined
  const spaceQuote = recalled ?? (isSpace ? await quoteSpace(db, spaceId, request, userId) : undefined)
  const quote = spaceQuote ?? (serviceId ? await quoteService(db, serviceId, request, userId) : undefined)
  if (!quote) throw notFound(serviceId ? 'service' : 'space')
  return quote
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
  request: TimeRequest,
  userId: string,
): Promise<Quote | undefined> {
  const [row] = await spaceQuery(db).execute({ id: spaceId, window: multirange([widest(request)]) })
  if (!row?.rules) return undefined
  const time = timeOf(request, row.rules)
  await assertWithinRules(db, row.rules, time, row.now, userId)
  return quoteFromRules(row.rules, spaceId, time)
}

/** The clock difference of older rules may have drifted. */
const RULES_MAX_AGE_MS = MINUTE

/**
 * Quotes by rules that may have changed a moment ago: a claim by them fails with STALE_RULES then.
 * @returns undefined if the current rules must decide
 */
async function quoteFromMemory(db: Db, spaceId: string, request: TimeRequest): Promise<Quote | undefined> {
  const known = await recallRules(db, spaceId, RULES_MAX_AGE_MS)
  if (!known) return undefined
  const time = timeOf(request, known.rules)
  const now = known.clockAhead + performance.now()
  const refused = time.from >= time.to || unavailableReasonByRules(known.rules, time, now) !== null
  return refused ? undefined : quoteFromRules(known.rules, spaceId, time)
}

function quoteFromRules(rules: Rules, spaceId: string, time: Period): Quote {
  return {
    ...quoteBase(rules, time),
    spaceRules: rules,
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
  request: TimeRequest,
  userId: string,
): Promise<Quote | undefined> {
  const [row] = await serviceQuery(db).execute({ id: serviceId, window: multirange([widest(request)]) })
  const { rules, rooms = [], now: at = 0 } = row ?? {}
  const calendar = rules && forService({ rules, rooms, claims: [], now: at }, serviceId)
  if (!calendar) return undefined
  if (request.specialistId && request.specialistId !== calendar.rules.specialistId)
    throw invalidField('specialistId', 'does not offer this service')
  const time = timeOf(request, calendar.rules)
  await assertWithinRules(db, calendar.rules, time, at, userId)
  const suitable = roomsFor(calendar, time, request.spaceId)
  const { priceMinor } = calendar.rules
  return {
    ...quoteBase(calendar.rules, time),
    spaces: suitable.map((room) => calendarId(room.rules)),
    prices: calendar.rules.room
      ? suitable.map((room) => priceMinor + roomPrice(room.rules, time))
      : [priceMinor],
    rules: Object.fromEntries(
      [calendar.rules, ...suitable.map((room) => room.rules)].map((of) => [calendarId(of), of.rulesVersion]),
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

function roomsFor(calendar: Calendar, time: Period, requested: string | undefined): Room[] {
  const { room: need } = calendar.rules
  if (!need && requested) throw invalidField('spaceId', 'is not needed for this service')
  const closed = roomUnavailableReason(calendar, time)
  if (closed) throw timeRefusal(closed)
  const open = openRooms(calendar, time)
  if (!requested) return open
  const chosen = open.filter(({ rules }) => rules.spaceId === requested)
  if (chosen.length > 0) return chosen
  const isSuitable = calendar.rooms?.some(
    ({ rules, kind, capacity }) =>
      rules.spaceId === requested && need && kind === need.kind && capacity >= need.capacity,
  )
  throw isSuitable
    ? timeRefusal('SLOT_CLOSED')
    : invalidField('spaceId', 'is not a suitable room for this service')
}

function timeOf({ startsAt, endsAt }: TimeRequest, rules: Rules): Period {
  const from = startsAt.getTime()
  return { from, to: endsAt ? endsAt.getTime() : from + rules.slotMinutes * MINUTE }
}

/** Without an end the request is for one slot, which is at most a day long. */
function widest({ startsAt, endsAt }: TimeRequest): Period {
  const from = startsAt.getTime()
  return { from, to: Math.max(endsAt?.getTime() ?? 0, from + DAY) }
}

/** A tier may allow booking further ahead, so TOO_EARLY is decided again with the notice of the user's tier. */
async function assertWithinRules(
  db: Db,
  rules: Rules,
  time: Period,
  at: Millis,
  userId: string,
): Promise<void> {
  if (time.from >= time.to) throw invalidField('endsAt', 'must be after the start')
  let reason = unavailableReasonByRules(rules, time, at)
  if (reason === 'TOO_EARLY') {
    const { extraNoticeDays } = await getTier(db, userId)
    reason = unavailableReasonByRules(
      { ...rules, maxNoticeDays: rules.maxNoticeDays + extraNoticeDays },
      time,
      at,
    )
  }
  if (reason) throw timeRefusal(reason)
}

const TIME_REFUSALS: Partial<Record<Reason, string>> = {
  SLOT_TAKEN: 'This time is taken. Choose another.',
  SLOT_PAST: 'This time has already started.',
  SLOT_CLOSED: 'This time is closed. Choose another.',
  OFF_GRID: 'A booking must start and end with a slot.',
  TOO_LONG: 'This booking is too long. Choose fewer slots.',
  TOO_LATE: 'This time is too soon. Choose a later one.',
  TOO_EARLY: 'This time is too far ahead. Choose an earlier one.',
}

export const timeRefusal = (reason: Reason): AppError =>
  new AppError(reason, TIME_REFUSALS[reason] ?? 'This time is not available.')
